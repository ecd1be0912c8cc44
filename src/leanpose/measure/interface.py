"""What an evaluation needs of whoever answers; :class:`~leanpose.estimate.estimator.PoseEstimator` has it, and more."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton


class Crop(Protocol):
    """What the network of an :class:`Estimator` sees of a person's box."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the crop in pixels."""
        ...

    @property
    def padding(self) -> float:
        """Side of the crop over the side of the box grown to its aspect."""
        ...


class Estimator(Protocol):
    """Answers for people in given boxes."""

    @property
    def skeleton(self) -> Skeleton:
        """Of the answers."""
        ...

    @property
    def card(self) -> Crop:
        """What its network sees; of a packaged model the card."""
        ...

    def describe(self) -> str:
        """How it is run, in words, for reports."""
        ...

    def estimate_pairs(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]], /) -> Iterator[Poses]:
        """The poses of each image (H, W, 3) BGR and boxes (P, 4) in turn."""
        ...
