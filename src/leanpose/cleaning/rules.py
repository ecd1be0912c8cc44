"""Which labels are wrong, and what to do about them, from what a network says that never saw them.

Sides first. Where labels of both sides are exchanged, each is supported for the joint of the other side instead of its
own. The evidence for an exchange is the sum, over the labels it concerns, of the logarithm of the ratio of the two.
Tried are the exchanges of the whole body, of each of the two parts that it falls into when one link between two pairs
of joints is cut (arms and legs at the trunk; below elbows and above), and of each single pair; the one with the most
evidence is made if that exceeds a threshold.

Then places. A label without support, while the network is sure of a place far from it, is taken away, or moved there
if the network is very sure. A person of whom that concerns most labels is left alone: there the network is wrong more
often than the labels, and it is from such people that it learns most.

Last, joints that are not labelled are added where the network is very sure of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leanpose.cleaning.support import Support
from leanpose.readers import Sample
from leanpose.readers.corrections import Correction
from leanpose.skeleton import Skeleton

FLOOR = 0.02  # least support that a ratio is made of: a network is never surer than that of where a joint is not


@dataclass(frozen=True)
class Rules:
    """Thresholds.

    Attributes:
        swap: evidence for an exchange of sides, a natural logarithm; infinity makes none.
        wrong: a label with less support than this may be wrong.
        far: and only if the network's own place is so many torsos away.
        sure: and has so much support: then the label is taken away.
        move: with so much support the label is moved to the network's place; above 1 never.
        add: a joint without a label gets one where the network's place has so much support; above 1 never.
        most: a person is left alone if more than this share of the labels would be taken away or moved.
    """

    swap: float = 6.0
    wrong: float = 0.05
    far: float = 0.7
    sure: float = 0.8
    move: float = 0.95
    add: float = 2.0
    most: float = 0.5


def find_corrections(samples: Sequence[Sample], support: Support, rules: Rules) -> list[list[Correction]]:
    """Corrections of each of N people, whose :class:`Support` comes from networks that did not learn from them."""
    return [_of_person(sample, support, i, rules) for i, sample in enumerate(samples)]


def exchanges(skeleton: Skeleton) -> list[np.ndarray]:
    """The exchanges of sides that are tried: for each the joints (K,) that it concerns, both of every pair."""
    if not skeleton.flippable:
        return []
    flip = skeleton.flip_permutation
    pair_of = np.minimum(np.arange(len(flip)), flip)  # a pair goes by its first joint
    pairs = [int(p) for p in np.unique(pair_of[flip != np.arange(len(flip))])]
    links = {
        frozenset((int(pair_of[a]), int(pair_of[b])))
        for a, b in skeleton.limb_indices.tolist()
        if pair_of[a] != pair_of[b] and {pair_of[a], pair_of[b]} <= set(pairs)
    }
    groups = {frozenset(pairs)} | {frozenset((pair,)) for pair in pairs}
    for cut in links:
        for start in cut:
            groups.add(_connected(start, links - {cut}))
    return [np.isin(pair_of, sorted(group)) for group in sorted(groups, key=lambda g: (-len(g), sorted(g))) if group]


def _connected(start: int, links: set[frozenset[int]]) -> frozenset[int]:
    reached = {start}
    while more := {pair for link in links if link & reached for pair in link} - reached:
        reached |= more
    return frozenset(reached)


def best_exchange(skeleton: Skeleton, labels: np.ndarray, crossed: np.ndarray) -> tuple[np.ndarray, float]:
    """The joints (K,) of the exchange with the most evidence, and the evidence, for one person's supports (K,)."""
    ratios = np.log(np.maximum(crossed, FLOOR) / np.maximum(labels, FLOOR))
    tried = exchanges(skeleton)
    if not tried or not np.isfinite(ratios).any():
        return np.zeros(len(labels), dtype=bool), 0.0
    evidence = [float(np.nansum(ratios[joints])) for joints in tried]
    best = int(np.argmax(evidence))
    return tried[best], evidence[best]


def _of_person(sample: Sample, support: Support, i: int, rules: Rules) -> list[Correction]:
    skeleton = sample.skeleton
    flip = skeleton.flip_permutation if skeleton.flippable else np.arange(len(skeleton))
    labels, crossed = support.labels[i], support.crossed[i]
    places = np.where(sample.labelled[:, None], sample.keypoints, np.nan)
    swapped, evidence = best_exchange(skeleton, labels, crossed)
    if evidence < rules.swap:
        swapped = np.zeros(len(labels), dtype=bool)
    places = np.where(swapped[:, None], places[flip], places)
    now = np.where(swapped, crossed[flip], labels)  # support of what is the joint's label now
    distances = np.linalg.norm(places - support.predicted[i], axis=1) / support.torsos[i]
    confidence = support.confidence[i]
    wrong = (now < rules.wrong) & (distances > rules.far) & (confidence >= rules.sure)
    if wrong.sum() > rules.most * np.isfinite(now).sum():
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
        elif swapped[k] and before is not None:  # the only label of the pair went to the other side
            found.append(Correction(joint, "swap", None, before, None))
    return found
