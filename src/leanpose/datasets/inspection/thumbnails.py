"""Small pictures of people with their labels drawn on them."""

from collections.abc import Sequence

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import ImageError
from leanpose.datasets.inspection.people import People
from leanpose.media import load_image
from leanpose.pose.poses import Poses

SIDE = 216  # pixels of a picture
AROUND = 1.3  # of the region shown over the person with all joints
FARTHEST = 4  # sides of the box; what lies further out does not make the region larger
OFF = 1e6  # pixels; positions beyond it are drawn there
QUALITY = 78


def draw_people(people: People, wanted: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], bytes]:
    """JPEG files of people, or of several of one image together, by their numbers; none where the image is unreadable.

    Every image is read once.
    """
    by_image: dict[int, list[tuple[int, ...]]] = {}
    for numbers in dict.fromkeys(wanted):
        by_image.setdefault(int(people.image_of[numbers[0]]), []).append(numbers)
    drawn = {}
    for image, groups in by_image.items():
        source = people.images[image].source
        try:
            pixels = load_image(source if isinstance(source, bytes) else source.read_bytes())
        except (OSError, ImageError):
            continue
        for numbers in groups:
            drawn[numbers] = _draw(people, numbers, pixels)
    return drawn


def _draw(people: People, numbers: tuple[int, ...], image: np.ndarray) -> bytes:
    # enlarged before drawing, so that thin lines stay readable on small pictures
    chosen = list(numbers)
    transform = geometry.crop_transform(_region(people, chosen), (SIDE, SIDE), AROUND)
    crop = geometry.warp(image, transform, (SIDE, SIDE))
    keypoints = np.clip(geometry.apply(transform, people.keypoints[chosen]), -OFF, OFF)
    labelled = people.labelled[chosen]
    poses = Poses(
        keypoints,
        np.where(labelled, np.where(people.occluded[chosen], 0.0, 1.0), 0.0),  # hidden joints are drawn fainter
        np.clip(geometry.apply(transform, people.boxes[chosen].reshape(-1, 2, 2)), -OFF, OFF).reshape(-1, 4),
        np.ones(len(chosen)),
        skeleton=people.skeleton,
        image_hw=(SIDE, SIDE),
    )
    drawn = poses.draw(crop, min_score=0, boxes=True)
    return cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _region(people: People, chosen: list[int]) -> np.ndarray:
    """The box (4,) around the people's boxes and joints, at most so large that they can still be made out."""
    boxes = people.boxes[chosen]
    reach = FARTHEST * people.box_sides[chosen].max()
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    points = people.keypoints[chosen][people.labelled[chosen]]
    if len(points):
        low = np.maximum(np.minimum(low, points.min(axis=0)), low - reach)
        high = np.minimum(np.maximum(high, points.max(axis=0)), high + reach)
    return np.concatenate((low, np.maximum(high, low + 1)))


def describe(people: People, numbers: Sequence[int]) -> str:
    """What such a picture shows, in words."""
    joints = people.labelled[list(numbers)].sum(axis=1).tolist()
    counts = " and ".join(f"{count} of {len(people.skeleton)} joints" for count in joints)
    return f"{people.samples[numbers[0]].name} with {counts} drawn"


def together(people: People, numbers: Sequence[int]) -> list[tuple[int, ...]]:
    """People by number, those of one image in one group."""
    groups: dict[int, list[int]] = {}
    for number in numbers:
        groups.setdefault(int(people.image_of[number]), []).append(number)
    return [tuple(members) for members in groups.values()]
