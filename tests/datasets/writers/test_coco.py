"""COCO files: numbers by hand."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leanpose.datasets.writers import ImageStore, Losses, Person
from leanpose.datasets.writers.coco import category, write_coco
from leanpose.pose.skeleton import LSP14, Skeleton
from leanpose.pose.skeleton_files import skeleton_from_category


def _write(folder: Path, people: list[Person]) -> tuple[dict, Losses]:
    losses: Losses = Counter()
    assert write_coco(folder, {"train": people}, LSP14, ImageStore(folder, "none"), losses) == "coco:{}"
    return json.loads((folder / "annotations" / "train.json").read_text()), losses


def test_a_person_by_hand(person: Callable[..., Person], tmp_path: Path) -> None:
    document, losses = _write(tmp_path, [person()])
    assert document["images"] == [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}]
    (entry,) = document["annotations"]
    assert entry["bbox"] == [10, 20, 50, 60]
    assert entry["area"] == pytest.approx(0.53 * 50 * 60)
    assert entry["keypoints"][:12] == [10, 20, 2, 11, 22, 1, 0, 0, 0, 13, 26, 2]
    assert entry["num_keypoints"] == 13
    assert losses["areas that are not known: 0.53 of the box is given"] == 1
    for part in ("val", "test"):
        assert json.loads((tmp_path / "annotations" / f"{part}.json").read_text())["annotations"] == []


def test_ids_are_kept_where_they_are_numbers_of_their_own(person: Callable[..., Person], tmp_path: Path) -> None:
    known = person(image_id=36, person_id=12, area=7.0)
    document, losses = _write(tmp_path, [known])
    assert [(a["id"], a["image_id"], a["area"]) for a in document["annotations"]] == [(12, 36, 7.0)]
    assert losses["ids of images and people"] == 0
    document, _ = _write(tmp_path, [known, known])
    assert [(a["id"], a["image_id"]) for a in document["annotations"]] == [(1, 36), (2, 36)]


def test_boxes_end_with_the_image(person: Callable[..., Person], tmp_path: Path) -> None:
    people = [person(box=np.array([-20.5, 10.5, 29.5, 120.0])), person(box=np.array([300.0, 0, 350, 40]))]
    document, losses = _write(tmp_path, people)
    assert [a["bbox"] for a in document["annotations"]] == [[0, 11, 30, 89]]
    assert losses["boxes cut at the edges of the image"] == 1
    assert losses["people with nothing inside the image: left out"] == 1


def test_a_category_describes_its_skeleton() -> None:
    dog = Skeleton("dog", ("a", "b", "c"), (("a", "c"),), (0.1, 0.2, 0.3), ("a", "b"), (("b", "c"),))
    for skeleton in (dog, LSP14):
        assert skeleton_from_category(category(skeleton)) == skeleton
    assert category(dog)["skeleton"] == [[1, 3]]  # COCO counts from 1
