"""Boxes of several detectors, and of the mirrored image, merged by agreement.

Weighted boxes fusion (Solovyev, Wang and Gabruseva, arXiv 1910.13302) with equal weights: boxes of different views that
overlap become their mean, weighed by score, and the score becomes the mean over all views, 0 where a view saw nothing.
What only one of three views believes in can then not be surer than a third.
"""

from collections.abc import Sequence

import numpy as np

from leanpose.core import geometry
from leanpose.estimate.detector import Detector, nms

FUSION_IOU = 0.55  # from which two boxes are of one person
MERGED_NMS_IOU = 0.6  # of two merged boxes that overlap by more than this the better one stays
VIEW_THRESHOLD = 0.05  # score from which a view's box takes part: weak boxes may confirm each other
VIEW_NMS_IOU = 0.5


def fuse(views: Sequence[np.ndarray], iou: float = FUSION_IOU) -> np.ndarray:
    """Boxes (M, 5) of all views together: x1, y1, x2, y2, score; best first.

    The boxes are taken by falling score, of equal ones the earlier view's first. Each joins the merged box that it
    overlaps most, if by ``iou`` or more and no box of its own view is in it, and else begins a new one.

    Args:
        views: (P, 5) of each, boxes and scores in [0, 1]; a view may be empty, but counts in the scores.
        iou: overlap from which boxes of two views are of one person.

    Raises:
        ValueError: without any view.
    """
    if not views:
        raise ValueError("no views to merge")
    members: list[list[np.ndarray]] = []
    seen: list[set[int]] = []
    merged = np.zeros((0, 4))
    rows = [(row, view) for view, found in enumerate(views) for row in found]
    for row, view in sorted(rows, key=lambda pair: -pair[0][4]):
        overlap = geometry.box_iou(row[:4], merged) if len(merged) else np.zeros(0)
        free = np.array([view not in views_of for views_of in seen], dtype=bool)
        overlap = np.where(free & (overlap >= iou), overlap, -1.0)
        place = int(overlap.argmax()) if len(overlap) else -1
        if place < 0 or overlap[place] < 0:
            members.append([row])
            seen.append({view})
            merged = np.vstack((merged, row[:4]))
            continue
        members[place].append(row)
        seen[place].add(view)
        merged[place] = _mean(members[place])
    scores = np.array([sum(row[4] for row in rows) for rows in members]) / len(views)
    order = np.argsort(-scores, kind="stable")
    return np.column_stack((merged, scores))[order] if len(merged) else np.zeros((0, 5))


def _mean(rows: list[np.ndarray]) -> np.ndarray:
    stacked = np.array(rows)
    weights = stacked[:, 4]
    return np.average(stacked[:, :4], axis=0, weights=weights if weights.sum() > 0 else None)


class MergedDetector:
    """Several detectors as one, a :data:`leanpose.estimate.detector.Detector`.

    Attributes:
        detectors: whose boxes are merged; each should give boxes down to ``VIEW_THRESHOLD``.
        mirror: whether the first also looks at the mirrored image, as a view of its own.
        threshold: score from which a merged box is given.
    """

    def __init__(self, detectors: Sequence[Detector], mirror: bool, threshold: float) -> None:
        """Raises ValueError without detectors."""
        if not detectors:
            raise ValueError("no detectors to merge")
        self.detectors = list(detectors)
        self.mirror = mirror
        self.threshold = threshold

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The people in a BGR image (H, W, 3): (P, 5) of x1, y1, x2, y2 in image pixels and score, best first."""
        views = [detector(image) for detector in self.detectors]
        if self.mirror:
            mirrored = np.ascontiguousarray(image[:, ::-1])
            views.insert(1, mirrored_boxes(self.detectors[0](mirrored), image.shape[1]))
        found = fuse(views)
        found = found[nms(found[:, :4], found[:, 4], MERGED_NMS_IOU)]
        return found[found[:, 4] >= self.threshold]


def mirrored_boxes(found: np.ndarray, width: int) -> np.ndarray:
    """Boxes and scores (P, 5) of an image ``width`` pixels wide, where they are in its mirror image."""
    corners = found[:, [2, 1, 0, 3]].reshape(-1, 2, 2)
    back = geometry.flip_keypoints(corners, width, np.arange(2)).reshape(-1, 4)
    return np.column_stack((back, found[:, 4]))
