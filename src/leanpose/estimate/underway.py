"""People on their way through the estimator: images that wait for theirs, and batches that the engine looks at."""

from dataclasses import dataclass, field, replace

import numpy as np

from leanpose.core.geometry import image_box
from leanpose.engines import Pending
from leanpose.engines.card import ModelCard
from leanpose.pose.poses import Poses


@dataclass(frozen=True, eq=False)
class Batch:
    """People of any images on their way through the engine."""

    answers: list[Pending] = field(default_factory=list)
    transforms: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Waiting:
    """An image whose people, ``detected`` or given, are on their way; the pixels are no longer needed."""

    image_hw: tuple[int, int]
    boxes: np.ndarray
    box_scores: np.ndarray
    source: str | None
    detected: bool
    damage: str | None = None

    def poses(self, people: list[tuple[np.ndarray, ...]], card: ModelCard) -> Poses:
        """Of what :meth:`leanpose.PoseEstimator.postprocess` gives for each of them, in the model's joints."""
        if not people:
            return replace(Poses.empty(card.skeleton, self.image_hw, self.source), damage=self.damage)
        keypoints, scores, uncertainties = (np.stack(part) for part in zip(*people, strict=True))
        boxes, box_scores = self.boxes, self.box_scores
        found = looked_at(keypoints, scores, uncertainties, boxes, box_scores, card, self.image_hw, self.source)
        return found if self.damage is None else replace(found, damage=self.damage)


def looked_at(
    keypoints: np.ndarray,
    scores: np.ndarray,
    uncertainties: np.ndarray,
    boxes: np.ndarray,
    box_scores: np.ndarray,
    card: ModelCard,
    image_hw: tuple[int, int],
    source: str | None = None,
) -> Poses:
    """The poses of one image from what :meth:`leanpose.PoseEstimator.postprocess` gives for people in boxes (P, 4).

    Joints outside the image score 0: a crop may show what is beyond the edge, but nobody sees a joint there. They keep
    their place, which says where a limb leads.
    """
    x1, y1, x2, y2 = image_box(*image_hw)
    inside = ((keypoints >= (x1, y1)) & (keypoints <= (x2, y2))).all(axis=-1)
    return Poses(
        keypoints, np.where(inside, scores, 0), boxes, box_scores, card.skeleton, image_hw, source=source,
        uncertainties=None if card.calibration is None else uncertainties,
    )  # fmt: skip
