"""Figures by group of joints, face, limbs, head and neck, each with its interval and with the joints it rests on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leanpose.datasets.readers import Sample
from leanpose.engines.card_file import Score
from leanpose.measure.figures import Distances
from leanpose.measure.intervals import percentile_interval, resampled_mean, resampled_pck
from leanpose.measure.metrics.pck import mean_over_joints, pck
from leanpose.pose.joint_groups import JOINT_GROUPS


@dataclass(frozen=True)
class GroupFigure:
    """A figure of a group of joints.

    Attributes:
        label: the figure in words.
        value: percent, or pixels for the end-point error; NaN where nothing can be measured, like the interval.
        low, high: 95 % bootstrap interval over people.
        joints: how many labelled joints it rests on.
    """

    label: str
    value: float
    low: float
    high: float
    joints: int


@dataclass(frozen=True)
class JointGroup:
    """A group of joints that the model and the data have in common.

    Attributes:
        people: with at least one of them labelled.
        joints: labelled ones that the model knows.
        figures: by key: PCK, the mean over the group's joints, and the normalised mean error, for each reference
            length; and the end-point error in pixels. The errors are means over the labelled joints that were
            answered.
    """

    people: int
    joints: int
    figures: dict[str, GroupFigure]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def without_groups(scores: Sequence[Score]) -> list[Score]:
    """The scores of a card that are not of a group of joints: those to show where there is little room."""
    return [score for score in scores if not any(f", {name}, " in score.metric for name in JOINT_GROUPS)]


def joint_groups(
    samples: Sequence[Sample], predicted: np.ndarray, judged: np.ndarray, measured: Sequence[Distances]
) -> dict[str, JointGroup]:
    """The figures of each group that has a labelled joint.

    Args:
        predicted: (N, K, 2) image pixels; NaN where not predicted.
        judged: (K,) joints that the model knows.
        measured: the distances in each reference length.
    """
    labelled = np.stack([sample.labelled for sample in samples]) & judged
    true = np.stack([sample.keypoints for sample in samples])
    pixels = np.linalg.norm(np.where(labelled[..., None], predicted - true, np.nan), axis=-1)
    groups: dict[str, JointGroup] = {}
    for name, parts in JOINT_GROUPS.items():
        members = [
            k for k, joint in enumerate(samples[0].skeleton.joints)
            if joint.removeprefix("left_").removeprefix("right_") in parts and labelled[:, k].any()
        ]  # fmt: skip
        if not members:
            continue
        figures: dict[str, GroupFigure] = {}
        for d in measured:
            values = d.values[:, members]
            figures[d.name.lower()] = _pck(f"{d.name} of the {d.reference}", values, d.threshold)
            figures[f"nme {d.reference}"] = _mean(f"mean error, % of the {d.reference}", 100 * values)
        figures["epe px"] = _mean("end-point error, px", pixels[:, members])
        counts = labelled[:, members].sum(axis=1)
        groups[name] = JointGroup(int((counts > 0).sum()), int(counts.sum()), figures)
    return groups


def _pck(label: str, distances: np.ndarray, threshold: float) -> GroupFigure:
    value = 100 * mean_over_joints(pck(distances, threshold))
    interval = percentile_interval(100 * resampled_pck(distances, threshold))
    return GroupFigure(label, value, *interval, int((~np.isnan(distances)).sum()))


def _mean(label: str, values: np.ndarray) -> GroupFigure:
    """Mean of the finite values (N, K), each joint of each person alike."""
    finite = np.isfinite(values)
    value = float(values[finite].mean()) if finite.any() else float("nan")
    return GroupFigure(label, value, *percentile_interval(resampled_mean(values)), int(finite.sum()))
