"""Labels that cannot be where they are: outside the image or the box, on one spot, or on hardly any pixels."""

from collections.abc import Iterator, Mapping

import numpy as np

from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.images import ImageFacts
from leanpose.datasets.inspection.people import People

EDGE = 1.0  # pixels outside the image that are rounding
FAR = 0.25  # of the box's longer side
CROWDED = 3  # joints on one spot
TINY = 20  # pixels


def find_misplaced(people: People, facts: Mapping[int, ImageFacts | str]) -> Iterator[Finding]:
    """Joints outside their image, as far as it was read, or far outside their box; people wholly outside it."""
    sizes = np.full((len(people.images), 2), np.nan)
    for i, fact in facts.items():
        if isinstance(fact, ImageFacts):
            sizes[i] = fact.width, fact.height
    limits = sizes[people.image_of, None]
    beyond_image = _beyond(people.keypoints, np.full_like(limits, -0.5), limits - 0.5)
    outside = beyond_image > EDGE
    beyond_box = _beyond(people.keypoints, people.boxes[:, None, :2], people.boxes[:, None, 2:])
    beyond_box /= people.box_sides[:, None]
    gone = people.labelled.any(axis=1) & (outside | ~people.labelled).all(axis=1)
    for i in np.flatnonzero(gone).tolist():
        yield _finding(people, "off_image", i, "no labelled joint is in the image", np.nanmax(beyond_image[i]))
    for i in np.flatnonzero(outside.any(axis=1) & ~gone).tolist():
        worst = np.nanmax(beyond_image[i])
        message = f"{_joints(people, outside[i])}, up to {worst:.0f} px"
        yield _finding(people, "outside_image", i, message, worst / people.box_sides[i])
    for i in np.flatnonzero((beyond_box > FAR).any(axis=1)).tolist():
        worst = np.nanmax(beyond_box[i])
        message = f"{_joints(people, beyond_box[i] > FAR)}, up to {worst:.2f} of its side"
        yield _finding(people, "outside_box", i, message, worst)


def find_small(people: People) -> Iterator[Finding]:
    """People whose box is very small."""
    for i in np.flatnonzero(people.box_sides < TINY).tolist():
        yield _finding(people, "tiny", i, f"{people.box_sides[i]:.0f} px", TINY / people.box_sides[i])


def find_coincident(people: People) -> Iterator[Finding]:
    """People with three or more joints at exactly the same place."""
    points = people.keypoints
    # NaN equals nothing, so joints that are not labelled count themselves not even once
    counts = np.zeros(people.labelled.shape, dtype=int)
    for joint in range(points.shape[1]):
        counts += (points == points[:, joint, None]).all(axis=-1)
    most = counts.max(axis=1)
    for i in np.flatnonzero(most >= CROWDED).tolist():
        x, y = points[i, np.argmax(counts[i])]
        message = f"{_joints(people, counts[i] == most[i])} at {x:g}, {y:g}"
        yield _finding(people, "same_spot", i, message, most[i])


def _beyond(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Pixels (N, K) by which points lie outside, along the axis where it is more; negative inside, NaN if unknown."""
    return np.maximum(low - points, points - high).max(axis=-1)


def _joints(people: People, which: np.ndarray) -> str:
    names = [people.skeleton.joints[k] for k in np.flatnonzero(which)]
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} joints"


def _finding(people: People, kind: str, i: int, message: str, severity: float) -> Finding:
    return Finding(kind, (people.samples[i].name,), message, float(severity), (i,))
