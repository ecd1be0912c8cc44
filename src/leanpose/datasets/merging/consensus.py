"""What a merge changes in people's labels, as corrections of the labels that their dataset gives."""

from collections.abc import Sequence

import numpy as np

from leanpose.datasets.merging.rules import OUTCOMES, Merged, Outcome
from leanpose.datasets.readers import Sample, map_sample
from leanpose.datasets.readers.corrections import CONFIDENCE_PRECISION, PRECISION, Action, Correction

ACTIONS: dict[Outcome, Action] = {
    "both": "move",
    "first": "move",
    "second": "move",
    "overruled": "overrule",
    "dropped": "mask",
    "added": "add",
}


def corrections_of(
    samples: Sequence[Sample], merged: Merged, earlier: Sequence[Sequence[Correction]] | None = None
) -> list[list[Correction]]:
    """For each person the joints whose label, place or confidence is another one after the merge.

    Args:
        samples: the people as their dataset gives them, before any corrections.
        earlier: corrections that the labels had before the merge; where they are all that changed a joint, they stand.
    """
    before = [()] * len(samples) if earlier is None else earlier
    return [
        _of_person(sample, merged, i, list(old)) for i, (sample, old) in enumerate(zip(samples, before, strict=True))
    ]


def _of_person(sample: Sample, merged: Merged, i: int, earlier: list[Correction]) -> list[Correction]:
    mapped = map_sample(sample, merged.skeleton)
    assert mapped is not None  # merge() has refused skeletons without the people's joints
    old = np.where(mapped.labelled[:, None], mapped.keypoints, np.nan)
    believed = np.ones(len(old)) if mapped.confidence is None else mapped.confidence
    new, now = merged.keypoints[i], merged.confidence[i]
    was, is_ = mapped.labelled, np.isfinite(new[:, 0])
    moved = was & is_ & (np.abs(new - old).max(axis=1) > PRECISION)
    changed = (was != is_) | moved | (is_ & (np.abs(now - believed) > CONFIDENCE_PRECISION))
    known: dict[str, Action] = {correction.joint: correction.action for correction in earlier}
    found = []
    for k in np.flatnonzero(changed).tolist():
        joint = merged.skeleton.joints[k]
        action: Action | None = ACTIONS.get(OUTCOMES[merged.outcomes[i, k]])
        if merged.swapped[i] and action in (None, "move") and merged.skeleton.flip_permutation[k] != k:
            action = "swap"
        place = (float(new[k, 0]), float(new[k, 1])) if is_[k] else None
        confidence = float(now[k]) if is_[k] and now[k] < 1 else None
        if action is None:
            action = known.get(joint) or "move"
        found.append(Correction(joint, action, place, confidence))
    return found
