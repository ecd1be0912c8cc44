"""Teachers in the place of an estimator: what they say goes into the figures as it is."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from leanpose.datasets.readers import Sample
from leanpose.measure import evaluate
from leanpose.measure.estimation import CENTRE_REGION_PX
from leanpose.measure.teachers import TeacherEstimator
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton


class Knowing:
    """A teacher who knows the people of the samples by their boxes, and is off by some pixels to the right."""

    name, input_hw, padding = "knowing", (256, 192), 1.1
    engine: Any = None

    def __init__(self, samples: list[Sample], off: float, skeleton: Skeleton) -> None:
        self.skeleton, self._off = skeleton, off
        self._people = {tuple(sample.box): sample for sample in samples}
        self.seen: list[np.ndarray] = []

    def describe(self) -> str:
        return "model knowing, engine none"

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.seen.append(boxes)
        person = self._people.get(tuple(boxes[0]), next(iter(self._people.values())))
        return person.keypoints[None] + (self._off, 0), np.full((1, len(self.skeleton)), 0.75)


@pytest.mark.parametrize(("off", "right"), [(9.9, 100), (10.1, 0)])
def test_a_teacher_is_measured_as_a_model_is(people: Callable[..., list[Sample]], off: float, right: float) -> None:
    """The torso of these people is 50 px: a fifth is 10."""
    samples = people(5)
    evaluation = evaluate(TeacherEstimator(Knowing(samples, off, LSP14)), samples)
    assert evaluation.mean == right
    assert evaluation.protocol.endswith("model knowing, engine none")
    assert evaluation.predicted == pytest.approx(np.stack([s.keypoints for s in samples]) + np.array([off, 0]))
    assert all(poses is not None and (poses.scores == 0.75).all() for poses in evaluation.poses)


def test_average_precision_takes_the_teachers_confidences(people: Callable[..., list[Sample]]) -> None:
    samples = people(4, COCO17, "coco", area=6400.0)
    evaluation = evaluate(TeacherEstimator(Knowing(samples, 0, COCO17)), samples)
    assert evaluation.figures[0].key == "ap"
    assert evaluation.mean == pytest.approx(100)


def test_the_region_at_the_images_centre_is_one_size_whatever_the_padding(people: Callable[..., list[Sample]]) -> None:
    samples = people(1)
    teacher: Any = Knowing(samples, 0, LSP14)
    evaluate(TeacherEstimator(teacher), samples, "centre")
    (box,) = teacher.seen[0]
    assert box[2:] - box[:2] == pytest.approx(np.full(2, CENTRE_REGION_PX / 1.1))
    assert (box[:2] + box[2:]) / 2 == pytest.approx(np.array([79.5, 59.5]))


def test_the_crop_is_the_teachers_own() -> None:
    teacher: Any = SimpleNamespace(name="any", input_hw=(64, 48), padding=1.5, skeleton=COCO17)
    card = TeacherEstimator(teacher).card
    assert (card.name, card.input_hw, card.padding) == ("any", (64, 48), 1.5)
