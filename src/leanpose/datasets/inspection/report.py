"""The files of an inspection."""

import json
from pathlib import Path

from leanpose.core.errors import DatasetError
from leanpose.core.files import write_whole
from leanpose.datasets.inspection.inspection import Inspection
from leanpose.datasets.inspection.page import page


def write_report(inspection: Inspection, out: Path, title: str) -> tuple[Path, Path]:
    """Write ``inspection.json`` and ``inspection.html`` into ``out``, and name them.

    Raises:
        DatasetError: when they cannot be written.
    """
    data, sheet = out / "inspection.json", out / "inspection.html"
    write_whole(data, to_json(inspection, title).encode(), DatasetError)
    write_whole(sheet, page(inspection, title).encode(errors="replace"), DatasetError)
    return data, sheet


def to_json(inspection: Inspection, title: str) -> str:
    """An inspection as JSON text."""
    return json.dumps({"title": title} | inspection.to_dict(), indent=1, allow_nan=False)
