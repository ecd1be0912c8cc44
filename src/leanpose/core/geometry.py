"""Boxes, crops and the one coordinate convention.

Pixel centres lie at integers, so an image of width W covers [-0.5, W - 0.5]. Cell i of a heatmap with stride s lies
at ``s * (i + 0.5) - 0.5`` in its crop. With this convention a horizontal flip is exact (``x -> W - 1 - x``, in pixels
and in cells alike) and resampling agrees with ``cv2.resize``. No other module adds or subtracts a half.

Points are (..., 2) arrays of (x, y); boxes are (..., 4) arrays of (x1, y1, x2, y2) in image pixels; transforms are
(..., 2, 3) affine matrices from image to crop pixels.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

CELL_OFFSET = 0.5  # our cells sit in the middle of the pixels they cover; networks of the HRNet line use 0


def image_box(height: int, width: int) -> np.ndarray:
    """The box (4,) that covers a whole image."""
    return np.array([-0.5, -0.5, width - 0.5, height - 0.5])


def hull_box(keypoints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """The tight box (4,) around the labelled ones (K,) of the keypoints (K, 2).

    Raises:
        ValueError: when no keypoint is labelled.
    """
    if not labelled.any():
        raise ValueError("no labelled keypoint to put a box around")
    points = keypoints[labelled]
    return np.concatenate((points.min(axis=0), points.max(axis=0)))


def grow_box(boxes: np.ndarray, share: float) -> np.ndarray:
    """Boxes (..., 4) grown about their centres by a share of their width and height."""
    centre, half = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2 * (1 + share)
    return np.concatenate((centre - half, centre + half), axis=-1)


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (...) of boxes (..., 4); leading dimensions broadcast. 0 where neither has an area."""
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    either = sum((b[..., 2:] - b[..., :2]).prod(axis=-1) for b in (boxes, others)) - shared
    return np.divide(shared, either, out=np.zeros(np.shape(either)), where=either > 0)[()]


def crop_transform(
    boxes: ArrayLike,
    input_hw: tuple[int, int],
    padding: float = 1.25,
    scale: ArrayLike = 1.0,
    rotation: ArrayLike = 0.0,
    shift: ArrayLike = (0.0, 0.0),
) -> np.ndarray:
    """Transforms (..., 2, 3) from image to crop pixels for boxes (..., 4).

    The box is grown about its centre to the aspect of the crop, then by ``padding``, and fills the crop exactly.

    Args:
        boxes: person boxes; a side may be zero, not both.
        input_hw: height and width of the crop in pixels.
        padding: side of the region shown over the side of the grown box.
        scale: further factors (...) on the region's side; 2 shows the person at half the size.
        rotation: degrees (...) by which the content of the crop turns clockwise as seen on screen.
        shift: displacement (..., 2) of the region's centre, in sides of the unshifted region.

    Raises:
        ValueError: when a box is not finite, has neither width nor height, or has a negative one.
    """
    boxes = np.asarray(boxes, dtype=float)
    height, width = input_hw
    if not np.all(np.isfinite(boxes)):
        raise ValueError("boxes must be finite")
    size = boxes[..., 2:] - boxes[..., :2]
    if not np.all((size.min(axis=-1) >= 0) & (size.max(axis=-1) > 0)):
        raise ValueError("boxes must have x2 >= x1, y2 >= y1, and not be a single point")
    region_w = np.maximum(size[..., 0], size[..., 1] * width / height) * padding * np.asarray(scale)
    zoom = width / region_w
    region = np.stack((region_w, region_w * height / width), axis=-1)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 + np.asarray(shift) * region
    angle = np.deg2rad(np.broadcast_to(rotation, zoom.shape))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    transform = np.empty((*cos.shape, 2, 3))
    transform[..., 0, 0], transform[..., 0, 1] = cos, -sin
    transform[..., 1, 0], transform[..., 1, 1] = sin, cos
    transform[..., 2] = np.array([(width - 1) / 2, (height - 1) / 2]) - (transform[..., :2] @ centre[..., None])[..., 0]
    return transform


def resize_transform(zoom: ArrayLike) -> np.ndarray:
    """The transform (2, 3) of an image enlarged by ``zoom``, one for both axes or x and y, its top left corner kept."""
    zoom_x, zoom_y = np.broadcast_to(zoom, 2)
    return np.array([[zoom_x, 0.0, (zoom_x - 1) / 2], [0.0, zoom_y, (zoom_y - 1) / 2]])


def from_corner(points: np.ndarray) -> np.ndarray:
    """Our pixels of points counted from the image's corner, as COCO and most detectors count; any shape."""
    return points - 0.5


def to_corner(points: np.ndarray) -> np.ndarray:
    """The way back from :func:`from_corner`: what files of COCO say of a box's edges."""
    return points + 0.5


def mirror(transform: np.ndarray, width: float) -> np.ndarray:
    """Transforms (..., 2, 3) followed by a horizontal mirror of the crop of ``width`` pixels."""
    mirrored = transform.copy()
    mirrored[..., 0, :] *= -1
    mirrored[..., 0, 2] += width - 1
    return mirrored


def invert(transform: np.ndarray) -> np.ndarray:
    """The transforms (..., 2, 3) that lead back from crop to image pixels."""
    inverse = np.linalg.inv(transform[..., :2])
    return np.concatenate((inverse, -inverse @ transform[..., 2:]), axis=-1)


def zoom(transform: np.ndarray) -> np.ndarray:
    """By how much (...) transforms (..., 2, 3) enlarge lengths; of different ones along x and y their mean."""
    return np.sqrt(np.abs(np.linalg.det(transform[..., :2])))


def apply(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., K, 2) carried through transforms (..., 2, 3)."""
    return points @ np.swapaxes(transform[..., :2], -1, -2) + transform[..., None, :, 2]


def warp(image: np.ndarray, transform: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """The crop (h, w, C) of an image (H, W, C) under one transform (2, 3), bilinear, black outside the image.

    An image that the transform shrinks by two or more is first halved, over the region that the crop shows, until less
    than that is left, because bilinear sampling alone would alias. Halves are several times faster than other parts.
    """
    height, width = input_hw
    shrink = 1
    zoom_squared = abs(transform[0, 0] * transform[1, 1] - transform[0, 1] * transform[1, 0])
    while zoom_squared * (2 * shrink) ** 2 <= 1:
        shrink *= 2
    if shrink >= 2:
        corners = apply(invert(transform), np.array([[-1, -1], [width, -1], [-1, height], [width, height]], float))
        sides = np.array(image.shape[1::-1])
        start = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        stop = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, sides)
        cells = -((start - stop) // shrink)  # rounded up: no edge may get lost
        if (cells > 0).all():
            x, y = start = np.clip(sides - cells * shrink, 0, start)  # within the image rather than over its edge
            cols, rows = cells * shrink
            image = image[y : y + rows, x : x + cols]
            rest_y, rest_x = rows - image.shape[0], cols - image.shape[1]
            if rest_y or rest_x:
                image = cv2.copyMakeBorder(image, 0, rest_y, 0, rest_x, cv2.BORDER_CONSTANT)
            while image.shape[1] > cells[0]:  # halfway between pixels, so that bilinear is their mean
                image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_LINEAR)
            # cell i of the smaller image is centred on source pixel x + shrink * (i + 0.5) - 0.5
            offset = transform[:, :2] @ (start + (shrink - 1) / 2) + transform[:, 2]
            transform = np.column_stack((transform[:, :2] * shrink, offset))
    return cv2.warpAffine(image, transform, (width, height), flags=cv2.INTER_LINEAR)


def cells_to_crop(cells: np.ndarray, stride: float, cell_offset: float = CELL_OFFSET) -> np.ndarray:
    """Heatmap coordinates (..., 2) in cells -> crop pixels."""
    return stride * (cells + cell_offset) - cell_offset


def crop_to_cells(points: np.ndarray, stride: float, cell_offset: float = CELL_OFFSET) -> np.ndarray:
    """Crop pixels (..., 2) -> heatmap coordinates in cells; inverse of :func:`cells_to_crop`."""
    return (points + cell_offset) / stride - cell_offset


def flip_keypoints(keypoints: np.ndarray, width: float, permutation: np.ndarray) -> np.ndarray:
    """Keypoints (..., K, 2) of a horizontally mirrored image of ``width`` pixels, relabelled to their new sides."""
    flipped = keypoints[..., permutation, :].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped
