"""What teachers have in common that look once, at an upright crop around the box."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import ModelError
from leanpose.engines import Session
from leanpose.estimate.teachers.network import Network
from leanpose.pose.skeleton import COCO17, Skeleton


class OneLook(ABC):
    """A network that sees a crop around each box.

    Attributes:
        name: the file's.
        skeleton: of the answers.
        network: the loaded file.
        input_hw: height and width of the crop in pixels.
        padding: side of the crop over the side of the box grown to its aspect.
    """

    skeleton: Skeleton = COCO17

    def __init__(self, network: Network, input_hw: tuple[int, int], padding: float) -> None:
        if not padding > 0:
            raise ModelError(f"{network.path}: padding must be above 0, not {padding}")
        self.name, self.network, self.input_hw, self.padding = network.path.stem, network, input_hw, padding

    @abstractmethod
    def feed(self, crops: np.ndarray) -> np.ndarray:
        """Crops (P, h, w, 3) uint8 RGB as the network takes them."""

    @abstractmethod
    def locate(self, answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Points (P, K, 2) in crop pixels and confidences (P, K) from the network's outputs, in the file's order."""

    @property
    def engine(self) -> Session:
        """See :class:`leanpose.estimate.teachers.interface.OpenedTeacher`."""
        return self.network.session

    def describe(self) -> str:
        """Model, engine, precision and padding in words."""
        return f"model {self.name}, engine {self.engine.describe()}, flip test off, crop {self.padding:g} of the box"

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`leanpose.estimate.teachers.interface.Teacher.__call__`.

        Raises:
            BoxError: when a box cannot be used.
            ModelError: when the network's answer is not of its layout.
        """
        boxes, _ = check_boxes(boxes, (image.shape[0], image.shape[1]))
        if not len(boxes):
            return np.zeros((0, len(self.skeleton), 2)), np.zeros((0, len(self.skeleton)))
        transforms = geometry.crop_transform(boxes, self.input_hw, self.padding)
        answers = self.network(self.feed(rgb_crops(image, transforms, self.input_hw)))
        points, confidences = self.locate(answers)
        return geometry.apply(geometry.invert(transforms), points), np.clip(confidences, 0, 1)


def rgb_crops(image: np.ndarray, transforms: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Crops (P, h, w, 3) uint8 RGB of a BGR image (H, W, 3) under transforms (P, 2, 3), black outside the image."""
    return np.stack([geometry.warp(image, transform, input_hw)[..., ::-1] for transform in transforms])
