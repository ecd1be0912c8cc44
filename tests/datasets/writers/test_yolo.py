"""YOLO-pose files: numbers by hand."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from leanpose.datasets.writers import ImageStore, Losses, Person
from leanpose.datasets.writers.yolo import write_yolo
from leanpose.pose.skeleton import LSP14


def _write(folder: Path, people: list[Person]) -> tuple[list[list[str]], Losses]:
    losses: Losses = Counter()
    assert write_yolo(folder, {"val": people}, LSP14, ImageStore(folder, "none"), losses) == "yolo:{}"
    return [line.split() for line in (folder / "labels" / "val" / "a.txt").read_text().splitlines()], losses


def test_a_person_by_hand(person: Callable[..., Person], tmp_path: Path) -> None:
    """In fractions of 200 by 100 pixels that begin half a pixel before ours."""
    ((*row,),), _ = _write(tmp_path, [person()])
    assert row[0] == "0"
    assert [float(v) for v in row[1:5]] == [35 / 200, 0.5, 0.25, 0.6]
    assert [float(v) for v in row[5:14]] == [10.5 / 200, 0.205, 2, 11.5 / 200, 0.225, 1, 0, 0, 0]
    assert len(row) == 5 + 3 * 14
    assert (tmp_path / "data.yaml").read_text().startswith("train: []\nval: images/val\ntest: []\nkpt_shape: [14, 3]\n")


def test_nothing_is_written_beyond_the_image(person: Callable[..., Person], tmp_path: Path) -> None:
    inside = person(box=np.array([-10.5, 19.5, 39.5, 79.5]))
    points = inside.sample.keypoints.copy()
    points[0], points[5] = (-0.6, 20), (50, 99.6)
    inside = replace(inside, sample=replace(inside.sample, keypoints=points))
    away = person(box=np.array([200.0, 0, 250, 40]))
    rows, losses = _write(tmp_path, [inside, away])
    assert len(rows) == 1
    numbers = np.array(rows[0], float)
    assert ((numbers[1:5] >= 0) & (numbers[1:5] <= 1)).all()
    assert numbers[1:5].tolist() == [0.1, 0.5, 0.2, 0.6]
    assert numbers[7::3].tolist() == [0, 1, 0, 2, 2, 0, *[2] * 8]
    assert losses["joints outside the image"] == 2
    assert losses["boxes cut at the edges of the image"] == 1
    assert losses["people with nothing inside the image: left out"] == 1
