"""Augmentation: one affine warp for image and joints, then colour and occlusion.

Every random number comes from the generator passed in, so that a sample depends on nothing but its seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import RecipeError
from leanpose.pose.skeleton import Skeleton

Distribution = Literal["uniform", "normal"]

HALF_BODY_PADDING = 1.5  # side of the region over the extent of the half's joints, as in HRNet's published code
MIN_CUT = 24  # pixels; a picture is never cut to less
LOWER_BODY = frozenset({"pelvis", "hip", "knee", "ankle", "heel", "foot", "toe"})  # last words of joint names


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes to a training crop; all zero leaves the crop as evaluation sees it.

    Attributes:
        distribution: of rotation and scale. ``"uniform"``: rotations from [-rotation, rotation] degrees, and the
            region's side divided by a factor from [1 - scale, 1 + scale]. ``"normal"`` as HRNet's published code:
            rotations from N(0, rotation) cut at twice that, and the region's side multiplied by a factor from
            N(1, scale) cut at [1 - scale, 1 + scale].
        rotation: half width or deviation in degrees.
        rotation_probability: share of crops that are rotated at all.
        upside_down: share of crops that get a uniform rotation over the full circle instead.
        scale: half width or deviation, as a share of the region's side.
        half_body: probability that the region shows only the upper or the lower half of a person.
        half_body_joints: only people with more labelled joints than this are cut in half.
        cut: probability that the picture ends within the person, box and all (:func:`cut_picture`).
        shift: half width of the uniform shift of the region's centre, in sides of the region.
        flip: probability of a horizontal mirror.
        colour: each channel is multiplied by a factor drawn uniformly from [1 - colour, 1 + colour].
        grey: probability of a grey picture.
        darken: probability of one factor from [0.2, 1] on all channels.
        soften: probability that detail is lost: the picture is shrunk by a factor from [1, 3] and enlarged again, as
            people look who are small or out of focus.
        occlusion: probability of one rectangle, up to 40 % of the side, filled with a random colour.
        mosaic: probability that three other people's crops lie over the edges (:func:`lay_mosaic`).
    """

    rotation: float = 0.0
    upside_down: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    darken: float = 0.0
    soften: float = 0.0
    occlusion: float = 0.0
    mosaic: float = 0.0
    distribution: Distribution = "uniform"
    rotation_probability: float = 1.0
    half_body: float = 0.0
    half_body_joints: int = 8
    cut: float = 0.0

    def __post_init__(self) -> None:
        if self.distribution not in get_args(Distribution):
            raise RecipeError(
                f"augmentation: distribution={self.distribution!r} must be {' or '.join(get_args(Distribution))}"
            )
        for name, value in vars(self).items():
            if name == "distribution":
                continue
            most = {"rotation": 180, "scale": 0.9, "half_body_joints": 1000}.get(name, 1)
            if not isinstance(value, int | float) or not 0 <= value <= most:
                raise RecipeError(f"augmentation: {name}={value!r} must be a number from 0 to {most}")


def augmented_crop(
    image: np.ndarray,
    keypoints: np.ndarray,
    weights: np.ndarray,
    box: np.ndarray,
    skeleton: Skeleton,
    input_hw: tuple[int, int],
    padding: float,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A randomly changed crop around a person.

    Args:
        weights: (K,) what each joint counts, 0 for those without a label
            (:attr:`leanpose.datasets.readers.Sample.weights`).

    Returns:
        crop (h, w, 3) uint8, keypoints (K, 2) in crop pixels, and weights (K,): 0 also for joints that the crop does
        not show.
    """
    a = augmentation
    height, width = input_hw
    labelled = weights > 0
    if a.cut and rng.random() < a.cut:
        image, keypoints, box = cut_picture(image, keypoints, box, rng)
    if a.half_body and rng.random() < a.half_body and labelled.sum() > a.half_body_joints:
        half = half_body_box(keypoints, labelled, skeleton, rng)
        box, padding = (box, padding) if half is None else (half, HALF_BODY_PADDING)
    angle = _draw_angle(a, rng)
    side = _draw_side(a, rng)
    shift = rng.uniform(-a.shift, a.shift, size=2)
    transform = geometry.crop_transform(box, input_hw, padding, side, angle, shift)
    flip = rng.random() < a.flip and skeleton.flippable
    points = geometry.apply(transform, keypoints)
    if flip:
        transform = geometry.mirror(transform, width)
        points = geometry.flip_keypoints(points, width, skeleton.flip_permutation)
        weights = weights[skeleton.flip_permutation]
    crop = geometry.warp(image, transform, input_hw)
    change_colour(crop, a, rng)
    if a.soften and rng.random() < a.soften:
        _soften(crop, rng)
    if rng.random() < a.occlusion:
        _occlude(crop, rng)
    shown = (points >= -0.5).all(axis=1) & (points <= np.array([width, height]) - 0.5).all(axis=1)
    return crop, points, weights * shown


def cut_picture(
    image: np.ndarray, keypoints: np.ndarray, box: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The part of a picture in which it ends within a person, as those of half bodies and close people do.

    One or two sides of the picture lie within the box: most often its lower one, 20 to 65 % of the box's extent in.
    Joints beyond the picture stay where they are, and labelled: where a crop shows their place they are taught there.

    Returns:
        A view of the image, keypoints (K, 2) and what is left of the box (4,), in the pixels of that view; all three
        as they were where next to nothing would be left.
    """
    low, high = box[:2], box[2:]
    whole = geometry.image_box(image.shape[0], image.shape[1])
    first, last = whole[:2].copy(), whole[2:].copy()
    sides = rng.choice(4, size=rng.integers(1, 3), replace=False, p=(0.2, 0.1, 0.2, 0.5))  # left, top, right, bottom
    for side in sides:
        axis, depth = side % 2, rng.uniform(0.2, 0.65 if len(sides) == 1 else 0.4)
        if side < 2:
            first[axis] = low[axis] + depth * (high - low)[axis]
        else:
            last[axis] = high[axis] - depth * (high - low)[axis]
    start, stop = (np.round(geometry.to_corner(np.clip(at, whole[:2], whole[2:]))).astype(int) for at in (first, last))
    inside = np.concatenate(
        (np.maximum(low, geometry.from_corner(start)), np.minimum(high, geometry.from_corner(stop)))
    )
    if (stop - start < MIN_CUT).any() or (inside[2:] <= inside[:2]).any():
        return image, keypoints, box
    return image[start[1] : stop[1], start[0] : stop[0]], keypoints - start, inside - np.tile(start, 2)


def lay_mosaic(
    crop: np.ndarray, points: np.ndarray, others: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Lay the middles of three other crops over one row and one column of tiles at a corner of a crop, in place.

    The person's own tile keeps 49 to 81 % of the crop, as its person stands in the middle; a joint in another tile is
    one that the crop does not show, though a stranger's may be there.

    Args:
        crop: (H, W, 3).
        points: (K, 2) in crop pixels.
        others: three crops (H, W, 3): beside, above or below, and in the corner between the two.

    Returns:
        (K,) which of the points lie in the person's own tile.
    """
    height, width = crop.shape[:2]
    own = np.ones((height, width), dtype=bool)
    edge = np.round(rng.uniform(0.1, 0.3, size=2) * (height, width)).astype(int)
    last = rng.random(2) < 0.5
    rows, columns = (
        (slice(n - e, n), slice(0, n - e)) if at_end else (slice(0, e), slice(e, n))
        for n, e, at_end in zip((height, width), edge, last, strict=True)
    )
    tiles = ((rows[1], columns[0]), (rows[0], columns[1]), (rows[0], columns[0]))
    for tile, other in zip(tiles, others, strict=True):
        own[tile] = False
        crop[tile] = other[_middle(tile[0], height), _middle(tile[1], width)]
    x, y = np.round(points).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & own[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def _middle(part: slice, length: int) -> slice:
    """The middle of a side with as many pixels as a part of it."""
    size = part.stop - part.start
    return slice((length - size) // 2, (length - size) // 2 + size)


def half_body_box(
    keypoints: np.ndarray, labelled: np.ndarray, skeleton: Skeleton, rng: np.random.Generator
) -> np.ndarray | None:
    """A box (4,) with the extent of the upper or the lower body's labelled joints, centred at their mean.

    The upper body is chosen whenever N(0, 1) falls below 0.5 (69 % of the time), as in HRNet's published code, or when
    the lower one has fewer than three joints; the lower one also when the upper one has fewer. None when what is
    chosen has no extent.
    """
    lower = np.array([joint.rpartition("_")[2] in LOWER_BODY for joint in skeleton.joints])
    upper_half, lower_half = keypoints[labelled & ~lower], keypoints[labelled & lower]
    upper = rng.normal() < 0.5 and len(upper_half) > 2
    points = upper_half if upper or len(lower_half) <= 2 else lower_half
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return None
    centre, extent = points.mean(axis=0), np.ptp(points, axis=0)
    return np.concatenate((centre - extent / 2, centre + extent / 2))


def _draw_angle(a: Augmentation, rng: np.random.Generator) -> float:
    if rng.random() < a.upside_down:
        return rng.uniform(-180, 180)
    if a.rotation_probability < 1 and rng.random() >= a.rotation_probability:
        return 0.0
    if a.distribution == "uniform":
        return rng.uniform(-a.rotation, a.rotation)
    return min(max(rng.normal(0, a.rotation), -2 * a.rotation), 2 * a.rotation)


def _draw_side(a: Augmentation, rng: np.random.Generator) -> float:
    """The factor on the side of the region shown; above 1 the person appears smaller."""
    if a.distribution == "uniform":
        return 1 / rng.uniform(1 - a.scale, 1 + a.scale)
    return min(max(rng.normal(1, a.scale), 1 - a.scale), 1 + a.scale)


def change_colour(crop: np.ndarray, a: Augmentation, rng: np.random.Generator) -> None:
    """Change the colours of a picture (H, W, 3) in place."""
    gains = rng.uniform(1 - a.colour, 1 + a.colour, size=3)
    if rng.random() < a.grey:
        crop[:] = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if a.darken and rng.random() < a.darken:
        gains *= rng.uniform(0.2, 1)
    if a.colour or a.darken:
        levels = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
        cv2.LUT(crop, levels[None], dst=crop)


def _soften(crop: np.ndarray, rng: np.random.Generator) -> None:
    height, width = crop.shape[:2]
    factor = rng.uniform(1, 3)
    small = cv2.resize(crop, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    cv2.resize(small, (width, height), dst=crop, interpolation=cv2.INTER_LINEAR)


def _occlude(crop: np.ndarray, rng: np.random.Generator) -> None:
    height, width = crop.shape[:2]
    size = rng.uniform(0.1, 0.4, size=2) * (height, width)
    y, x = (rng.uniform(0, (height, width) - size)).astype(int)
    h, w = size.astype(int)
    crop[y : y + h, x : x + w] = rng.integers(0, 256, size=3)
