"""What one or two teachers say of people, and where they agree."""

from collections.abc import Sequence

import numpy as np

from leanpose.datasets.merging.word import Word
from leanpose.pose.skeleton import Skeleton

TORSO = 1.1  # of the distance of the middles, so as to be about PCK's torso, a diagonal
TORSO_OF_BOX = 1 / 3  # of its longer side: about a standing person's
TRUNK = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"))


class Teachers:
    """W words on N people with K joints, as arrays.

    What is not known is NaN: within no distance of anything.

    Attributes:
        places: (W, N, K, 2) image pixels.
        confidence: (W, N, K)
        persons: (W, N) how sure they are of somebody.
        unit: (N, 1) pixels, the measure of distances: the longest torso that a teacher sees.
        mean: (N, K, 2) of the places of all.
        apart: (N, K) distance of the two; 0 of one alone.
    """

    def __init__(self, words: Sequence[Word], skeleton: Skeleton, boxes: np.ndarray) -> None:
        seen = [word.seen_as(skeleton) for word in words]
        self.places = np.stack([word.keypoints for word in seen])
        self.confidence = np.stack([word.confidence for word in seen])
        self.persons = np.stack([word.person for word in seen])
        self.unit = np.max([torsos(places, boxes, skeleton) for places in self.places], axis=0)[:, None]
        self.mean = self.places.sum(axis=0) / len(seen)
        self.apart = np.linalg.norm(self.places[0] - self.places[-1], axis=-1) / self.unit

    def __len__(self) -> int:
        return len(self.places)

    def surer(self, thresholds: Sequence[float]) -> np.ndarray:
        """(W, N, K) where each is as sure as its own threshold, the last one being that of all further words."""
        padded = [*thresholds, *[thresholds[-1]] * len(self)][: len(self)]
        return self.confidence >= np.array(padded)[:, None, None]

    def agree(self, thresholds: Sequence[float], distance: float) -> np.ndarray:
        """(N, K) where all are so sure, and no further apart."""
        return self.surer(thresholds).all(axis=0) & (self.apart <= distance)

    def away(self, places: np.ndarray) -> np.ndarray:
        """Distances (N, K) of places (N, K, 2) from the mean."""
        return np.linalg.norm(places - self.mean, axis=-1) / self.unit

    def near(self, places: np.ndarray, distance: float) -> np.ndarray:
        """(W, N, K) which of them have a joint near these places (N, K, 2)."""
        return np.linalg.norm(places - self.places, axis=-1) / self.unit <= distance


def torsos(keypoints: np.ndarray, boxes: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Lengths (N,) in pixels of the torsos of keypoints (N, K, 2), NaN where a joint of theirs is.

    They go from the middle of the shoulders to that of the hips, times :data:`TORSO`; of skeletons without these joints
    they are a share of the boxes (N, 4).
    """
    if not {joint for pair in TRUNK for joint in pair} <= set(skeleton.joints):
        return TORSO_OF_BOX * (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    top, bottom = (keypoints[:, [skeleton.index(joint) for joint in pair]].mean(axis=1) for pair in TRUNK)
    return TORSO * np.linalg.norm(top - bottom, axis=-1)
