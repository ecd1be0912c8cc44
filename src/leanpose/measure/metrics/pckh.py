"""PCKh by MPII's rules (Andriluka et al., CVPR 2014): what enters its mean, and who counts what as the head.

PCKh is PCK whose reference is the head size, :func:`leanpose.measure.metrics.reference.head_lengths`. The rows of its
tables come from :func:`leanpose.measure.metrics.pck.grouped`: MPII's own evaluation, and so the published test tables,
average neck and head top as the head; the code of the HRNet line, and so its validation tables, takes the head top
alone, which is :data:`HRNET_GROUPS`.
"""

import numpy as np

from leanpose.measure.metrics.pck import GROUPS
from leanpose.pose.skeleton import Skeleton

NOT_IN_MEAN = ("pelvis", "thorax")
HRNET_GROUPS = {**GROUPS, "head": ("head_top",)}

# The HRNet line's "Mean@0.1" is not PCKh@0.1: it takes the wrong entry of its list of thresholds. Give this to
# pckh_mean to compare with its published figures.
HRNET_MEAN_AT_01 = 0.11


def in_mean(skeleton: Skeleton) -> np.ndarray:
    """Which joints (K,) enter MPII's mean: all but pelvis and thorax."""
    return np.array([joint not in NOT_IN_MEAN for joint in skeleton.joints])


def pckh_mean(distances: np.ndarray, skeleton: Skeleton, threshold: float = 0.5) -> float:
    """MPII's mean of PCKh: the fraction of all judged joints but pelvis and thorax within ``threshold`` head sizes.

    Joints so weigh as much as they are labelled, where :func:`leanpose.measure.metrics.pck.mean_over_joints` weighs
    them alike.

    Args:
        distances: (N, K) in head sizes, NaN where not judged, as
            :func:`leanpose.measure.metrics.pck.normalised_distances` gives them.
        threshold: 0.5 by convention; 0.1 is the strict one, :data:`HRNET_MEAN_AT_01` what HRNet calls so.

    Returns:
        From 0 to 1; NaN when no joint is judged.
    """
    counted = distances[:, in_mean(skeleton)]
    judged = ~np.isnan(counted)
    return float((counted <= threshold).sum() / judged.sum()) if judged.any() else float("nan")
