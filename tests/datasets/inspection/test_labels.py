"""Misplaced labels against loops, and planted."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.images import ImageFacts, measure_all
from leanpose.datasets.inspection.labels import find_coincident, find_misplaced, find_small
from leanpose.datasets.inspection.people import People, gather
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14

FACTS = ImageFacts(260, 200, b"", 0, np.zeros((16, 16), np.uint8))


def _people(samples: Sequence[Sample]) -> People:
    return gather({"train": samples})


def _misplaced(samples: Sequence[Sample]) -> list[Finding]:
    people = _people(samples)
    return list(find_misplaced(people, dict.fromkeys(range(len(people.images)), FACTS)))


def _moved(sample: Sample, joint: int, to: tuple[float, float]) -> np.ndarray:
    points = sample.keypoints.copy()
    points[joint] = to
    return points


def test_people_without_faults_are_not_found(crowd: list[Sample]) -> None:
    people = _people(crowd)
    assert list(find_misplaced(people, measure_all(people.images, 1000))) == []
    assert list(find_small(people)) == []
    assert list(find_coincident(people)) == []


@pytest.mark.parametrize(
    ("place", "kind"),
    [((-1.4, 140), None), ((-1.6, 140), "outside_image"), ((60, 260.6), "outside_image"), ((200.4, 140), None)],
)
def test_a_joint_outside_the_image_may_be_rounding(
    person: Callable[..., Sample], place: tuple[float, float], kind: str | None
) -> None:
    """The image covers -0.5 to 199.5 by 259.5; a pixel beyond that is rounding."""
    sample = person(0)
    whole = np.array([0, 0, 199, 259.0])
    found = _misplaced([person(0, keypoints=_moved(sample, 6, place), box=whole)])
    assert [f.kind for f in found] == ([kind] if kind else [])


@pytest.mark.parametrize(("beyond", "found"), [(0.24, False), (0.26, True)])
def test_a_joint_may_lie_a_quarter_of_the_side_outside_the_box(
    person: Callable[..., Sample], beyond: float, found: bool
) -> None:
    sample = person(0, box=np.array([40.0, 80, 140, 240]))
    x = 140 + beyond * 160
    points = np.clip(_moved(sample, 6, (x, 150)), (40, 80), None)
    assert [f.kind for f in _misplaced([person(0, box=sample.box, keypoints=points)])] == ["outside_box"] * found


def test_people_of_another_image_are_errors(person: Callable[..., Sample]) -> None:
    sample = person(0)
    shift = np.array([300.0, 0])
    (found,) = _misplaced([person(0, keypoints=sample.keypoints + shift, box=sample.box + np.tile(shift, 2))])
    assert (found.kind, found.grade) == ("off_image", "error")


def test_images_that_were_not_opened_are_not_judged_by(person: Callable[..., Sample]) -> None:
    sample = person(0)
    people = _people([person(0, keypoints=_moved(sample, 6, (-50, 100)), box=np.array([-50.0, 0, 199, 259]))])
    assert list(find_misplaced(people, {})) == []
    assert list(find_misplaced(people, {0: "damaged"})) == []


@given(st.integers(0, 2**32 - 1))
def test_misplaced_joints_are_those_of_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-30, 290, (14, 2))
    labelled = rng.random(14) < 0.7
    low = rng.uniform(0, 100, 2)
    box = np.concatenate((low, low + rng.uniform(5, 150, 2)))
    sample = Sample("lsp", "lsp/a", b"", points, labelled, box, LSP14)
    side = max(box[2] - box[0], box[3] - box[1], 1)
    out_of_image, out_of_box = [], []
    for (x, y), meant in zip(points, labelled, strict=True):
        if meant:
            out_of_image.append(max(-0.5 - x, x - 199.5, -0.5 - y, y - 259.5) > 1)
            out_of_box.append(max(box[0] - x, x - box[2], box[1] - y, y - box[3]) > side / 4)
    expected = []
    if any(out_of_image):
        expected.append("off_image" if all(out_of_image) else "outside_image")
    if any(out_of_box):
        expected.append("outside_box")
    assert [f.kind for f in _misplaced([sample])] == expected


@pytest.mark.parametrize(("side", "found"), [(19.9, True), (20.1, False)])
def test_very_small_people(person: Callable[..., Sample], side: float, found: bool) -> None:
    people = _people([person(0, box=np.array([0, 0, side, 5]))])
    assert [f.kind for f in find_small(people)] == ["tiny"] * found


def test_three_joints_on_one_spot(person: Callable[..., Sample]) -> None:
    sample = person(0)
    points = sample.keypoints.copy()
    points[[3, 5]] = 0
    assert list(find_coincident(_people([person(0, keypoints=points)]))) == []
    points[9] = 0
    (found,) = find_coincident(_people([person(0, keypoints=points)]))
    assert found.message == "left_hip, left_ankle, left_shoulder at 0, 0"
    unlabelled = sample.labelled.copy()
    unlabelled[9] = False
    assert list(find_coincident(_people([person(0, keypoints=points, labelled=unlabelled)]))) == []
