"""People drawn on images, and grids of such images.

Left is blue and right orange, a pair of Okabe and Ito's palette that colour-blind eyes tell apart; what belongs to
neither side is white. A dark rim keeps all of it readable on any background.
"""

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from leanpose.errors import ImageError, PosesError
from leanpose.media import as_bgr
from leanpose.pose import Poses
from leanpose.skeleton import Skeleton

LEFT = (233, 180, 86)  # BGR: Okabe and Ito's sky blue
RIGHT = (0, 159, 230)  # their orange
CENTRE = (245, 245, 245)
RIM = (25, 20, 20)
SHIFT = 5  # fractional bits of the positions given to OpenCV
FAR = 2.0**20  # pixels; OpenCV's fixed-point positions must not overflow
FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.4)


def draw_poses(image: np.ndarray, poses: Poses, min_score: float = 0.3, boxes: bool = False) -> np.ndarray:
    """A copy of an image (H, W, 3) with limbs, joints and, if asked for, boxes with their ids drawn on it.

    A joint is drawn where it was found with at least ``min_score``, the fainter the lower its score; a limb where both
    its joints are. Widths follow the size of the person.

    Raises:
        ImageError: when the image is not one that :func:`leanpose.media.as_bgr` takes.
        PosesError: when the poses belong to an image of another size.
    """
    canvas = as_bgr(image).copy()
    if canvas.shape[:2] != poses.image_hw:
        raise PosesError(
            f"image_hw: the poses were found in {poses.image_hw} pixels (height, width), "
            f"the image to draw on has {canvas.shape[:2]}; scale one to the other"
        )
    for person in range(len(poses)):
        if boxes:
            _draw_box(canvas, poses.boxes[person], None if poses.ids is None else str(poses.ids[person]))
        _draw_person(canvas, poses.keypoints[person], poses.scores[person], poses.skeleton, min_score)
    return canvas


def contact_sheet(tiles: Sequence[np.ndarray], columns: int, captions: Sequence[str] | None = None) -> np.ndarray:
    """Tiles (H, W, 3) of equal size in a grid, row by row, each with a line of text below it.

    Text that is wider than its tile ends in dots; characters that OpenCV's fonts lack become question marks.

    Raises:
        ImageError: when there are no tiles, they differ in size, the captions are not one per tile, or there are no
            columns.
    """
    if not tiles or columns < 1:
        raise ImageError(f"contact sheet: {len(tiles)} tiles in {columns} columns; at least one of each is needed")
    if len({tile.shape for tile in tiles}) > 1:
        raise ImageError("contact sheet: the tiles differ in size; resize them to one")
    if captions is not None and len(captions) != len(tiles):
        raise ImageError(f"contact sheet: {len(captions)} captions for {len(tiles)} tiles")
    gap, strip = 6, 0 if captions is None else 20
    height, width = tiles[0].shape[:2]
    rows, columns = ceil(len(tiles) / columns), min(columns, len(tiles))
    sheet = np.full((rows * (height + strip + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = gap + i // columns * (height + strip + gap), gap + i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = as_bgr(tile)
        if captions is not None:
            text = _fit_text(captions[i], width)
            cv2.putText(sheet, text, (x, y + height + 14), *FONT, (40, 40, 40), 1, cv2.LINE_AA)
    return sheet


def _fit_text(text: str, width: int) -> str:
    text = text.encode("ascii", "replace").decode()
    if cv2.getTextSize(text, *FONT, 1)[0][0] <= width:
        return text
    while text and cv2.getTextSize(text + "...", *FONT, 1)[0][0] > width:
        text = text[:-1]
    return text + "..."


def _side_color(*joints: str) -> tuple[int, int, int]:
    left, right = (any(joint.startswith(side) for joint in joints) for side in ("left_", "right_"))
    if left == right:
        return CENTRE
    return LEFT if left else RIGHT


def _draw_person(
    canvas: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, skeleton: Skeleton, min_score: float
) -> None:
    shown = np.isfinite(keypoints).all(axis=1) & (scores >= min_score)
    if not shown.any():
        return
    points = np.where(shown[:, None], np.clip(keypoints, -FAR, FAR), 0)
    size = np.ptp(points[shown], axis=0).max()
    half = float(np.clip(size / 110, 0.9, 12))  # of a limb's width
    radius, rim = 1.7 * half, max(0.8, 0.45 * half)
    opacity = 0.45 + 0.55 * np.clip((scores - min_score) / max(1 - min_score, 1e-6), 0, 1)

    # Only the part of the image that the person covers is touched.
    reach = radius + rim + 2
    height, width = canvas.shape[:2]
    x1, y1 = np.clip(np.floor(points[shown].min(axis=0) - reach), 0, (width, height)).astype(int)
    x2, y2 = np.clip(np.ceil(points[shown].max(axis=0) + reach) + 1, 0, (width, height)).astype(int)
    if x1 >= x2 or y1 >= y2:
        return
    points = points - (x1, y1)
    # BGR and opacity, all weighted by opacity: then OpenCV's blending at smooth edges is right for all four.
    layer = np.zeros((y2 - y1, x2 - x1, 4), np.uint8)
    limbs = [(a, b) for a, b in skeleton.limb_indices if shown[a] and shown[b]]
    for grow, rim_only in ((rim, True), (0.0, False)):
        for a, b in limbs:
            color = RIM if rim_only else _side_color(skeleton.joints[a], skeleton.joints[b])
            _limb(layer, points[a], points[b], half + grow, _weighted(color, float(min(opacity[a], opacity[b]))))
        for joint in np.flatnonzero(shown):
            color = RIM if rim_only else _side_color(skeleton.joints[joint])
            _disc(layer, points[joint], radius + grow, _weighted(color, float(opacity[joint])))
    view = canvas[y1:y2, x1:x2]
    view[:] = view * (1 - layer[..., 3:] / 255) + layer[..., :3] + 0.5


def _weighted(color: tuple[int, int, int], opacity: float) -> tuple[float, ...]:
    return tuple(round(channel * opacity) for channel in (*color, 255))


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * (1 << SHIFT)).astype(np.int32)


def _limb(layer: np.ndarray, a: np.ndarray, b: np.ndarray, half: float, color: tuple[float, ...]) -> None:
    """A bar as a polygon, because OpenCV's lines have whole widths only."""
    along = b - a
    length = np.hypot(*along)
    if length > 0:
        across = np.array([-along[1], along[0]]) / length * half
        corners = np.stack((a + across, b + across, b - across, a - across))
        cv2.fillConvexPoly(layer, _fixed(corners), color, cv2.LINE_AA, SHIFT)


def _disc(layer: np.ndarray, centre: np.ndarray, radius: float, color: tuple[float, ...]) -> None:
    x, y = _fixed(centre).tolist()
    cv2.circle(layer, (x, y), round(radius * (1 << SHIFT)), color, cv2.FILLED, cv2.LINE_AA, SHIFT)


def _draw_box(canvas: np.ndarray, box: np.ndarray, label: str | None) -> None:
    x1, y1, x2, y2 = _fixed(np.clip(box, -FAR, FAR)).tolist()
    thin = max(1, round(min(canvas.shape[:2]) / 500))
    for color, thickness in ((RIM, thin + 2), (CENTRE, thin)):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), color, thickness, cv2.LINE_AA, SHIFT)
    if label is not None:
        scale = max(0.4, thin * 0.5)
        high = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, thin)[0][1]
        at = (int(np.clip(box[0], 0, canvas.shape[1] - 1)) + 3 * thin, int(max(box[1], 0)) + high + 4 * thin)
        for color, thickness in ((RIM, thin + 2), (CENTRE, thin)):
            cv2.putText(canvas, label, at, cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness, cv2.LINE_AA)
