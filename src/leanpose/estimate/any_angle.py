"""People who lie, hang or stand on their heads: a second look at a region turned so that the person stands in it.

A network that learned from upright people loses a quarter of the joints of those who are not. After a first, upright
look a person's own axis is taken from the joints, from the hips to the shoulders. Where the network is sure and the
axis is far from upright, one more look follows along it. Where it is not sure, three more follow, a quarter, a half and
three quarters around, and one along the axis that the best of them shows. The surest answer stays, upright ones first.
In a video the first look is along the axis that the person had in the frame before: mostly the only one.
"""

import numpy as np

from leanpose.core import geometry
from leanpose.estimate.looking import Looking
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Keypoints (P, K, 2), scores (P, K) and uncertainties (P, K), as :meth:`Looking.postprocess` gives them."""

# Chosen on validation people of LSP, as they are and turned:
SURE = 0.65  # mean score from which the joints are believed to say where up is
TILT = 35.0  # degrees of a person's axis from the crop's upright that are left as they are
GAIN = 0.02  # of the mean score by which a turned look must be better than the first one
TOP, BOTTOM = ("shoulder",), ("hip",)
QUARTERS = (90.0, 180.0, 270.0)
SAME = 0.3  # intersection over union from which a box has whom a box of the frame before had


def look_at_any_angle(
    looking: Looking, image: np.ndarray, boxes: np.ndarray, expected: np.ndarray | None = None
) -> Found:
    """The joints of people in boxes (P, 4) of a BGR image (H, W, 3), however they are turned.

    Args:
        expected: degrees (P,) of the people's axes as :func:`axes` gives them, where that is known from before: the
            first look is along them. Upright if not given.

    Raises:
        ModelError: when the heatmaps do not fit the card.
    """
    expected = np.zeros(len(boxes)) if expected is None else expected
    found = _look(looking, image, boxes, -expected)
    first = found[1].mean(axis=1)
    if unsure := np.flatnonzero(first < SURE).tolist():
        for angle in QUARTERS:
            turned = _look(looking, image, boxes[unsure], angle - expected[unsure])
            _take_better(found, turned, unsure, first)
    axis = axes(found[0], looking.card.skeleton)
    tilted = np.flatnonzero(_tilt(axis - expected) > TILT).tolist()
    if tilted:
        along = _look(looking, image, boxes[tilted], -axis[tilted])
        _take_better(found, along, tilted, first)
    return found


def axes_before(before: Poses | None, boxes: np.ndarray) -> np.ndarray:
    """Degrees (P,) of the axes that people in boxes (P, 4) had in the frame before, by the box that overlaps most.

    0 for who was not there, not sure, or nearly upright.
    """
    if before is None or not len(before) or not len(boxes):
        return np.zeros(len(boxes))
    axis = axes(before.keypoints.astype(float), before.skeleton)
    believed = (before.scores.mean(axis=1) >= SURE) & (_tilt(axis) > TILT)
    overlaps = geometry.box_iou(boxes[:, None], before.boxes.astype(float))
    nearest = overlaps.argmax(axis=1)
    return np.where((overlaps.max(axis=1) >= SAME) & believed[nearest], axis[nearest], 0.0)


def axes(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Degrees (P,) clockwise on screen from upright of people's axes, hips to shoulders.

    0 where the skeleton has no hips or no shoulders.
    """
    top, bottom = (
        [number for number, name in enumerate(skeleton.joints) if name.endswith(words)] for words in (TOP, BOTTOM)
    )
    if not top or not bottom:
        return np.zeros(len(keypoints))
    x, y = (keypoints[:, top].mean(axis=1) - keypoints[:, bottom].mean(axis=1)).T
    return np.degrees(np.arctan2(x, -y))


def _look(looking: Looking, image: np.ndarray, boxes: np.ndarray, angles: np.ndarray) -> Found:
    """One look at each person, the picture turned clockwise by so many degrees."""
    transforms = geometry.crop_transform(
        _around(boxes, angles), looking.card.input_hw, looking.card.padding, rotation=angles
    )
    parts = [
        looking.postprocess(looking.infer(np.stack([looking.crop(image, t) for t in some])), some)
        for some in np.split(transforms, range(looking.batch_size, len(transforms), looking.batch_size))
        if len(some)
    ]
    if not parts:
        joints = len(looking.card.skeleton)
        return np.empty((0, joints, 2)), np.empty((0, joints)), np.empty((0, joints))
    keypoints, scores, uncertainties = (np.concatenate(part) for part in zip(*parts, strict=True))
    return keypoints, scores, uncertainties


def _around(boxes: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Boxes (P, 4) that would bound what is in ``boxes`` after a turn, about the same centres."""
    turn = np.radians(angles)
    cos, sin = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    half = np.stack((width * cos + height * sin, width * sin + height * cos), axis=1) / 2
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def _tilt(axis: np.ndarray) -> np.ndarray:
    return np.abs((axis + 180) % 360 - 180)


def _take_better(found: Found, turned: Found, people: list[int], first: np.ndarray) -> None:
    """Put the turned looks at ``people`` into ``found`` where they are surer."""
    means = turned[1].mean(axis=1)
    for at, person in enumerate(people):
        if means[at] > max(float(found[1][person].mean()), first[person] + GAIN):
            for kept, new in zip(found, turned, strict=True):
                kept[person] = new[at]
