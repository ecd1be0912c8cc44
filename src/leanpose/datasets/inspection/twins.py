"""People who are labelled twice in one image."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.people import People

SHARED = 3  # joints that two people need in common to be compared by them
CLOSE = 0.03  # mean distance of their joints over the longer side of the smaller box
OVERLAP = 0.95  # intersection over union of boxes, of people that have too few joints in common


def find_twins(people: People) -> Iterator[Finding]:
    """Pairs of people of one image whose joints lie, or whose boxes cover, nearly the same."""
    for image in people.images:
        # the same annotations read for two parts are a leak of the image, and named as such
        members = [i for i in image.people if people.parts[i] == image.parts[0] and not people.samples[i].crowd]
        for a, b in combinations(members, 2):
            if not _meet(people.boxes[a], people.boxes[b]):
                continue
            shared = people.labelled[a] & people.labelled[b]
            if shared.sum() >= SHARED:
                apart = np.linalg.norm(people.keypoints[a, shared] - people.keypoints[b, shared], axis=1).mean()
                distance = float(apart / min(people.box_sides[a], people.box_sides[b]))
                alike, message = 1 - distance / CLOSE, f"joints {100 * distance:.1f} % of the box apart"
            else:
                overlap = _overlap(people.boxes[a], people.boxes[b])
                alike, message = (overlap - OVERLAP) / (1 - OVERLAP), f"boxes overlap by {100 * overlap:.0f} %"
            if alike >= 0:
                names = (people.samples[a].name, people.samples[b].name)
                yield Finding("twin", names, message, alike, (a, b))


def _meet(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((np.maximum(a[:2], b[:2]) <= np.minimum(a[2:], b[2:])).all())


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    shared = np.prod(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / union) if union > 0 else 1.0
