"""Augmentation: one affine warp for image and joints, then colour and occlusion.

Every random number comes from the generator passed in, so that a sample depends on nothing but its seed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from leanpose import geometry
from leanpose.errors import RecipeError
from leanpose.skeleton import Skeleton


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes to a training crop; all zero leaves the crop as evaluation sees it.

    Attributes:
        rotation: half width in degrees of the uniform range of rotations.
        upside_down: share of crops that get a uniform rotation over the full circle instead.
        scale: the region's side is divided by a factor drawn uniformly from [1 - scale, 1 + scale].
        shift: half width of the uniform shift of the region's centre, in sides of the region.
        flip: probability of a horizontal mirror.
        colour: each channel is multiplied by a factor drawn uniformly from [1 - colour, 1 + colour].
        grey: probability of a grey picture.
        occlusion: probability of one rectangle, up to 40 % of the side, filled with a random colour.
    """

    rotation: float = 0.0
    upside_down: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    occlusion: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            most = {"rotation": 180, "scale": 0.9, "shift": 1}.get(name, 1)
            if not isinstance(value, int | float) or not 0 <= value <= most:
                raise RecipeError(f"augmentation: {name}={value!r} must be a number from 0 to {most}")


def augmented_crop(
    image: np.ndarray,
    keypoints: np.ndarray,
    labelled: np.ndarray,
    box: np.ndarray,
    skeleton: Skeleton,
    input_hw: tuple[int, int],
    padding: float,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A randomly changed crop around a person.

    Returns:
        crop (h, w, 3) uint8, keypoints (K, 2) in crop pixels, and labelled (K,): False also for joints that the crop
        does not show.
    """
    a = augmentation
    height, width = input_hw
    angle = rng.uniform(-180, 180) if rng.random() < a.upside_down else rng.uniform(-a.rotation, a.rotation)
    zoom = rng.uniform(1 - a.scale, 1 + a.scale)
    shift = rng.uniform(-a.shift, a.shift, size=2)
    transform = geometry.crop_transform(box, input_hw, padding, 1 / zoom, angle, shift)
    flip = rng.random() < a.flip
    points = geometry.apply(transform, keypoints)
    if flip:
        transform = geometry.mirror(transform, width)
        points = geometry.flip_keypoints(points, width, skeleton.flip_permutation)
        labelled = labelled[skeleton.flip_permutation]
    crop = geometry.warp(image, transform, input_hw)
    _change_colour(crop, a, rng)
    if rng.random() < a.occlusion:
        _occlude(crop, rng)
    shown = (points >= -0.5).all(axis=1) & (points <= np.array([width, height]) - 0.5).all(axis=1)
    return crop, points, labelled & shown


def _change_colour(crop: np.ndarray, a: Augmentation, rng: np.random.Generator) -> None:
    gains = rng.uniform(1 - a.colour, 1 + a.colour, size=3)
    if rng.random() < a.grey:
        crop[:] = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if a.colour:
        levels = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
        cv2.LUT(crop, levels[None], dst=crop)


def _occlude(crop: np.ndarray, rng: np.random.Generator) -> None:
    height, width = crop.shape[:2]
    size = rng.uniform(0.1, 0.4, size=2) * (height, width)
    y, x = (rng.uniform(0, (height, width) - size)).astype(int)
    h, w = size.astype(int)
    crop[y : y + h, x : x + w] = rng.integers(0, 256, size=3)
