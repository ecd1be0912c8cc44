"""People labelled twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.twins import find_twins
from leanpose.datasets.readers import Sample

IMAGE = Path("a.jpg")


def _pairs(samples: list[Sample]) -> set[tuple[int, ...]]:
    return {f.people for f in find_twins(gather({"train": samples}))}


def test_those_with_nearly_the_same_joints_are_found(person: Callable[..., Sample]) -> None:
    first = person(0, image=IMAGE)
    side = (first.box[2:] - first.box[:2]).max()
    along, away = np.array([0.02 * side, 0]), np.array([100.0, 0])
    samples = [
        first,
        person(0, image=IMAGE, keypoints=first.keypoints + along),
        person(0, image=IMAGE, keypoints=first.keypoints + 2 * along),  # 4 % from the first, 2 % from the second
        person(0, image=IMAGE, keypoints=first.keypoints + away, box=first.box + np.tile(away, 2)),
        person(0, image=Path("b.jpg")),
    ]
    assert _pairs(samples) == {(0, 1), (1, 2)}


def test_those_with_too_few_common_joints_are_told_by_their_boxes(person: Callable[..., Sample]) -> None:
    """Boxes of 100 by 100 pixels, shifted by s: they overlap by (100 - s) / (100 + s), over 0.95 up to s = 2.56."""
    box = np.array([10.0, 10, 110, 110])
    upper, lower = np.arange(14) >= 6, np.arange(14) < 6
    for shift, found in ((2.5, True), (2.6, False)):
        samples = [
            person(0, image=IMAGE, box=box, labelled=upper),
            person(0, image=IMAGE, box=box + np.array([shift, 0, shift, 0]), labelled=lower),
        ]
        assert bool(_pairs(samples)) == found


def test_crowds_and_other_parts_are_no_twins(person: Callable[..., Sample]) -> None:
    assert _pairs([person(0, image=IMAGE), person(0, image=IMAGE, crowd=True)]) == set()
    people = gather({"train": [person(0, image=IMAGE)], "test": [person(0, image=IMAGE)]})
    assert list(find_twins(people)) == []


def test_boxes_without_area_and_size_are_compared(person: Callable[..., Sample]) -> None:
    nobody = np.zeros(14, dtype=bool)
    point = np.array([5.0, 5, 5, 5])
    samples = [person(i, image=IMAGE, box=point, labelled=nobody) for i in range(2)]
    assert _pairs(samples) == {(0, 1)}
