"""JSON as this service answers it."""

import json
from typing import Any

from starlette.responses import Response


class JsonAnswer(Response):
    """A JSON answer; what JSON has no word for is a fault, not text that nobody can read."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
