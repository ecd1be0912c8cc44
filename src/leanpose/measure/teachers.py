"""Other projects' networks under evaluation: a teacher in the place of an estimator."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from leanpose.estimate.teachers.interface import OpenedTeacher
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True)
class TeacherCrop:
    """What a teacher's network sees of a box; see :class:`leanpose.measure.interface.Crop`."""

    name: str
    input_hw: tuple[int, int]
    padding: float


class TeacherEstimator:
    """A teacher with the face of an estimator, its confidences as scores.

    Attributes:
        teacher: that answers.
        skeleton: the teacher's.
        card: what its network sees.
    """

    skeleton: Skeleton
    card: TeacherCrop

    def __init__(self, teacher: OpenedTeacher) -> None:
        self.teacher, self.skeleton = teacher, teacher.skeleton
        self.card = TeacherCrop(teacher.name, teacher.input_hw, teacher.padding)

    def describe(self) -> str:
        """How the teacher looks, in words."""
        return self.teacher.describe()

    def estimate_pairs(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]], /) -> Iterator[Poses]:
        """See :meth:`leanpose.measure.interface.Estimator.estimate_pairs`; raises as the teacher does."""
        for image, boxes in pairs:
            keypoints, confidences = self.teacher(image, boxes)
            yield Poses(keypoints, confidences, boxes, np.ones(len(boxes)), self.skeleton, image.shape[:2])
