"""What the live smoother's settings trade: jitter of still joints against lag of moving ones.

    python benchmarks/smoothing.py

A joint of a person rests, or swings to and fro, with noise of the size that a pose network leaves. Jitter is the mean
length of the second differences at rest, as a share of that without smoothing, and the worst over noises of 0.005 to
0.02 body lengths. Lag is by how many frames the smoothed swing is best moved to agree with the true one (by
cross-correlation), the worst over swings of 0.5, 1 and 2 Hz with noise of 0.005. Both at 30 and at 60 frames a second.
The settings to choose halve the jitter and lag by less than one frame.
"""

import itertools
import sys

import numpy as np

from leanpose.estimate.smoothing import OneEuroSmoother
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

LENGTH = 200.0  # of the body, in pixels
JOINTS = 24  # that are alike but for their noise
NOISES = (0.005, 0.01, 0.02)  # body lengths
SWINGS = ((0.5, 0.25), (1.0, 0.15), (2.0, 0.1))  # Hz and body lengths
RATES = (30, 60)  # frames per second
SKELETON = Skeleton("joints", tuple(f"joint{i}" for i in range(JOINTS)))


def smoothed(places: np.ndarray, times: np.ndarray, **settings: float) -> np.ndarray:
    """Places (T, J, 2) in body lengths after the live smoother."""
    smoother, answers = OneEuroSmoother(**settings), []
    box = np.array([[0, 0, LENGTH / 2, LENGTH]])
    for time, joints in zip(times, places, strict=True):
        poses = Poses(
            LENGTH * joints[None], np.ones((1, JOINTS)), box, np.ones(1), SKELETON, (720, 1280), np.array([1])
        )  # fmt: skip
        answers.append(smoother.update(poses, float(time)).keypoints[0] / LENGTH)
    return np.array(answers)


def jitter(places: np.ndarray) -> float:
    """Mean length of the second differences of places (T, J, 2)."""
    return float(np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).mean())


def lag(true: np.ndarray, found: np.ndarray) -> float:
    """Frames, to a twentieth, by which found (T, J) is behind true (T,), in the mean of the joints."""
    frames, shifts = np.arange(len(true)), np.arange(-2, 6, 0.05)
    moved = np.array([np.interp(frames[20:-20] - shift, frames, true) for shift in shifts])
    moved = (moved - moved.mean(axis=1, keepdims=True)) / moved.std(axis=1, keepdims=True)
    return float(np.mean([shifts[np.argmax(moved @ joint[20:-20])] for joint in found.T]))


def measure(rate: int, **settings: float) -> tuple[float, float]:
    """The worst share of jitter left, and the worst lag in frames, at a frame rate."""
    rng = np.random.default_rng(0)
    times = np.arange(10 * rate) / rate
    left, lags = [], []
    for noise in NOISES:
        noisy = 3 + noise * rng.normal(size=(len(times), JOINTS, 2))
        left.append(jitter(smoothed(noisy, times, **settings)) / jitter(noisy))
    for hertz, swing in SWINGS:
        true = swing * np.sin(2 * np.pi * hertz * times)
        noisy = 3 + true[:, None, None] * (1, 0) + NOISES[0] * rng.normal(size=(len(times), JOINTS, 2))
        lags.append(lag(true, smoothed(noisy, times, **settings)[..., 0]))
    return max(left), max(lags)


def main() -> None:
    print("min_cutoff  beta  speed_cutoff   " + "   ".join(f"jitter, lag at {rate}" for rate in RATES))
    for min_cutoff, beta, speed_cutoff in itertools.product((0.5, 1.0, 2.0), (20.0, 30.0, 38.0, 45.0), (0.5, 1.0, 1.5)):
        settings = {"min_cutoff": min_cutoff, "beta": beta, "speed_cutoff": speed_cutoff}
        results = [measure(rate, **settings) for rate in RATES]
        good = all(left <= 0.5 and late < 1 for left, late in results)
        figures = "   ".join(f"{left:6.2f} {late:10.2f}" for left, late in results)
        print(f"{min_cutoff:10.1f}{beta:6.0f}{speed_cutoff:14.1f}   {figures}{'   both reached' if good else ''}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
