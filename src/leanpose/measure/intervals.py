"""How sure a figure is: percentile bootstrap over people, and Wilson's interval of a share."""

from statistics import NormalDist

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95
SEED = 0


def bootstrap_weights(people: int, resamples: int = RESAMPLES, seed: int = SEED):
    """How often each of the people (N,) is drawn, resample by resample: as many draws as people, with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, people, people), minlength=people)


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The central 95 % of resampled values; NaN where a resample has no value are left out."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    return float(low), float(high)


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share, from 0 to 1, of independent trials (Wilson 1927); NaN without trials."""
    if not count:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    centre = (hits + z**2 / 2) / (count + z**2)
    half = z * (hits * (count - hits) / count + z**2 / 4) ** 0.5 / (count + z**2)
    # none and all end at 0 and 1 exactly, which rounding would miss on either side
    return max(centre - half, 0.0) if hits else 0.0, min(centre + half, 1.0) if hits < count else 1.0


def resampled_pck(
    distances: np.ndarray, threshold: float, pooled: bool = False, resamples: int = RESAMPLES, seed: int = SEED
) -> np.ndarray:
    """The mean PCK, from 0 to 1, of each resample, of distances (N, K) that are NaN where not judged.

    The same seed draws the same people: differences between two models' resamples are those of pairs.

    Args:
        pooled: the mean of all judged joints together, as MPII takes it, instead of the mean of the joints' means.
    """
    judged = (~np.isnan(distances)).astype(float)
    hits = (distances <= threshold).astype(float)
    means = np.full(resamples, np.nan)
    for i, weights in enumerate(bootstrap_weights(len(distances), resamples, seed)):
        count, right = weights @ judged, weights @ hits
        if pooled:
            count, right = count.sum(keepdims=True), right.sum(keepdims=True)
        if (count > 0).any():
            means[i] = (right[count > 0] / count[count > 0]).mean()
    return means


def resampled_mean(values: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """The mean of all finite values (N, K) together in each resample of people; NaN where it has none."""
    finite = np.isfinite(values)
    totals, counts = np.where(finite, values, 0.0).sum(axis=1), finite.sum(axis=1)
    means = np.full(resamples, np.nan)
    for i, weights in enumerate(bootstrap_weights(len(values), resamples, seed)):
        if count := weights @ counts:
            means[i] = weights @ totals / count
    return means


def pck_interval(
    distances: np.ndarray, threshold: float, pooled: bool = False, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """95 % interval of the mean PCK; arguments as :func:`resampled_pck` has them."""
    return percentile_interval(resampled_pck(distances, threshold, pooled, resamples, seed))
