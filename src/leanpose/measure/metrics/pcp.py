"""PCP: the fraction of limbs found (Ferrari et al., CVPR 2008), by its strict definition.

A limb is found when **both** its ends lie within half the true limb's length of theirs. The loose definition, which
takes the mean of the two distances, scores higher; figures of the two are not comparable.
"""

import numpy as np

from leanpose.measure.metrics.pck import mean_over_joints
from leanpose.pose.skeleton import INTERPOLATED, Skeleton

# The ten sticks of the published tables of LSP. Its torso runs between the middles of the hips and the shoulders.
STICKS: dict[str, tuple[tuple[str, str], ...]] = {
    "torso": (("pelvis", "thorax"),),
    "upper leg": (("left_hip", "left_knee"), ("right_hip", "right_knee")),
    "lower leg": (("left_knee", "left_ankle"), ("right_knee", "right_ankle")),
    "upper arm": (("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow")),
    "forearm": (("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")),
    "head": (("neck", "head_top"),),
}


def pcp(
    predicted: np.ndarray, true: np.ndarray, labelled: np.ndarray, limbs: np.ndarray, threshold: float = 0.5
) -> np.ndarray:
    """Fraction (L,) of the limbs found; NaN for a limb that nobody has.

    A limb is judged where both its ends are labelled and apart. One with an end that is not predicted is missed.

    Args:
        predicted: (N, K, 2) pixels, NaN where there is no prediction.
        true: (N, K, 2) pixels.
        labelled: (N, K) bool.
        limbs: (L, 2) joint indices, such as a skeleton's ``limb_indices``.
        threshold: of the limb's true length.
    """
    ends_NL2 = np.asarray(limbs, dtype=int)
    true_NL22 = np.where(labelled[..., None], true, np.nan)[:, ends_NL2]
    lengths_NL = np.linalg.norm(true_NL22[:, :, 0] - true_NL22[:, :, 1], axis=-1)
    errors_NL2 = np.linalg.norm(predicted[:, ends_NL2] - true_NL22, axis=-1)
    found_NL = (errors_NL2 <= threshold * lengths_NL[..., None]).all(axis=-1)
    judged_NL = lengths_NL > 0
    count_L = judged_NL.sum(axis=0)
    return np.where(count_L > 0, (found_NL & judged_NL).sum(axis=0) / np.maximum(count_L, 1), np.nan)


def stick_rows(
    predicted: np.ndarray, true: np.ndarray, labelled: np.ndarray, skeleton: Skeleton, threshold: float = 0.5
) -> dict[str, float]:
    """PCP as the rows of the published tables, left and right averaged, and their ``mean`` over the sticks.

    Sticks that the skeleton has no ends for are left out. For the arguments see :func:`pcp`.
    """
    rows: dict[str, float] = {}
    every: list[float] = []
    for row, sticks in STICKS.items():
        found = []
        for stick in sticks:
            if all(joint in skeleton.joints for end in stick for joint in INTERPOLATED.get(end, (end,))):
                answer, truth, known = (_ends(values, stick, skeleton) for values in (predicted, true, labelled))
                found.append(float(pcp(answer, truth, known == 1, np.array([[0, 1]]), threshold)[0]))
        if found:
            rows[row] = mean_over_joints(np.array(found))
            every += found
    return {**rows, "mean": mean_over_joints(np.array(every))} if rows else {}


def _ends(values: np.ndarray, stick: tuple[str, str], skeleton: Skeleton) -> np.ndarray:
    """The values (N, K, ...) at the two ends of a stick, (N, 2, ...); their mean where it ends between joints."""
    columns = [[skeleton.index(joint) for joint in INTERPOLATED.get(end, (end,))] for end in stick]
    return np.stack([values[:, c].mean(axis=1) for c in columns], axis=1)
