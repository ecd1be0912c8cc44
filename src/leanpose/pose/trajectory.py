"""One person over a video: the frames of an id put together, for whatever looks along time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.errors import PosesError, TimestampError
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The N frames in which a person was found.

    Attributes:
        id: the person's.
        frames: (N,) numbers of the frames, ascending.
        people: (N,) the person's place in the Poses of each.
        times: (N,) seconds.
        keypoints: (N, K, 2) float64 pixels, NaN where a joint was not found.
        scores: (N, K).
        boxes: (N, 4).
        skeleton: names the K joints.
    """

    id: int
    frames: np.ndarray
    people: np.ndarray
    times: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    skeleton: Skeleton

    def joints(self, min_score: float = 0.3) -> np.ndarray:
        """The keypoints (N, K, 2), NaN too where the score is below ``min_score``."""
        return np.where(self.scores[..., None] >= min_score, self.keypoints, np.nan)

    @property
    def body_length(self) -> float:
        """The person's length in pixels: the longer side of the box, in the median of the frames."""
        return float(np.median((self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)))


def trajectories(frames: Sequence[Poses], timestamps: ArrayLike) -> dict[int, Trajectory]:
    """The trajectory of every id in a video, by id.

    Args:
        frames: the poses of each frame, with ids; frames without people need none.
        timestamps: (F,) of the frames, in seconds.

    Raises:
        TimestampError: when there is not one timestamp for each frame, or they do not increase.
        PosesError: when a frame has people without ids or an id twice, or the skeleton changes.
    """
    times = np.asarray(timestamps, dtype=float)
    if times.shape != (len(frames),):
        raise TimestampError(f"{len(frames)} frames need as many timestamps, not an array {times.shape}")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise TimestampError("timestamps must be finite and increase from frame to frame")
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, poses in enumerate(frames):
        if poses.skeleton != frames[0].skeleton:
            raise PosesError(f"frame {number}: skeleton {poses.skeleton.name} after {frames[0].skeleton.name}")
        for person, one in enumerate(checked_ids(poses, f"frame {number}")):
            places[one].append((number, person))
    found = {}
    for one, where in sorted(places.items()):
        parts = [(frames[f].keypoints[p], frames[f].scores[p], frames[f].boxes[p]) for f, p in where]
        keypoints, scores, boxes = (np.array(part, dtype=float) for part in zip(*parts, strict=True))
        numbers, people = np.array(where).T
        found[one] = Trajectory(
            one, numbers, people, times[numbers], keypoints, scores, boxes, frames[0].skeleton
        )  # fmt: skip
    return found


def checked_ids(poses: Poses, where: str = "poses") -> list[int]:
    """The ids of a frame; ``where`` names it in messages.

    Raises:
        PosesError: when people have no ids, or an id comes twice.
    """
    if poses.ids is None:
        if len(poses):
            raise PosesError(f"{where}: the people have no ids: let a Tracker give them some")
        return []
    ids = poses.ids.tolist()
    if len(set(ids)) != len(ids):
        raise PosesError(f"{where}: an id comes twice: {', '.join(map(str, ids))}")
    return ids
