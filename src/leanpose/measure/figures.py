"""The figures of each metric, in the order in which they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leanpose.datasets.readers import Sample
from leanpose.measure.metrics.pck import GROUPS, auc, epe, grouped, mean_over_joints, nme, pck
from leanpose.measure.metrics.pckh import HRNET_GROUPS, HRNET_MEAN_AT_01, in_mean, pckh_mean
from leanpose.measure.metrics.reference import FINE_THRESHOLD, MAIN_THRESHOLD
from leanpose.pose.joint_groups import LIMB_JOINTS
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True)
class Figure:
    """A measured number: its key in files, its name in tables, its value (percent, or pixels where the name says)."""

    key: str
    label: str
    value: float


@dataclass(frozen=True, eq=False)
class Distances:
    """Joint distances in reference lengths, and what they are counted by.

    Attributes:
        values: (N, K); NaN where not judged, infinite where not answered.
        reference: ``"torso"``, ``"head"`` or ``"box"``.
        skeleton: names the K joints.
    """

    values: np.ndarray
    reference: str
    skeleton: Skeleton

    @property
    def name(self) -> str:
        """The metric with its threshold, such as ``"PCKh@0.5"`` or ``"PCK@0.05 (box)"``."""
        return f"{self.prefix}@{self.threshold:g}"

    @property
    def unit(self) -> str:
        """What distances are counted in, in words."""
        return {"torso": "torso lengths", "head": "head sizes", "box": "longer sides of the box"}[self.reference]

    @property
    def prefix(self) -> str:
        """``"PCKh"`` for distances in head sizes, else ``"PCK"``."""
        return "PCKh" if self.reference == "head" else "PCK"

    @property
    def threshold(self) -> float:
        """The one that papers report."""
        return MAIN_THRESHOLD[self.reference]

    def per_joint(self, threshold: float | None = None) -> np.ndarray:
        """PCK (K,) in percent."""
        return 100 * pck(self.values, self.threshold if threshold is None else threshold)

    def mean(self, threshold: float | None = None) -> float:
        """PCK in percent: mean over the joints, or for head sizes MPII's mean.

        MPII weighs each joint by how often it is labelled, and leaves out pelvis and thorax.
        """
        if self.reference == "head":
            return 100 * pckh_mean(self.values, self.skeleton, self.threshold if threshold is None else threshold)
        return mean_over_joints(self.per_joint(threshold))

    @property
    def counted(self) -> np.ndarray:
        """Those of the values whose joints enter the mean."""
        return self.values[:, in_mean(self.skeleton)] if self.reference == "head" else self.values

    def rows(self) -> dict[str, float]:
        """PCK in percent by row of the published tables; by joint for a skeleton that has none of their joints.

        The head of PCKh is the head top alone, as in the validation tables of the HRNet line.
        """
        per_joint = self.per_joint()
        rows = grouped(per_joint, self.skeleton, HRNET_GROUPS if self.reference == "head" else GROUPS)
        return rows or dict(zip(self.skeleton.joints, per_joint.tolist(), strict=True))


def pck_figures(
    distances: Distances, samples: Sequence[Sample], predicted: np.ndarray, hrnet_pckh01: bool = False
) -> list[Figure]:
    """Mean, limb mean, fine mean, area under the curve, end-point error and normalised mean error.

    Args:
        hrnet_pckh01: also PCKh at the threshold 0.11, which the HRNet line prints as its Mean@0.1.
    """
    d, prefix = distances, distances.prefix
    fine, limbs = FINE_THRESHOLD[d.reference], [joint.endswith(LIMB_JOINTS) for joint in d.skeleton.joints]
    labelled = np.stack([s.labelled for s in samples]) & ~np.isnan(d.values).all(axis=0)
    true = np.stack([s.keypoints for s in samples])
    of_joints = "" if d.reference == "head" else " of joints"
    found = [Figure(d.name.lower(), f"{d.name} mean{of_joints}", d.mean())]
    if any(limbs) and d.reference != "head":
        found.append(
            Figure(f"{d.name.lower()} limbs", f"{d.name} mean of limb joints", mean_over_joints(d.per_joint()[limbs]))
        )
    found.append(Figure(f"{prefix.lower()}@{fine:g}", f"{prefix}@{fine:g} mean", d.mean(fine)))
    if hrnet_pckh01 and d.reference == "head":
        found.append(
            Figure(f"pckh@{HRNET_MEAN_AT_01}", f"PCKh@{HRNET_MEAN_AT_01} (HRNet's @0.1)", d.mean(HRNET_MEAN_AT_01))
        )
    area = 100 * mean_over_joints(auc(d.counted, d.threshold))
    return [
        *found,
        Figure(f"auc@{d.threshold:g}", f"AUC to {d.threshold:g}", area),
        Figure("epe px", "end-point error, px", epe(predicted, true, labelled)),
        Figure("nme", f"mean error, % of {d.reference}", 100 * nme(d.values)),
    ]
