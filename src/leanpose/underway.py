"""People on their way through the estimator: images that wait for theirs, and batches that the engine looks at."""

from dataclasses import dataclass, field

import numpy as np

from leanpose.card import ModelCard
from leanpose.engines import Pending
from leanpose.pose import Poses


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

    def poses(self, people: list[tuple[np.ndarray, ...]], card: ModelCard) -> Poses:
        """Of what :meth:`leanpose.PoseEstimator.postprocess` gives for each of them, in the model's joints."""
        if not people:
            return Poses.empty(card.skeleton, self.image_hw, self.source)
        keypoints, scores, uncertainties = (np.stack(part) for part in zip(*people, strict=True))
        return Poses(
            keypoints, scores, self.boxes, self.box_scores, card.skeleton, self.image_hw, source=self.source,
            uncertainties=None if card.calibration is None else uncertainties,
        )  # fmt: skip
