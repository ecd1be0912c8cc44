"""Who is who in two frames: how alike people are, and the one-to-one assignment that is best in all."""

from dataclasses import dataclass

import numpy as np

from leanpose.errors import MissingExtraError
from leanpose.geometry import box_iou
from leanpose.metrics.oks import oks

FEWEST_JOINTS = 3  # with fewer, a hull or an OKS says nothing about a person, and the box counts alone
GROWTH = 0.15  # of the longer side of the joints' hull: ankles and nose lie inside a person's extent


@dataclass(frozen=True, eq=False)
class Bodies:
    """What people are compared by.

    Attributes:
        keypoints: (P, K, 2) float64 pixels, anything where not known.
        known: (P, K) bool, the joints that may be trusted.
        boxes: (P, 4) the people's extents as :func:`extents` gives them.
    """

    keypoints: np.ndarray
    known: np.ndarray
    boxes: np.ndarray


def extents(keypoints: np.ndarray, known: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Boxes (P, 4) around the known joints: their hull, all sides moved out by half of ``GROWTH`` of the longer one.

    Args:
        keypoints: (P, K, 2) pixels.
        known: (P, K) bool.
        boxes: (P, 4) taken for people with fewer than ``FEWEST_JOINTS`` known joints, or all of them in one place.
    """
    points, used = keypoints.astype(float), known[..., None]
    low = points.min(axis=1, where=used, initial=np.inf)
    high = points.max(axis=1, where=used, initial=-np.inf)
    margin = GROWTH / 2 * (high - low).max(axis=1, keepdims=True)
    usable = (known.sum(axis=1) >= FEWEST_JOINTS)[:, None] & (margin > 0)
    return np.where(usable, np.concatenate((low - margin, high + margin), axis=1), boxes)


def similarity(earlier: Bodies, later: Bodies, sigmas: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """How alike (E, L) people of an earlier and a later frame are, from 0 to 1: the mean of OKS and box overlap.

    OKS is taken over the joints that both know, with the mean of the two boxes as the area; people who share fewer
    than ``FEWEST_JOINTS`` are compared by their boxes alone.

    Args:
        earlier, later: E and L people.
        sigmas: (K,) of the joints.
        drift: (E,) by how much of the root of its area a person may have strayed since it was seen; OKS forgives as
            much, by adding it to 2 sigma as independent errors add.
    """
    shared = earlier.known[:, None] & later.known
    areas = [(bodies.boxes[:, 2:] - bodies.boxes[:, :2]).prod(axis=1) for bodies in (earlier, later)]
    tolerance = np.hypot(sigmas, drift[:, None] / 2)[:, None]
    mean_area = (areas[0][:, None] + areas[1]) / 2
    of_joints = oks(later.keypoints, earlier.keypoints[:, None], shared, mean_area, tolerance)
    of_boxes = box_iou(earlier.boxes[:, None], later.boxes)
    return np.where(shared.sum(axis=-1) >= FEWEST_JOINTS, (of_joints + of_boxes) / 2, of_boxes)


def assign(likeness: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of the one-to-one assignment with the largest sum of likeness (R, C), none below ``least``.

    Raises:
        MissingExtraError: without scipy.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "video") from error
    allowed = np.where(likeness >= least, likeness, 0)
    pairs = zip(*linear_sum_assignment(allowed, maximize=True), strict=True)
    return [(int(row), int(column)) for row, column in pairs if allowed[row, column] > 0]
