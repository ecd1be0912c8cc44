"""Verdicts on claims of the form "this is better than that", from paired measurements."""

from collections.abc import Sequence

import numpy as np

from lab.reproduce.result import Claim, Verdict

CONFIDENCE = 0.95
RESAMPLES = 2000


def compare(statement: str, better: Sequence[float], worse: Sequence[float]) -> Claim:
    """Whether the first beats the second, by a paired t-interval over seeds.

    It agrees when the whole interval of the mean difference lies above 0, disagrees when it lies below, and cannot
    tell otherwise; so too with a single seed, because nothing says how far another would fall from it.

    Args:
        statement: the paper's claim.
        better, worse: scores of the two, by seed, the same seeds in the same order.
    """
    from scipy.stats import t

    differences = np.subtract(better, worse)
    mean, count = differences.mean(), len(differences)
    if count < 2:
        return Claim(statement, "cannot tell", f"difference {mean:+.1f}, one seed")
    half = t.ppf((1 + CONFIDENCE) / 2, count - 1) * differences.std(ddof=1) / np.sqrt(count)
    verdict: Verdict = "agrees" if mean - half > 0 else "disagrees" if mean + half < 0 else "cannot tell"
    interval = f"{CONFIDENCE:.0%} interval {mean - half:+.1f} to {mean + half:+.1f}"
    return Claim(statement, verdict, f"difference {mean:+.1f}, {interval}, {count} seeds")


def compare_people(statement: str, better: np.ndarray, worse: np.ndarray, judged: np.ndarray) -> Claim:
    """Whether one way of reading the same network beats another, by a paired bootstrap over people.

    Args:
        statement: the paper's claim.
        better, worse: (N, K) whether each joint was found.
        judged: (N, K) whether it counts.
    """
    mean, low, high = people_difference(better, worse, judged)
    verdict: Verdict = "agrees" if low > 0 else "disagrees" if high < 0 else "cannot tell"
    return Claim(
        statement, verdict, f"difference {mean:+.2f} points, {CONFIDENCE:.0%} interval {low:+.2f} to {high:+.2f}, "
        f"bootstrap over {len(judged)} people",
    )  # fmt: skip


def people_difference(better: np.ndarray, worse: np.ndarray, judged: np.ndarray) -> tuple[float, float, float]:
    """How many points more of the joints the first finds, with the ends of a paired bootstrap interval over people.

    Args:
        better, worse: (N, K) whether each joint was found.
        judged: (N, K) whether it counts.
    """
    counts = judged.sum(axis=1)
    gains = (judged & better).sum(axis=1) - (judged & worse).sum(axis=1)
    draws = np.random.default_rng(0).integers(0, len(gains), (RESAMPLES, len(gains)))
    differences = 100 * gains[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(differences, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(100 * gains.sum() / counts.sum()), float(low), float(high)


def threshold(statement: str, holds: bool, evidence: str) -> Claim:
    """A claim about one trained network that a figure decides."""
    return Claim(statement, "agrees" if holds else "disagrees", evidence)
