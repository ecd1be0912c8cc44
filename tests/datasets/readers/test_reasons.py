"""Reasons: a line a kind, counted; every command that finds nobody gives them."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.reasons import nobody, reasons
from leanpose.pose.skeleton import COCO17
from leanpose.training.people import training_people

FAULTS = ("no id", "file_name 'a b' is none", "bbox must be numbers")


def _message(fault: int, entry: int) -> str:
    return f"/data/p.json: annotation {entry}: {FAULTS[fault]}: left out"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50))))
def test_every_message_counts_once_and_in_one_line(entries: list[tuple[int, int]]) -> None:
    lines = reasons(_message(*entry) for entry in entries)
    distinct = list(dict.fromkeys(entries))
    counts = Counter(fault for fault, _ in distinct)
    assert len(lines) == len(counts)
    for line, (fault, count) in zip(lines, counts.items(), strict=True):  # both in the order of the first of each
        more = re.search(r"\(and (\d+) more like it\)$", line)
        assert line.startswith(_message(*next(entry for entry in distinct if entry[0] == fault)))
        assert (int(more[1]) if more else 0) == count - 1


def test_of_many_kinds_the_first_are_shown_and_the_others_counted() -> None:
    lines = reasons([_message(0, 1), _message(1, 2), _message(1, 3), _message(2, 4)], most=1)
    assert lines == [_message(0, 1), "and 3 more, for other reasons"]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Three images named with backslashes, and a person in each."""
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}
    images = [{"id": i, "file_name": f"images\\{i}.png", "width": 99, "height": 99} for i in range(3)]
    people = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 80, 80], "keypoints": [9, 9, 2] * 17}
        for i in range(3)
    ]
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"images": images, "annotations": people, "categories": [category]}))
    return file


@pytest.mark.parametrize(
    "words",
    [
        ["data", "inspect", "SPEC"],
        ["data", "pack", "--data", "SPEC", "--out", "OUT"],
        ["data", "convert", "SPEC", "--to", "csv", "--out", "OUT"],
        ["evaluate", "nano", "--data", "SPEC"],
        ["finetune", "--data", "SPEC", "--out", "OUT"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_who_finds_nobody_says_why_in_two_lines(words: list[str], broken: Path, tmp_path: Path) -> None:
    given = {"SPEC": f"coco:{broken}", "OUT": str(tmp_path / "out")}
    result = CliRunner().invoke(app, [given.get(word, word) for word in words])
    assert result.exit_code == 2
    first, *lines = result.stderr[result.stderr.index("error: nobody to ") :].splitlines()
    assert first.endswith(f"of coco:{broken}: 6 left out")
    assert lines == [
        f"  {broken}: image 0: file_name 'images\\\\0.png' holds backslashes: write / for them: left out "
        "(and 2 more like it)",
        f"  {broken}: annotation 0: image_id 0 is none of the usable images: left out (and 2 more like it)",
    ]


def test_a_training_says_why_there_is_nobody(broken: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"nobody to train on is in the parts train, val of .*: 6 left out\n  .*back"
    ):
        training_people([f"coco:{broken}"])


def test_where_nothing_was_left_out_the_parts_may_be_why(broken: Path) -> None:
    assert ",part=test behind it" in str(nobody("to evaluate", [f"coco:{broken}"], ("test",), []))
    assert "behind it" not in str(nobody("to evaluate", [f"coco:{broken},part=test"], ("test",), []))
