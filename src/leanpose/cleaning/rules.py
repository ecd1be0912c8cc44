"""Which labels are wrong, and what to do about them, from what a network says that never saw them.

Exchanges first. Where labels are exchanged, each is supported for another joint instead of its own. The evidence for an
exchange is the sum, over the labels it concerns, of the logarithm of the ratio of the two supports. Tried are the
exchanges of the two sides: of the whole body, of each of the two parts that it falls into when one link between two
pairs of joints is cut (arms and legs at the trunk; below elbows and above), and of each single pair; those of the two
ends of a limb, for people label limbs from the wrong end, too; and those of two joints in the middle of the body. The
one with the most evidence is made if that exceeds a threshold, and then the next one.

Then places. A label without support, while the network is sure of a place far from it, is taken away, or moved there
if the network is very sure. A person of whom that concerns most labels is left alone: there the network is wrong more
often than the labels, and it is from such people that it learns most.

Last, joints that are not labelled are added where the network is very sure of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from leanpose.cleaning.support import Support
from leanpose.readers import Sample
from leanpose.readers.corrections import Correction
from leanpose.skeleton import Skeleton

FLOOR = 0.02  # least support that a ratio is made of: a network is never surer than that of where a joint is not
FEWEST = 2  # labels that have to be left untouched: around fewer there is no box
EXCHANGES = 4  # most that are made in one person: both limbs of a side, and the head, may each be labelled backwards


@dataclass(frozen=True)
class Rules:
    """Thresholds.

    Attributes:
        sides: evidence for an exchange of sides, a natural logarithm; infinity makes none. Networks mistake the sides
            more readily than other joints for each other.
        swap: for the exchange of the two ends of a limb, or of two joints in the middle of the body.
        wrong: a label with less support than this may be wrong.
        far: and only if the network's own place is so many torsos away.
        sure: and has so much support: then the label is taken away.
        move: with so much support the label is moved to the network's place; above 1 never.
        add: a joint without a label gets one where the network's place has so much support; above 1 never.
        most: a person is left alone if more than this share of the labels would be taken away or moved.
    """

    sides: float = 9.0
    swap: float = 2.0
    wrong: float = 0.05
    far: float = 0.7
    sure: float = 0.8
    move: float = 0.95
    add: float = 2.0
    most: float = 0.5


def find_corrections(samples: Sequence[Sample], support: Support, rules: Rules) -> list[list[Correction]]:
    """Corrections of each of N people, whose :class:`Support` comes from networks that did not learn from them."""
    tried = exchanges(samples[0].skeleton) if samples else np.empty((0, 0), dtype=int)
    flip = flip_of(samples[0].skeleton) if samples else np.empty(0, dtype=int)
    of_sides = ((tried == flip) | (tried == np.arange(len(flip)))).all(axis=1)
    thresholds = np.where(of_sides, rules.sides, rules.swap)
    return [_of_person(sample, support, i, rules, tried, thresholds) for i, sample in enumerate(samples)]


def exchanges(skeleton: Skeleton) -> np.ndarray:
    """The exchanges that are tried (E, K), that of the whole body first: whose label each joint gets."""
    same = np.arange(len(skeleton))
    tried = [np.where(joints, skeleton.flip_permutation, same) for joints in side_groups(skeleton)]
    middle = np.flatnonzero(flip_of(skeleton) == same).tolist() if skeleton.flippable else []
    for a, b in [*limb_ends(skeleton), *combinations(middle, 2)]:
        two = same.copy()
        two[[a, b]] = b, a
        tried.append(two)
    return np.array(tried, dtype=int).reshape(-1, len(skeleton))


def limb_ends(skeleton: Skeleton) -> list[tuple[int, int]]:
    """The two ends of each limb of three joints: those that a joint with just two neighbours lies between."""
    links = skeleton.limb_indices
    middles = np.flatnonzero(np.bincount(links.ravel(), minlength=len(skeleton)) == 2)
    ends = [np.setdiff1d(links[(links == middle).any(axis=1)], middle).tolist() for middle in middles]
    return [(a, b) for a, b in ends]


def side_groups(skeleton: Skeleton) -> list[np.ndarray]:
    """Joints (K,) whose sides are exchanged together, both of every pair, the whole body first."""
    if not skeleton.flippable:
        return []
    flip = skeleton.flip_permutation
    first = np.minimum(np.arange(len(flip)), flip)  # a pair goes by its first joint
    pair_of: list[int] = first.tolist()
    pairs: list[int] = np.unique(first[flip != np.arange(len(flip))]).tolist()
    links = {
        frozenset((pair_of[a], pair_of[b]))
        for a, b in skeleton.limb_indices.tolist()
        if pair_of[a] != pair_of[b] and {pair_of[a], pair_of[b]} <= set(pairs)
    }
    groups = {frozenset(pairs)} | {frozenset((pair,)) for pair in pairs}
    for cut in links:
        for start in cut:
            groups.add(_connected(start, links - {cut}))
    return [np.isin(first, sorted(group)) for group in sorted(groups, key=lambda g: (-len(g), sorted(g))) if group]


def flip_of(skeleton: Skeleton) -> np.ndarray:
    """The flip permutation (K,), or every joint itself where nobody knows it."""
    return skeleton.flip_permutation if skeleton.flippable else np.arange(len(skeleton))


def _connected(start: int, links: set[frozenset[int]]) -> frozenset[int]:
    reached = {start}
    while more := {pair for link in links if link & reached for pair in link} - reached:
        reached |= more
    return frozenset(reached)


def best_order(tried: np.ndarray, shares: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Whose label each joint (K,) should get, by one person's supports (K, K) of labels for joints.

    Args:
        tried: exchanges (E, K).
        thresholds: (E,) the evidence that each of them needs.
    """
    logs = np.log(np.maximum(shares, FLOOR))
    order = np.arange(len(shares))
    for _ in range(EXCHANGES if len(tried) else 0):
        # rows are labels in their present order, so that the diagonal is what each joint has now
        now = logs[order]
        evidence = np.nansum(now[np.arange(len(order)), tried] - np.diagonal(now), axis=1)
        best = int(np.argmax(np.where(evidence >= thresholds, evidence, -np.inf)))
        if evidence[best] < thresholds[best]:
            break
        order = order[tried[best]]
    return order


def _of_person(
    sample: Sample, support: Support, i: int, rules: Rules, tried: np.ndarray, thresholds: np.ndarray
) -> list[Correction]:
    skeleton, shares = sample.skeleton, support.shares[i]
    order = best_order(tried, shares, thresholds)
    labels, now = np.diagonal(shares), shares[order, np.arange(len(order))]
    swapped = order != np.arange(len(order))
    places = np.where(sample.labelled[:, None], sample.keypoints, np.nan)[order]
    distances = np.linalg.norm(places - support.predicted[i], axis=1) / support.torsos[i]
    confidence = support.confidence[i]
    wrong = (now < rules.wrong) & (distances > rules.far) & (confidence >= rules.sure)
    labels_left = np.isfinite(now).sum() - wrong.sum()
    if wrong.sum() > rules.most * np.isfinite(now).sum() or labels_left < FEWEST:
        wrong[:] = False
    found: list[Correction] = []
    for k, joint in enumerate(skeleton.joints):
        label = np.isfinite(now[k])
        before = None if np.isnan(labels[k]) else float(labels[k])
        at = (float(support.predicted[i, k, 0]), float(support.predicted[i, k, 1]))
        if wrong[k] and confidence[k] >= rules.move:
            found.append(Correction(joint, "move", at, before, float(confidence[k])))
        elif wrong[k]:
            found.append(Correction(joint, "mask", None, before, float(confidence[k])))
        elif not label and confidence[k] >= rules.add:
            found.append(Correction(joint, "add", at, before, float(confidence[k])))
        elif swapped[k] and label:
            found.append(Correction(joint, "swap", (float(places[k, 0]), float(places[k, 1])), before, float(now[k])))
        elif swapped[k] and before is not None:  # its label went to another joint that had none
            found.append(Correction(joint, "swap", None, before, None))
    return found
