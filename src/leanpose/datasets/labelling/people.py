"""From boxes and a teacher's answers to the annotations of one picture, by rules that are written beside the labels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import ModelError, PosesError
from leanpose.estimate.association import without_doubles, without_taken
from leanpose.estimate.teachers.interface import Teacher
from leanpose.pose.coco import AREA_OF_BOX
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

DECIMALS = 2  # of pixels and confidences in the file
TWICE = 0.5  # share of a box inside another's from which the same joints mean the same person


@dataclass(frozen=True)
class Rules:
    """What becomes a label.

    Attributes:
        boxes_from: score from which a found box is written.
        joints_from: score from which the teacher is asked for a person's joints.
        min_side: pixels of the longer side of a box, as far as it is in the image, from which the teacher is asked.
        least: confidence from which a joint is written.

    Raises:
        ValueError: for a score or confidence outside [0, 1], or a negative side.
    """

    boxes_from: float = 0.2
    joints_from: float = 0.35
    min_side: float = 56.0
    least: float = 0.2

    def __post_init__(self) -> None:
        for name in ("boxes_from", "joints_from", "least"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], not {getattr(self, name)}")
        if not self.min_side >= 0:
            raise ValueError(f"min_side must be 0 pixels or more, not {self.min_side}")


def label_people(
    image: np.ndarray,
    boxes: np.ndarray,
    scores: np.ndarray,
    teacher: Teacher | None,
    rules: Rules,
    keep_all: bool = False,
    skeleton: Skeleton | None = None,
) -> list[dict[str, Any]]:
    """COCO annotations, without ids, of the people in one image.

    A joint outside the image, or that the teacher did not find, has confidence 0. Where two boxes lead to the same
    person's joints (:func:`leanpose.estimate.association.without_doubles`), the weaker one gets none. If half of it
    lies in the other it is left out, unless ``keep_all``; else it is somebody's beside whom the teacher saw the
    stronger person. A limb that two people are given is the surer one's
    (:func:`leanpose.estimate.association.without_taken`).

    Args:
        image: (H, W, 3) BGR uint8.
        boxes: (P, 4) xyxy in image pixels, as :func:`leanpose.core.boxes.check_boxes` gives them. The teacher sees them
            whole; written is what of them lies in the image, and by that a person's size is judged.
        scores: (P,) of the boxes, in [0, 1].
        teacher: who is asked for joints; ``None`` for boxes alone.
        keep_all: every box is somebody's, as where people drew them; ``boxes_from`` then does not count.
        skeleton: whose joints to write; ``None`` for the teacher's.

    Raises:
        ModelError: when the teacher does not answer as :class:`leanpose.estimate.teachers.interface.Teacher` says.
        SkeletonError: when the skeleton has a joint that the teacher does not know.
    """
    x1, y1, x2, y2 = geometry.image_box(image.shape[0], image.shape[1])
    shown = np.clip(boxes, (x1, y1, x1, y1), (x2, y2, x2, y2))
    if not keep_all:  # of less than a pixel nothing is seen, and no reader of the file would take it
        kept = (scores >= rules.boxes_from) & (shown[:, 2:] - shown[:, :2] >= 1).all(axis=1)
        boxes, scores, shown = boxes[kept], scores[kept], shown[kept]
    if teacher is None:
        return [_box_entry(box, score) for box, score in zip(shown, scores, strict=True)]
    wanted = skeleton or teacher.skeleton
    large = (shown[:, 2:] - shown[:, :2]).max(axis=1) >= rules.min_side
    asked = np.flatnonzero(large & (scores >= rules.joints_from))
    poses = _ask(teacher, image, boxes[asked], scores[asked])
    stay = without_doubles(poses)
    sure = np.zeros_like(poses.scores)
    sure[stay] = without_taken(poses[stay]).scores
    answers = replace(poses, scores=sure).view(wanted)
    points, confidences = np.zeros((len(boxes), len(wanted), 2)), np.zeros((len(boxes), len(wanted)))
    points[asked], confidences[asked] = answers.keypoints, answers.scores
    left_out = set() if keep_all else set(asked[_twice(poses, stay)].tolist())
    return [
        _box_entry(shown[i], scores[i]) | _joint_fields(points[i], confidences[i], rules.least)
        for i in range(len(boxes))
        if i not in left_out
    ]


def _twice(poses: Poses, stay: np.ndarray) -> np.ndarray:
    """Which people (P,) are there twice: not among those that stay, and half of their box in that of the one of those
    whose joints are nearest."""
    twice = np.zeros(len(poses), dtype=bool)
    others = np.flatnonzero(stay)
    for person in np.flatnonzero(~stay):
        apart = np.linalg.norm(poses.keypoints[others] - poses.keypoints[person], axis=-1)
        nearest = others[np.nanmedian(apart, axis=1).argmin()]
        low = np.maximum(poses.boxes[person, :2], poses.boxes[nearest, :2])
        high = np.minimum(poses.boxes[person, 2:], poses.boxes[nearest, 2:])
        area = (poses.boxes[person, 2:] - poses.boxes[person, :2]).prod()
        twice[person] = np.maximum(high - low, 0).prod() >= TWICE * area
    return twice


def _ask(teacher: Teacher, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> Poses:
    """The teacher's answers, without those that cannot be labels."""
    hw = (image.shape[0], image.shape[1])
    if not len(boxes):
        return Poses.empty(teacher.skeleton, hw)
    keypoints, confidences = teacher(image, boxes)
    x1, y1, x2, y2 = geometry.image_box(*hw)
    try:
        poses = Poses(keypoints, confidences, boxes, scores, teacher.skeleton, hw)
    except PosesError as error:
        raise ModelError(f"teacher '{teacher.name}' does not answer with joints and confidences: {error}") from error
    with np.errstate(invalid="ignore"):  # NaN for joints that were not found lies nowhere
        inside = ((keypoints >= (x1, y1)) & (keypoints <= (x2, y2))).all(axis=-1)
    return replace(poses, scores=np.where(inside, poses.scores, 0))


def _box_entry(box: np.ndarray, score: float) -> dict[str, Any]:
    x, y, right, bottom = geometry.to_corner(box).tolist()
    width, height = right - x, bottom - y
    return {
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [round(side, DECIMALS) for side in (x, y, width, height)],
        "area": round(AREA_OF_BOX * width * height, DECIMALS),
        "score": round(float(score), 4),
    }


def _joint_fields(points: np.ndarray, confidences: np.ndarray, least: float) -> dict[str, Any]:
    rounded = np.round(confidences.astype(float), DECIMALS)  # so that a reader of the file finds the rule kept
    shown = (rounded >= least) & (rounded > 0)
    rows = np.column_stack((np.where(shown[:, None], points, 0), np.where(shown, 2, 0)))
    return {
        "num_keypoints": int(shown.sum()),
        "keypoints": [v for x, y, seen in rows.tolist() for v in (round(x, DECIMALS), round(y, DECIMALS), int(seen))],
        "confidences": [round(value, DECIMALS) for value in rounded.tolist()],
    }
