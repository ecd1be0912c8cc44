"""Tables: cells by hand."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leanpose.datasets.writers import ImageStore, Losses, Person
from leanpose.datasets.writers.csv_labels import write_csv
from leanpose.pose.skeleton import LSP14


def test_a_person_by_hand(person: Callable[..., Person], tmp_path: Path) -> None:
    losses: Losses = Counter()
    people = {"train": [person(), person(box=np.array([10.0, 20, 10, 46]))], "test": [person(occluded=None)]}
    assert write_csv(tmp_path, people, LSP14, ImageStore(tmp_path, "none"), losses) == "csv:{}"  # type: ignore[arg-type]
    with (tmp_path / "labels.csv").open(newline="") as file:
        header, first, flat, last = csv.reader(file)
    assert header[:9] == ["file", "part", "x1", "y1", "x2", "y2", "right_ankle_x", "right_ankle_y", "right_ankle_v"]
    assert first[:2] == ["a.jpg", "train"]
    assert [float(cell) for cell in first[2:12]] == [9.5, 19.5, 59.5, 79.5, 10, 20, 2, 11, 22, 1]
    assert first[12:15] == ["", "", "0"]
    assert flat[2:6] == [""] * 4  # a box without area: the reader takes the hull
    assert (last[1], last[11]) == ("test", "2")
    assert losses["people of whom is not known which joints are hidden: none is said to be"] == 1


def test_what_nobody_knows_has_no_column(person: Callable[..., Person], tmp_path: Path) -> None:
    losses: Losses = Counter()
    write_csv(tmp_path, {"train": [person(occluded=None)]}, LSP14, ImageStore(tmp_path, "none"), losses)
    assert not any(name.endswith("_v") for name in (tmp_path / "labels.csv").read_text().split("\n")[0].split(","))
    assert losses.total() == 0
