"""Where joints have been in the last frames, to be drawn behind people."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from leanpose.pose.poses import Poses
from leanpose.pose.trajectory import checked_ids

ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")


class Trails:
    """The places of some joints over the last frames, by id.

    Whoever leaves is forgotten as the frames pass, so that the memory taken does not grow::

        trails = Trails()
        for poses in estimator.stream("video.mp4", keep_images=True):
            trails.add(poses)
            drawn = poses.draw(trails=trails)
    """

    def __init__(self, joints: Sequence[str] = ENDS, length: int = 30, min_score: float = 0.3) -> None:
        """Start without places.

        Args:
            joints: names; those that a skeleton does not have leave no trail.
            length: frames for which a place is kept.
            min_score: joints below are taken as not found.

        Raises:
            ValueError: when ``length`` is below 2.
        """
        if length < 2:
            raise ValueError(f"length must be 2 frames or more, not {length}")
        self.joints = tuple(joints)
        self.length = length
        self.min_score = min_score
        self._frames: deque[dict[int, np.ndarray]] = deque(maxlen=length)

    def add(self, poses: Poses) -> None:
        """Take in the people of the next frame.

        Raises:
            PosesError: when people have no ids, or an id comes twice.
        """
        ids = checked_ids(poses)
        shown = np.where(poses.scores[..., None] >= self.min_score, poses.keypoints, np.nan)
        columns = [poses.skeleton.joints.index(j) if j in poses.skeleton.joints else -1 for j in self.joints]
        places = np.where(np.array(columns)[:, None] >= 0, shown[:, columns], np.nan)
        self._frames.append(dict(zip(ids, places, strict=True)))

    def __iter__(self) -> Iterator[tuple[int, str, np.ndarray]]:
        """Each trail: the id, the joint's name, its places (N, 2) from old to new, NaN where it was not found."""
        nowhere = np.full((len(self.joints), 2), np.nan)
        for one in sorted(set().union(*self._frames)):
            places = np.array([frame.get(one, nowhere) for frame in self._frames])
            for joint, trail in zip(self.joints, places.transpose(1, 0, 2), strict=True):
                if np.isfinite(trail).any():
                    yield one, joint, trail
