"""Tables for a terminal."""

import io

from rich.console import Console

from leanpose.datasets.inspection import inspect_samples
from leanpose.datasets.inspection.terminal import percent, read_images, tables
from leanpose.datasets.readers import Sample


def _printed(inspection) -> str:
    console = Console(file=io.StringIO(), width=160)
    for table in tables(inspection):
        console.print(table)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_what_was_found_is_in_the_tables(crowd: list[Sample]) -> None:
    shown = _printed(inspect_samples({"train": crowd[:40], "test": crowd[40:]}, ["a.json: [bold]annotation 7[/bold]"]))
    assert "60 people in 60 images" in shown
    assert "all 60 images opened" in shown
    assert "left_wrist" in shown
    assert "annotations left out" in shown
    assert "[bold]annotation 7[/bold]" in shown  # markup in the data is text


def test_no_images_and_no_findings(crowd: list[Sample]) -> None:
    inspection = inspect_samples({"train": crowd}, images=0)
    inspection.findings.clear()
    shown = _printed(inspection)
    assert "0 of 60 images opened, chosen at random" in shown
    assert "nothing" in shown
    assert "image width" not in shown


def test_numbers_in_words() -> None:
    assert percent(None) == "-"
    assert percent(0.1234) == "12.3"
    assert read_images({"images_read": 10, "images": 20_000}) == "10 of 20,000 images opened, chosen at random"
