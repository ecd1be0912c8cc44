"""The files of an inspection."""

import json
from pathlib import Path

import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.inspection import inspect_samples
from leanpose.datasets.inspection.report import write_report
from leanpose.datasets.readers import Sample


def test_both_files_are_written(crowd: list[Sample], tmp_path: Path) -> None:
    data, sheet = write_report(inspect_samples({"train": crowd}), tmp_path / "new" / "folder", "my data")
    content = json.loads(data.read_text())
    assert content["title"] == "my data"
    assert content["people"] == 60
    assert sheet.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(p.name for p in data.parent.iterdir()) == ["inspection.html", "inspection.json"]


def test_names_that_are_no_text_do_not_stop_it(crowd: list[Sample], tmp_path: Path) -> None:
    """File names of other encodings hold half surrogates in Python."""
    data, sheet = write_report(inspect_samples({"train": crowd}, ["caf\udce9.jpg: damaged"]), tmp_path, "x")
    assert "caf\\udce9.jpg" in data.read_text()
    assert "caf?.jpg" in sheet.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made(crowd: list[Sample], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        write_report(inspect_samples({"train": crowd}), tmp_path / "file", "x")
