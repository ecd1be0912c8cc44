"""Samples of one skeleton as samples of another."""

from dataclasses import replace
from functools import cache

import numpy as np

from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import Skeleton, mapping_weights


def map_sample(sample: Sample, target: Skeleton, problems: list[str] | None = None) -> Sample | None:
    """The sample with the joints of ``target``, by name; those that it does not know are not labelled.

    None, with a message to ``problems``, when it has no labelled joint of ``target`` at all.
    """
    if sample.skeleton == target:
        return sample
    weights = _weights(sample.skeleton, target)
    used = weights > 0
    labelled = used.any(axis=1) & ~(used & ~sample.labelled).any(axis=1)
    if sample.labelled.any() and not labelled.any():
        if problems is not None:
            problems.append(f"{sample.name}: no labelled joint that {target.name} has too")
        return None
    return replace(
        sample,
        keypoints=weights @ np.where(sample.labelled[:, None], sample.keypoints, 0.0),
        labelled=labelled,
        occluded=None if sample.occluded is None else (used & sample.occluded).any(axis=1) & labelled,
        confidence=None if sample.confidence is None else np.where(used, sample.confidence, 1.0).min(axis=1),
        skeleton=target,
    )


@cache
def _weights(source: Skeleton, target: Skeleton) -> np.ndarray:
    """Found once for all people of a dataset: it takes longer than to map one of them."""
    weights = mapping_weights(source, target)
    weights.setflags(write=False)
    return weights
