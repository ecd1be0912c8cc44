"""A model of leanpose as a teacher."""

import numpy as np

from leanpose.engines import Engine, Precision
from leanpose.estimate.estimator import PoseEstimator
from leanpose.pose.skeleton import Skeleton


class OwnModel:
    """A packaged model, an ``.onnx`` file with its card, or a checkpoint.

    Attributes:
        name, input_hw, padding: the card's.
        skeleton: the model's.
        estimator: that runs it; its scores are the confidences.
    """

    name: str
    skeleton: Skeleton

    def __init__(
        self, model: str, threads: int | None = None, precision: Precision = "auto", engine: str = "auto"
    ) -> None:
        """Load it; arguments and errors as :class:`leanpose.estimate.estimator.PoseEstimator` has them."""
        self.estimator = PoseEstimator(model, engine, precision, threads=threads, detector=None)
        card = self.estimator.card
        self.name, self.skeleton, self.input_hw, self.padding = card.name, card.skeleton, card.input_hw, card.padding

    @property
    def engine(self) -> Engine:
        """See :class:`leanpose.estimate.teachers.interface.OpenedTeacher`."""
        return self.estimator.engine

    def describe(self) -> str:
        """Model, engine, precision, flip test and decode method in words."""
        return self.estimator.describe()

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`leanpose.estimate.teachers.interface.Teacher.__call__`.

        Raises:
            BoxError: when a box cannot be used.
        """
        poses = self.estimator(image, boxes)
        return poses.keypoints, np.clip(poses.scores, 0, 1)
