"""Logs as lines of JSON on stderr: who asked what and how it ended, never what was in a picture."""

import json
import logging
import time
from typing import Any

from leanpose.core.printable import printable


class JsonLines(logging.Formatter):
    """``{"time", "level", "event", ...}``, with what ``extra={"fields": {...}}`` adds."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": printable(record.getMessage()),
            "process": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_config() -> dict[str, Any]:
    """For :func:`logging.config.dictConfig`: our lines, and uvicorn's warnings as such."""
    own = {"handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {
            "leanpose.serve": {**own, "level": "INFO"},
            "uvicorn": {**own, "level": "WARNING"},
            "python_multipart": {**own, "level": "CRITICAL"},  # a broken form is the client's affair, who is told
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
