"""PCK and its relatives: the fraction of joints found within a fraction of a reference length.

The reference is the torso (left shoulder to right hip) for PCK on LSP and the head size for PCKh on MPII; it is the
caller's, in the same pixels as the keypoints, see :mod:`leanpose.measure.metrics.reference`. N samples, K joints.
"""

from collections.abc import Mapping

import numpy as np

from leanpose.pose.skeleton import Skeleton

# The rows of the published tables. The head of LSP and MPII is its neck and head top; COCO has only a face.
GROUPS: dict[str, tuple[str, ...]] = {
    "head": ("neck", "head_top", "nose", "eye", "ear"),
    "shoulder": ("shoulder",),
    "elbow": ("elbow",),
    "wrist": ("wrist",),
    "hip": ("hip",),
    "knee": ("knee",),
    "ankle": ("ankle",),
}


def torso_lengths(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Lengths (N,) in pixels between the two torso joints of keypoints (N, K, 2); NaN where one of them is NaN.

    Raises:
        SkeletonError: when the skeleton lacks one of its torso joints.
    """
    first, second = (skeleton.index(joint) for joint in skeleton.torso)
    return np.linalg.norm(keypoints[:, first] - keypoints[:, second], axis=-1)


def normalised_distances(
    predicted: np.ndarray, true: np.ndarray, labelled: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """Distances (N, K) between predicted and true keypoints over the sample's reference length.

    NaN marks what is not judged: joints that are not labelled, and all joints of a sample whose reference is not a
    positive finite length (a torso seen end-on, or one with a joint that is not labelled). Infinity marks labelled
    joints without a finite prediction: not answering is wrong.

    Args:
        predicted: (N, K, 2) pixels, NaN where there is no prediction.
        true: (N, K, 2) pixels.
        labelled: (N, K) bool.
        reference: (N,) pixels.

    Raises:
        ValueError: when a labelled joint has no finite true position.
    """
    judged = labelled & (np.isfinite(reference) & (reference > 0))[:, None]
    if not np.isfinite(true[labelled]).all():
        raise ValueError("a labelled joint has a true position that is not finite: mark it as not labelled")
    answered = judged & np.isfinite(predicted).all(axis=-1)
    distances = np.where(judged, np.inf, np.nan)
    distances[answered] = np.linalg.norm(predicted[answered] - true[answered], axis=-1)
    distances[answered] /= np.broadcast_to(reference[:, None], judged.shape)[answered]
    return distances


def pck(distances: np.ndarray, threshold: float = 0.2) -> np.ndarray:
    """Fraction (K,) of the judged joints whose normalised distance (N, K) is at most ``threshold``; NaN if none is.

    A benchmark's mean is :func:`mean_over_joints` of it: each joint weighs the same, however often it is labelled.
    """
    return _mean(distances <= threshold, ~np.isnan(distances))


def pck_curve(distances: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """PCK (T, K) at each of the thresholds (T,)."""
    return np.stack([pck(distances, threshold) for threshold in thresholds])


def auc(distances: np.ndarray, max_threshold: float = 0.2) -> np.ndarray:
    """Area (K,) under the PCK curve from 0 to ``max_threshold``, over ``max_threshold``: 1 when all is exact.

    The curve is a staircase, so its area is known exactly: a joint at distance d adds
    ``max(0, 1 - d / max_threshold)``. Figures sampled on a grid of thresholds differ from it by up to a grid step.
    """
    return _mean(np.maximum(1 - distances / max_threshold, 0), ~np.isnan(distances))


def epe(predicted: np.ndarray, true: np.ndarray, labelled: np.ndarray) -> float:
    """Mean end-point error in pixels over the joints (N, K) that are labelled and predicted; NaN if none is.

    Joints without a finite prediction are left out: read it beside PCK, which counts them as wrong.
    """
    both = labelled & np.isfinite(predicted).all(axis=-1)
    errors = np.linalg.norm(predicted[both] - true[both], axis=-1)
    return float(errors.mean()) if errors.size else float("nan")


def nme(distances: np.ndarray) -> float:
    """Normalised mean error: mean of the normalised distances (N, K) that are judged and answered; NaN if none is.

    All joints weigh the same, whoever's they are. Those without a finite prediction are left out: read it beside PCK,
    which counts them as wrong.
    """
    answered = distances[np.isfinite(distances)]
    return float(answered.mean()) if answered.size else float("nan")


def mean_over_joints(per_joint: np.ndarray) -> float:
    """Mean of the joints (K,) that have a figure; NaN if none has."""
    return float(_mean(per_joint, ~np.isnan(per_joint)))


def grouped(
    per_joint: np.ndarray, skeleton: Skeleton, groups: Mapping[str, tuple[str, ...]] = GROUPS
) -> dict[str, float]:
    """Per-joint figures (K,) as the rows of the published tables, left and right averaged.

    The head is neck and head top, as the evaluations of LSP and MPII have it. Tables of the HRNet line take the head
    top alone: :data:`leanpose.measure.metrics.pckh.HRNET_GROUPS`. Joints that belong to no row (pelvis, thorax) are
    left out, and so are rows without a joint; a row is NaN when none of its joints has a figure.
    """
    rows: dict[str, float] = {}
    for group, parts in groups.items():
        members = [k for k, j in enumerate(skeleton.joints) if j.removeprefix("left_").removeprefix("right_") in parts]
        if members:
            rows[group] = mean_over_joints(np.asarray(per_joint)[members])
    return rows


def _mean(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Mean over the first axis of the values that are counted; NaN where none is."""
    count = counted.sum(axis=0)
    total = np.where(counted, values, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
