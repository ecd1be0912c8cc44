"""What a pixel distance is divided by, and how far is still right."""

import numpy as np

from leanpose.measure.metrics.pck import torso_lengths
from leanpose.pose.skeleton import Skeleton

# The thresholds that papers report: PCK of the torso (LSP), PCKh (MPII), PCK of the box's longer side (MMPose).
MAIN_THRESHOLD = {"torso": 0.2, "head": 0.5, "box": 0.05}
FINE_THRESHOLD = {"torso": 0.1, "head": 0.1, "box": 0.02}

HEAD_OF_DIAGONAL = 0.6  # MPII's head size, as a part of the diagonal of its head box


def reference_of(skeleton: Skeleton) -> str:
    """``"torso"`` where the skeleton has its torso joints, else ``"box"``."""
    return "torso" if set(skeleton.torso) <= set(skeleton.joints) else "box"


def reference_lengths(
    keypoints: np.ndarray, labelled: np.ndarray, skeleton: Skeleton, box_sides: np.ndarray | float
) -> np.ndarray:
    """Reference lengths (N,) in pixels of people whose skeletons may be any: torsos, or else their boxes' sides.

    A skeleton without torso joints is measured by ``box_sides``. A skeleton with them never is, so that all people
    are measured alike: the reference is NaN where one of the two is not labelled, and the person is not judged.

    Args:
        keypoints: (N, K, 2) pixels.
        labelled: (N, K) bool.
        box_sides: (N,) or one for all, the longer sides of the boxes in the same pixels.
    """
    if reference_of(skeleton) == "box":
        return np.broadcast_to(np.asarray(box_sides, dtype=float), (len(keypoints),))
    return torso_lengths(np.where(labelled[..., None], keypoints, np.nan), skeleton)


def head_lengths(head_boxes: np.ndarray) -> np.ndarray:
    """MPII's head sizes (N,), 0.6 of the diagonal of the head boxes (N, 4) xyxy: the reference of PCKh."""
    return HEAD_OF_DIAGONAL * np.linalg.norm(head_boxes[:, 2:] - head_boxes[:, :2], axis=-1)


def box_lengths(boxes: np.ndarray) -> np.ndarray:
    """Longer sides (N,) of the annotated boxes (N, 4) xyxy: the reference of MMPose's PCK."""
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=-1)


def hull_lengths(keypoints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Longer sides (N,) of the tight boxes around the labelled joints; NaN where none is labelled.

    The reference of the first PCK (Yang & Ramanan, TPAMI 2013), on data without boxes.

    Args:
        keypoints: (N, K, 2) pixels.
        labelled: (N, K) bool.
    """
    shown = labelled[..., None]
    sides = np.where(shown, keypoints, -np.inf).max(axis=1) - np.where(shown, keypoints, np.inf).min(axis=1)
    return np.where(labelled.any(axis=1), sides.max(axis=-1), np.nan)
