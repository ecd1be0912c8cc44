"""What timings say: medians, percentiles, ratios with their intervals, shares, and who is not beaten."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leanpose.core.errors import BenchmarkError
from leanpose.measure.intervals import RESAMPLES, SEED, percentile_interval


@dataclass(frozen=True)
class Timing:
    """How long each call took.

    Attributes:
        seconds: one row a round of the calls that were timed in it; every row of the same length.

    Raises:
        BenchmarkError: when there is no call, rows differ in length, or a time is not above 0.
    """

    seconds: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.seconds}
        if len(lengths) != 1 or 0 in lengths:
            raise BenchmarkError(f"timings: {len(self.seconds)} rounds of {sorted(lengths)} calls: each needs as many")
        if not all(math.isfinite(s) and s > 0 for row in self.seconds for s in row):
            raise BenchmarkError("timings: a call took no time, or one that is not a number of seconds")

    @cached_property
    def median(self) -> float:
        """Seconds."""
        return float(np.median(self.seconds))

    @cached_property
    def p95(self) -> float:
        """Seconds that 95 % of the calls stay below, between two calls by linear interpolation."""
        return float(np.percentile(self.seconds, 95))

    @property
    def calls(self) -> int:
        """How many calls were timed."""
        return len(self.seconds) * len(self.seconds[0])

    @cached_property
    def rounds(self) -> np.ndarray:
        """The median (R,) of each round."""
        return np.median(self.seconds, axis=1)


@dataclass(frozen=True)
class Ratio:
    """A quotient of two timings, and the 95 % interval of its bootstrap over rounds."""

    value: float
    low: float
    high: float

    def __mul__(self, factor: float) -> "Ratio":
        return Ratio(self.value * factor, self.low * factor, self.high * factor)


def ratio(timing: Timing, reference: Timing) -> Ratio:
    """How many times as long as the reference a call took: the median over rounds of the quotient in each round.

    Both were measured in turn in the same rounds, so that what slows the machine for a while slows both, and their
    quotient little.

    Raises:
        BenchmarkError: when they are not of the same rounds.
    """
    if len(timing.seconds) != len(reference.seconds):
        raise BenchmarkError(
            f"a ratio of {len(timing.seconds)} and {len(reference.seconds)} rounds: measure both in one run"
        )
    quotients = timing.rounds / reference.rounds
    rng = np.random.default_rng(SEED)
    drawn = np.median(rng.choice(quotients, (RESAMPLES, len(quotients))), axis=1)
    low, high = percentile_interval(drawn)
    return Ratio(float(np.median(quotients)), low, high)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of the points (milliseconds, accuracy) nobody beats, by time.

    A point is beaten by another that is no slower and no less accurate, and better in one of the two.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    front: list[int] = []
    for i in order:
        if not front or points[i][1] > points[front[-1]][1] or points[i] == points[front[-1]]:
            front.append(i)
    return front
