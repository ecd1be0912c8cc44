"""What commands leave in a folder, and readers that refuse each file that is not whole."""

import csv
import json
import re
from pathlib import Path
from typing import Any

_TIME = re.compile(rb'"date_created": "[^"]*"')


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by their paths; of COCO labels without the time at which they were made."""
    files = {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    return {name: _TIME.sub(b"", data) if name.endswith(".json") else data for name, data in files.items()}


def entries(file: Path) -> Any:
    """What a result file, whole or partial, holds; an exception of its reader where it is cut."""
    from leanpose.pose.reading import read_json, read_json_lines

    if file.suffix == ".ckpt":
        from leanpose.training.checkpoint import read_checkpoint

        return read_checkpoint(file)
    if file.name.endswith(".journal.jsonl"):
        return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]  # what follows the last break is cut
    if file.suffix == ".jsonl":
        return list(read_json_lines(file))
    if file.suffix == ".csv":
        rows = list(csv.reader(file.read_text().splitlines()))
        if len({len(row) for row in rows}) > 1:
            raise ValueError("rows of several lengths")
        return rows
    if file.suffix == ".json":
        document = json.loads(file.read_text())
        return (
            read_json(file) if isinstance(document, dict) and document.get("schema") == "leanpose.poses" else document
        )
    if file.suffix == ".txt":
        return [[float(cell) for cell in line.split()] for line in file.read_text().splitlines()]
    return file.read_bytes()  # logs, journals and the like, which the rerun reads
