"""What a teacher is: any network that finds the joints of people in given boxes, ours or another project's."""

from typing import Protocol

import numpy as np

from leanpose.engines import Engine, Session
from leanpose.pose.skeleton import Skeleton


class Teacher(Protocol):
    """Finds joints in boxes and says how sure it is of each.

    Attributes:
        name: what label files, cards and tables call it.
        skeleton: names the K joints that it knows.
    """

    name: str
    skeleton: Skeleton

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints of the people in the boxes.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (P, 4) the people's extents, xyxy in image pixels.

        Returns:
            keypoints (P, K, 2) in image pixels, also those outside the image, and confidences (P, K) from 0 to 1.
        """
        ...


class OpenedTeacher(Teacher, Protocol):
    """A teacher as :func:`leanpose.estimate.teachers.open_teacher` gives it: it also says how it looks.

    Attributes:
        input_hw: height and width in pixels of the crop that the network sees.
        padding: side of that crop over the side of the box grown to its aspect; of a first look, where there are more.
    """

    input_hw: tuple[int, int]
    padding: float

    @property
    def engine(self) -> Engine | Session:
        """The loaded network; says which engine and precision are in use."""
        ...

    def describe(self) -> str:
        """Model, engine, precision and way of looking in words, for reports."""
        ...
