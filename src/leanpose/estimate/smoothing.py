"""Steady joints: a One-Euro filter while a video runs, and a filter that looks both ways once it is over.

Both work for each id and joint by itself, with the true times of the frames, and trust a joint by its score. Joints
that were not found stay so: no place is made up for them. Scores and boxes stay as they are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.errors import TimestampError
from leanpose.pose.poses import Poses
from leanpose.pose.trajectory import checked_ids, trajectories

COAST = 0.1  # seconds for which, all in all, an unseen joint keeps its speed; it slows down exponentially


class OneEuroSmoother:
    """The One-Euro filter (Casiez et al., CHI 2012): a low-pass whose cutoff rises with the speed of the joint.

    Speeds are in body lengths per second, a body length being the longer side of the person's box, so that the same
    settings do for people of any size. A joint's cutoff goes by its speed in the plane, so that the filter commutes
    with rotation. The speed is that between measured places; the paper's, from the last filtered place to the
    measured one, is larger by the filter's own lag.

    A joint of score ``full_score`` or more is filtered as in the paper. Below, place and speed are a mix of that and
    of a prediction, the last place moved on with a speed that dies away; at score 0 they are the prediction alone.

    The settings halve the jitter of joints at rest, up to a noise of 0.02 body lengths at 30 frames a second, and keep
    behind swings of up to 2 Hz by less than one frame at up to 60. ``benchmarks/smoothing.py`` prints what others do.
    """

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 38.0,
        speed_cutoff: float = 1.0,
        full_score: float = 0.5,
        max_gap: float = 0.5,
    ) -> None:
        """Start without people.

        Args:
            min_cutoff: Hz, of the low-pass on a joint at rest. Less is steadier.
            beta: Hz per body length per second by which the cutoff rises. More follows faster.
            speed_cutoff: Hz, of the low-pass on the speed.
            full_score: from which a measured place is trusted as it is.
            max_gap: seconds after which a joint, or an id, that was not found starts anew.

        Raises:
            ValueError: when ``beta`` is negative, or another one not above 0.
        """
        if not (min_cutoff > 0 and speed_cutoff > 0 and full_score > 0 and max_gap > 0 and beta >= 0):
            raise ValueError("cutoffs, full_score and max_gap must be above 0, and beta not negative")
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.speed_cutoff = speed_cutoff
        self.full_score = full_score
        self.max_gap = max_gap
        self._time = -np.inf
        self._joints: dict[int, _Joints] = {}

    def update(self, poses: Poses, timestamp: float) -> Poses:
        """The poses of the next frame, smoothed.

        Args:
            poses: with ids.
            timestamp: in seconds.

        Raises:
            TimestampError: when the timestamp is not after that of the frame before.
            PosesError: when people have no ids, or an id comes twice.
        """
        ids = checked_ids(poses)
        if not timestamp > self._time or not np.isfinite(timestamp):
            raise TimestampError(
                f"a frame at {timestamp} s cannot follow one at {self._time} s: "
                "give the frames in order, each once, and a new video a new smoother"
            )
        self._time = timestamp
        self._joints = {one: j for one, j in self._joints.items() if (timestamp - j.found <= self.max_gap).any()}
        smooth = poses.keypoints.astype(float)
        lengths = (poses.boxes[:, 2:] - poses.boxes[:, :2]).max(axis=1)
        for person, one in enumerate(ids):
            if one not in self._joints:
                self._joints[one] = _Joints(len(poses.skeleton))
            joints = self._joints[one]
            self._step(joints, smooth[person], poses.scores[person], max(float(lengths[person]), 1.0))
            smooth[person] = np.where(joints.found[:, None] == timestamp, joints.places, np.nan)
        return replace(poses, keypoints=smooth)

    def _step(self, joints: "_Joints", keypoints: np.ndarray, scores: np.ndarray, length: float) -> None:
        """Takes one person's keypoints (K, 2) into the state of its joints."""
        found = np.asarray(np.isfinite(keypoints).all(axis=1))
        fresh = (found & (self._time - joints.found > self.max_gap))[:, None]
        places = np.where(fresh, keypoints, joints.places)
        before = np.where(fresh, keypoints, joints.targets)
        speeds = np.where(fresh, 0, joints.speeds)
        step = self._time - joints.time if np.isfinite(joints.time) else 1.0  # any will do: all joints are fresh

        trust = np.where(found, np.minimum(scores / self.full_score, 1), 0)[:, None]
        measured = np.where(found[:, None], keypoints, 0)
        guessed = places + speeds * COAST * -np.expm1(-step / COAST)
        targets = guessed + trust * (measured - guessed)
        slowed = speeds * np.exp(-(1 - trust) * step / COAST)
        speeds = slowed + trust * _share(self.speed_cutoff, step) * ((targets - before) / step - slowed)
        cutoff = self.min_cutoff + self.beta * np.linalg.norm(speeds, axis=1, keepdims=True) / length
        filtered = places + _share(cutoff, step) * (measured - places)
        joints.places = guessed + trust * (filtered - guessed)
        joints.targets, joints.speeds, joints.time = targets, speeds, self._time
        joints.found = np.where(found, self._time, joints.found)


class _Joints:
    """The filter's state for one id of K joints.

    Attributes:
        places: (K, 2) as given out last.
        targets: (K, 2) of the last frame, what was measured mixed with what was guessed.
        speeds: (K, 2) pixels per second.
        found: (K,) when each joint was last found, in seconds.
        time: of the last frame.
    """

    def __init__(self, joints: int) -> None:
        self.places, self.targets, self.speeds = (np.full((joints, 2), np.nan) for _ in range(3))
        self.found = np.full(joints, -np.inf)
        self.time = -np.inf


def _share(cutoff: ArrayLike, step: float) -> np.ndarray:
    """How far a first-order low-pass of that cutoff in Hz goes towards its input in ``step`` seconds."""
    return step / (step + 1 / (2 * np.pi * np.asarray(cutoff)))


def smooth_both_ways(frames: Sequence[Poses], timestamps: ArrayLike, width: float = 0.04) -> list[Poses]:
    """The poses of a whole video, smoothed over what was before and after: no lag, but nothing until the end.

    The new place of a joint is that of a straight line in time, fitted by least squares to its places within four
    widths. A frame at t' counts its score times exp(-(t - t')^2 / (2 width^2)) at time t. Where frames and scores are
    alike on both sides this is the mean so weighted; elsewhere, as at the ends of a video or with an uneven frame
    rate, the mean would lag behind the motion and the line does not.

    Args:
        frames: the poses of each frame, with ids.
        timestamps: (F,) in seconds, increasing.
        width: standard deviation of the Gaussian in seconds; 0 leaves everything as it is.

    Raises:
        TimestampError, PosesError: as :func:`leanpose.pose.trajectory.trajectories` does.
        ValueError: when ``width`` is negative.
    """
    if not width >= 0:
        raise ValueError(f"width must be 0 or more seconds, not {width}")
    smooth = [poses.keypoints.astype(float) for poses in frames]
    for path in trajectories(frames, timestamps).values():
        places = path.keypoints if width == 0 else _line_fits(path.times, path.keypoints, path.scores, width)
        for frame, person, place in zip(path.frames, path.people, places, strict=True):
            smooth[frame][person] = place
    return [replace(poses, keypoints=keypoints) for poses, keypoints in zip(frames, smooth, strict=True)]


def _line_fits(times: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, width: float) -> np.ndarray:
    """Smoothed keypoints (N, K, 2) of one person; a joint without any weight around it stays where it is."""
    found = np.asarray(np.isfinite(keypoints).all(axis=-1))
    weights = np.where(found, scores, 0)
    places = np.where(found[..., None], keypoints, 0)
    smooth = keypoints.copy()
    starts = np.searchsorted(times, times - 4 * width)
    ends = np.searchsorted(times, times + 4 * width, side="right")
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        offsets = times[start:end, None] - times[i]
        w = weights[start:end] * np.exp(-(offsets**2) / (2 * width**2))
        total = w.sum(axis=0)
        used = found[i] & (total > 0)
        w = w / np.where(used, total, 1)
        # about the joint's own place, so that nothing is lost to large coordinates and one that rests stays exactly
        apart = places[start:end] - places[i]
        middle = (w * offsets).sum(axis=0)
        lever = w * (offsets - middle)
        spread = (lever * offsets).sum(axis=0)
        slope = (lever[..., None] * apart).sum(axis=0) / np.where(spread > 0, spread, np.inf)[:, None]
        fit = places[i] + (w[..., None] * apart).sum(axis=0) - slope * middle[:, None]
        smooth[i] = np.where(used[:, None], fit, keypoints[i])
    return smooth
