"""A trial of the rules: errors planted into people whose labels are good, to see which are found and how well mended.

Every person gets one error at a time of each kind:

- ``sides``: all labels of one side exchanged with those of the other;
- ``limbs``: those of several pairs of joints only, such as of both arms or both legs;
- ``pair``: those of one pair at random;
- ``limb``: the labels of the two ends of one limb of three joints exchanged, as of hip and ankle;
- ``joint``: one label moved by 0.8 to 2 torsos in a random direction;
- ``hidden``: one label taken away; to be added again;
- ``none``: nothing: what is found there is a false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leanpose import geometry
from leanpose.cleaning.rules import limb_ends, side_groups
from leanpose.cleaning.support import torso_length
from leanpose.readers import Sample
from leanpose.readers.corrections import Correction, correct

CLOSE = 0.2  # torsos; PCK's
KINDS = ("none", "sides", "limbs", "pair", "limb", "joint", "hidden")


@dataclass(frozen=True, eq=False)
class Planted:
    """A person with an error.

    Attributes:
        sample: with the error; its box is the hull of its labels, as that of a dataset without boxes would be.
        truth: the person without.
        kind: one of :data:`KINDS`.
        joints: (K,) whose labels were changed.
    """

    sample: Sample
    truth: Sample
    kind: str
    joints: np.ndarray


def plant(samples: Sequence[Sample], seed: int = 0) -> list[Planted]:
    """Every person with one error of each kind, drawn from ``seed``; kinds that a skeleton cannot have are left out.

    People of fewer than three labels are left out too: one hidden, there would be no box around the others.
    """
    rng = np.random.default_rng(seed)
    people = [sample for sample in samples if sample.labelled.sum() > 2]
    return [planted for kind in KINDS for sample in people if (planted := _plant(sample, kind, rng)) is not None]


def _plant(sample: Sample, kind: str, rng: np.random.Generator) -> Planted | None:
    skeleton, keypoints, labelled = sample.skeleton, sample.keypoints.copy(), sample.labelled.copy()
    chosen: list[np.ndarray] = []
    groups = side_groups(skeleton)
    if kind == "none":
        chosen = [np.zeros(len(skeleton), dtype=bool)]
    elif kind == "sides":
        chosen = groups[:1]
    elif kind == "limbs":
        chosen = [group for group in groups if 2 < group.sum() < groups[0].sum()]
    elif kind == "pair":
        chosen = [group for group in groups if group.sum() == 2]
    elif kind == "limb":
        chosen = [np.isin(np.arange(len(skeleton)), ends) for ends in limb_ends(skeleton)]
    else:
        chosen = [np.arange(len(skeleton)) == joint for joint in np.flatnonzero(labelled)]
    if not chosen:
        return None
    joints = chosen[int(rng.integers(len(chosen)))]
    if kind == "limb":
        ends = np.flatnonzero(joints)
        keypoints[ends], labelled[ends] = keypoints[ends[::-1]], labelled[ends[::-1]]
    if kind in ("sides", "limbs", "pair"):
        keypoints[joints] = keypoints[skeleton.flip_permutation][joints]
        labelled[joints] = labelled[skeleton.flip_permutation][joints]
    elif kind == "joint":
        torso = torso_length(sample.box, keypoints, skeleton)
        angle = rng.uniform(0, 2 * np.pi)
        keypoints[joints] += rng.uniform(0.8, 2) * torso * np.array([np.cos(angle), np.sin(angle)])
    elif kind == "hidden":
        labelled[joints] = False
    box = geometry.hull_box(keypoints, labelled)
    return Planted(replace(sample, keypoints=keypoints, labelled=labelled, box=box), sample, kind, joints)


@dataclass(frozen=True)
class Outcome:
    """What became of the joints of one kind, in shares.

    Attributes:
        kind: of the error.
        joints: how many labels had one; 0 for ``"none"``.
        mended: labels within :data:`CLOSE` torsos of the truth after the corrections.
        masked: no longer labelled, or still not.
        others: labels without an error.
        lost: of these, taken away.
        spoiled: of these, put further than :data:`CLOSE` from the truth.
    """

    kind: str
    joints: int
    mended: float
    masked: float
    others: int
    lost: float
    spoiled: float


def outcomes(planted: Sequence[Planted], corrections: Sequence[Sequence[Correction]]) -> list[Outcome]:
    """What corrections did to planted errors, by kind, in the order of :data:`KINDS`."""
    found = []
    for kind in KINDS:
        members = [(p, correct(p.sample, c)) for p, c in zip(planted, corrections, strict=True) if p.kind == kind]
        if not members:
            continue
        at_fault = np.stack([p.joints for p, _ in members])
        meant = np.stack([p.truth.labelled for p, _ in members])
        labelled = np.stack([mended.labelled for _, mended in members])
        torsos = [torso_length(p.truth.box, p.truth.keypoints, p.truth.skeleton) for p, _ in members]
        away = np.stack([np.linalg.norm(mended.keypoints - p.truth.keypoints, axis=1) for p, mended in members])
        close = labelled & (away <= CLOSE * np.array(torsos)[:, None])
        wrong, others = at_fault & (meant | labelled), ~at_fault & meant
        found.append(
            Outcome(
                kind, int(wrong.sum()), _share(close, wrong), _share(~labelled, wrong),
                int(others.sum()), _share(~labelled, others), _share(labelled & ~close, others),
            )
        )  # fmt: skip
    return found


def _share(what: np.ndarray, among: np.ndarray) -> float:
    return float(what[among].mean()) if among.any() else 0.0
