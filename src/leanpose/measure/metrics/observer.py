"""Observer-centric labels: left and right as the image shows them, not as the person has them.

Older results on LSP are measured that way. The observer-centric labels of LSP (Eichner & Ferrari, ACCV 2012) were
derived from the person-centric ones by a rule on positions alone, and that rule is applied here, so no second label
file is needed. Whoever measures by them relabels the truth *before* taking torso lengths from it. A network trained
on person-centric labels is measured fairly only if its predictions are relabelled, too, by their own positions.
"""

import numpy as np

from leanpose.pose.skeleton import Skeleton

ARMS = ("shoulder", "elbow", "wrist")
LEGS = ("hip", "knee", "ankle")


def observer_centric_order(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Joint indices (N, K) that relabel people so that all look as if they faced the camera.

    The person is turned until the torso, middle of the shoulders to middle of the hips, points down. Arms whose right
    shoulder is then to the right of the left one swap their labels, and so do legs by their hips. ``right_`` so names
    the side on the image's left. People without finite shoulders and hips keep their labels; other joints always do.

    ``np.take_along_axis(keypoints, order[..., None], axis=1)`` relabels keypoints, ``np.take_along_axis(labelled,
    order, axis=1)`` their labels.

    Args:
        keypoints: (N, K, 2) pixels, NaN where not known.

    Raises:
        SkeletonError: when the skeleton lacks a shoulder or a hip.
    """
    left_shoulder, right_shoulder, left_hip, right_hip = (
        keypoints[:, skeleton.index(f"{side}_{part}")] for part in ("shoulder", "hip") for side in ("left", "right")
    )
    torso = left_hip + right_hip - left_shoulder - right_shoulder
    order = np.tile(np.arange(len(skeleton)), (len(keypoints), 1))
    for limb, across in ((ARMS, right_shoulder - left_shoulder), (LEGS, right_hip - left_hip)):
        swapped = np.flatnonzero(across[:, 0] * torso[:, 1] > across[:, 1] * torso[:, 0])
        for part in limb:
            pair = [f"left_{part}", f"right_{part}"]
            if set(pair) <= set(skeleton.joints):
                left, right = (skeleton.index(joint) for joint in pair)
                order[swapped, left], order[swapped, right] = right, left
    return order
