"""Whether probabilities mean what they say, by expected calibration error, curve and Brier score; and uncertainties.

Each of M answers has a probability that it is right, and is right or not. The answers are put into bins, either of
equal width in probability (Naeini et al. 2015, Guo et al. 2017) or of equal mass, the same number of answers each
(Nguyen & O'Connor 2015): few answers in a bin of equal width make its share of right ones a matter of luck.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

BINS = 10
Binning = Literal["mass", "width"]


@dataclass(frozen=True)
class Bin:
    """Answers of like probability: how many, their mean probability, and how many of them are right."""

    count: int
    predicted: float
    right: int

    @property
    def observed(self) -> float:
        """The share that is right."""
        return self.right / self.count


def reliability_curve(
    probabilities: np.ndarray, right: np.ndarray, bins: int = BINS, binning: Binning = "mass"
) -> list[Bin]:
    """The bins that hold answers, by rising probability.

    Equal ones are never told apart by their place: bins of equal mass part at probabilities, so that those of a
    model with few different scores are fewer and unequal.

    Args:
        probabilities: (M,) in [0, 1].
        right: (M,) bool.
        bins: how many at most.
        binning: of equal ``"mass"`` or equal ``"width"``; a bin of equal width has its upper edge, and the first 0 too.

    Raises:
        ValueError: when the two differ in length, a probability is not in [0, 1], or there is not one bin.
    """
    if probabilities.shape != right.shape or probabilities.ndim != 1:
        raise ValueError(f"one probability for each answer, not {probabilities.shape} for {right.shape}")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("probabilities must lie in [0, 1]")
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, not {bins}")
    if binning == "mass":
        order = np.sort(probabilities)
        edges = order[[len(order) * i // bins for i in range(1, bins)]] if len(order) else order
        place = np.searchsorted(edges, probabilities, side="right")
    else:
        place = np.maximum(np.ceil(probabilities * bins).astype(int) - 1, 0)
    members = [place == i for i in range(bins)]
    return [
        Bin(int(held.sum()), float(probabilities[held].mean()), int(right[held].sum()))
        for held in members
        if held.any()
    ]


def calibration_error(
    probabilities: np.ndarray, right: np.ndarray, bins: int = BINS, binning: Binning = "mass"
) -> float:
    """Expected calibration error, from 0 to 1: ``sum over bins of count / M * |observed - predicted|``; NaN for M = 0.

    Arguments and errors as :func:`reliability_curve` has them.
    """
    curve = reliability_curve(probabilities, right, bins, binning)
    if not curve:
        return float("nan")
    return sum(held.count * abs(held.observed - held.predicted) for held in curve) / len(right)


def brier_score(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Mean squared difference between probabilities (M,) and what came of them; 0 is best; NaN for M = 0."""
    return float(np.mean((probabilities - right) ** 2)) if len(right) else float("nan")


def coverage(errors: np.ndarray, radii: np.ndarray, times: float = 1.0) -> float:
    """Share of errors (M,) within so many times their radii (M,); NaN for M = 0."""
    return float(np.mean(errors <= times * radii)) if len(errors) else float("nan")


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of (M,) and (M,), equal values sharing their mean rank; NaN where one is constant."""
    ranks = []
    for values in (first, second):
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[places])
    if not all(np.ptp(held) > 0 for held in ranks if held.size) or not ranks[0].size:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
