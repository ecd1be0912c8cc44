"""Limbs that are too long for their person, and flip pairs whose joints are no mirror images."""

import warnings
from collections.abc import Iterator

import numpy as np

from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.people import People

TOO_LONG = 2.5  # times what the other limbs of the person let expect
LIMBS = 4  # that a person needs to be judged by
PEOPLE = 30  # that a joint or limb needs to be judged by
UNEQUAL = 1.5  # ratio of the distances of two joints of a flip pair from the middle of people


def find_long_limbs(people: People) -> Iterator[Finding]:
    """People with a limb that stands out.

    With l the length of a limb, its excess is log l minus the limb's usual share (median over people) minus the
    person's size (median over limbs). Foreshortening makes limbs short, never long, and a median does not see one or
    two wrong joints. Perspective and soft joints such as the neck account for factors up to two.
    """
    limbs = people.skeleton.limb_indices
    excess = limb_excess(people.keypoints, limbs)
    for i in np.flatnonzero((excess > np.log(TOO_LONG)).any(axis=1)).tolist():
        worst = int(np.nanargmax(excess[i]))
        one, other = (people.skeleton.joints[k] for k in limbs[worst])
        factor = np.exp(excess[i, worst])
        message = f"{one} to {other} {factor:.1f} times too long"
        yield Finding("long_limb", (people.samples[i].name,), message, float(factor), (i,))


def limb_excess(keypoints: np.ndarray, limbs: np.ndarray) -> np.ndarray:
    """Excesses (N, L) of limbs (L, 2); NaN where a limb is not labelled or too few tell what to expect of it.

    Args:
        keypoints: (N, K, 2) pixels; NaN where not labelled.
        limbs: (L, 2) joint numbers.
    """
    lengths = np.linalg.norm(keypoints[:, limbs[:, 0]] - keypoints[:, limbs[:, 1]], axis=-1)
    logs = np.log(np.maximum(lengths, 1))  # below a pixel, lengths are rounding
    logs[:, np.isfinite(logs).sum(axis=0) < PEOPLE] = np.nan
    judged = np.isfinite(logs).sum(axis=1) >= LIMBS
    excess = np.full_like(logs, np.nan)
    if judged.any():
        known = logs[judged]
        shares = np.zeros(len(limbs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a limb that nobody judged has is all NaN, as it should
            for _ in range(3):  # sizes and shares depend on each other; medians settle at once
                sizes = np.nanmedian(known - shares, axis=1, keepdims=True)
                shares = np.nanmedian(known - sizes, axis=0)
        excess[judged] = known - shares - sizes
    return excess


def find_unlike_pairs(people: People) -> Iterator[Finding]:
    """Pairs of joints that a mirror is said to swap, yet whose usual distances from the person's middle differ."""
    if not people.skeleton.flippable:
        return
    low, high = people.boxes[:, None, :2], people.boxes[:, None, 2:]
    distances = np.linalg.norm(people.keypoints - (low + high) / 2, axis=-1) / people.box_sides[:, None]
    for a, b in enumerate(people.skeleton.flip_permutation):
        both = np.isfinite(distances[:, a] + distances[:, b])
        if a < b and both.sum() >= PEOPLE:
            one, other = np.median(distances[both, a]), np.median(distances[both, b])
            ratio = max(one, other) / max(min(one, other), 1e-3)
            if ratio > UNEQUAL:
                names = (people.skeleton.joints[a], people.skeleton.joints[b])
                message = f"{one:.2f} and {other:.2f} of the box's side from its middle"
                yield Finding("flip_pair", names, message, float(ratio))
