"""Object keypoint similarity (OKS): how alike two poses are, from 0 to 1, and what follows from it.

COCO's definition, with the distance d of a joint, the person's area s^2 and the joint's constant sigma:

    OKS = mean over labelled joints of exp(-d^2 / (2 s^2 k^2)),  k = 2 sigma
"""

import numpy as np
from numpy.typing import ArrayLike


def oks(
    predicted: np.ndarray,
    true: np.ndarray,
    labelled: np.ndarray,
    area: ArrayLike,
    sigmas: np.ndarray,
    box: np.ndarray | None = None,
) -> np.ndarray:
    """OKS (...) of predicted and true keypoints.

    Leading dimensions broadcast: ``oks(predicted[:, None], true, labelled, area, sigmas)`` with P and T people is the
    matrix (P, T). A labelled joint without a finite prediction counts 0.

    Args:
        predicted: (..., K, 2) pixels, NaN where there is no prediction.
        true: (..., K, 2) pixels.
        labelled: (..., K) bool.
        area: (...) square pixels of the true person, the annotation's ``area`` on COCO.
        sigmas: (K,) constants of the joints.
        box: (..., 4) xyxy of the true person. Where no joint is labelled, COCO takes how far all predicted joints lie
            outside the box grown by its own width and height on every side; without boxes such people get NaN.
    """
    shown = np.asarray(labelled, dtype=bool)
    offsets = predicted - np.where(shown[..., None], true, 0)
    if box is not None:
        low, high = box[..., None, :2], box[..., None, 2:]
        outside = np.maximum(2 * low - high - predicted, 0) + np.maximum(predicted - (2 * high - low), 0)
        nobody = np.asarray(~shown.any(axis=-1, keepdims=True))
        offsets = np.where(nobody[..., None], outside, offsets)
        shown = shown | nobody
    scale = 2 * (2 * sigmas) ** 2 * (np.asarray(area, dtype=float)[..., None] + np.spacing(1))
    similarity = np.exp(-(offsets**2).sum(axis=-1) / scale)
    similarity = np.where(shown & np.isfinite(similarity), similarity, 0)
    count = shown.sum(axis=-1)
    return np.where(count > 0, similarity.sum(axis=-1) / np.maximum(count, 1), np.nan)[()]


def oks_nms(
    keypoints: np.ndarray, scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, threshold: float = 0.9
) -> np.ndarray:
    """Indices of the poses of one image that stay, best first: each drops the weaker ones too much like it.

    The greedy suppression of the HRNet line: two poses are compared by OKS over all joints and the mean of their
    areas, and the weaker one goes where it exceeds the threshold. Of equal scores the first wins. Joints that one of
    the two lacks are not compared, and poses that share none are not alike.

    Args:
        keypoints: (P, K, 2) pixels, NaN where there is no prediction.
        scores: (P,) of the poses, such as :func:`rescored` gives.
        areas: (P,) square pixels. HRNet takes the area of the padded box that was cropped.
        sigmas: (K,) constants of the joints.
        threshold: 0.9 in the HRNet line.
    """
    finite = np.asarray(np.isfinite(keypoints).all(axis=-1))
    shared = finite[:, None] & finite
    mean_areas = (areas[:, None] + areas) / 2
    likeness = np.nan_to_num(oks(keypoints[:, None], keypoints, shared, mean_areas, sigmas))
    kept: list[int] = []
    for candidate in np.argsort(-scores, kind="stable"):
        if not (likeness[candidate, kept] > threshold).any():
            kept.append(int(candidate))
    return np.array(kept, dtype=int)


def rescored(joint_scores: np.ndarray, box_scores: ArrayLike, min_joint_score: float = 0.2) -> np.ndarray:
    """Scores (P,) of poses: the box's times the mean of the joints' that exceed a minimum; 0 where none does.

    The rescoring of the HRNet line, before its OKS NMS.

    Args:
        joint_scores: (P, K).
        box_scores: (P,), or 1 for annotated boxes.
        min_joint_score: 0.2 in the HRNet line.
    """
    sure = joint_scores > min_joint_score
    means = np.where(sure, joint_scores, 0).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)
    return means * np.asarray(box_scores)
