"""People drawn on images, and grids of such images.

Colours are :mod:`leanpose.pose.palette`'s: a hue for each id; left light with a dark rim and round joints, right dark
with a light rim and square joints. What belongs to neither side is white.
"""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from leanpose.core.errors import ImageError, PosesError
from leanpose.media import as_bgr
from leanpose.pose.palette import DARK, LIGHT, Color, PersonColors, person_colors
from leanpose.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.pose.poses import Poses
    from leanpose.pose.trails import Trails

SHIFT = 5  # fractional bits of the positions given to OpenCV
FAR = 2.0**20  # pixels; OpenCV's fixed-point positions must not overflow
FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.4)


def draw_poses(
    image: np.ndarray,
    poses: "Poses",
    min_score: float = 0.3,
    boxes: bool = False,
    *,
    ids: bool = True,
    trails: "Trails | None" = None,
) -> np.ndarray:
    """A copy of an image (H, W, 3) with limbs and joints drawn on it.

    A joint is drawn where it was found with at least ``min_score``, the fainter the lower its score; a limb where both
    its joints are. Widths follow the size of the person. An id has the same colours in every frame.

    Args:
        image: as :func:`leanpose.media.as_bgr` takes it.
        poses: of that image.
        min_score: in [0, 1]; of a calibrated model the probability that a joint is right.
        boxes: whether to draw the people's boxes.
        ids: whether to write the ids, for people who have some, above their heads or in their boxes.
        trails: where joints were, to be drawn behind the people; the caller adds each frame's poses to it.

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
    if trails is not None:
        _draw_trails(canvas, trails)
    names = [None] * len(poses) if poses.ids is None else poses.ids.tolist()
    for person, name in enumerate(names):
        colors = person_colors(name)
        box, keypoints = poses.boxes[person], poses.keypoints[person].astype(float)
        shown = np.isfinite(keypoints).all(axis=1) & (poses.scores[person] >= min_score)
        if boxes:
            _draw_box(canvas, box, LIGHT if name is None else colors.left.fill)
        _draw_person(canvas, keypoints, shown, _opacity(poses.scores[person], min_score), poses.skeleton, colors, box)
        if ids and name is not None and (boxes or shown.any()):
            _write_id(canvas, str(name), box, None if boxes else keypoints[shown], colors.left.fill)
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


def _opacity(scores: np.ndarray, min_score: float) -> np.ndarray:
    return 0.35 + 0.65 * np.clip((scores - min_score) / max(1 - min_score, 1e-6), 0, 1)


def _draw_person(
    canvas: np.ndarray,
    keypoints: np.ndarray,
    shown: np.ndarray,
    opacity: np.ndarray,
    skeleton: Skeleton,
    colors: PersonColors,
    box: np.ndarray,
) -> None:
    if not shown.any():
        return
    points = np.where(shown[:, None], np.clip(keypoints, -FAR, FAR), 0)
    # a lone joint has no extent, and would be a speck on a large person: the box then says how large that is
    extent = np.ptp(points[shown], axis=0).max() if shown.sum() > 1 else np.nan_to_num(box[2:] - box[:2]).max()
    half = float(np.clip(extent / 120, 1, 12))  # of a limb's width
    radius, rim = 1.8 * half, max(1.0, 0.5 * half)
    layer, corner = _layer(canvas, points[shown], 1.5 * radius + rim)
    if not layer.size:
        return
    points = points - corner
    limbs = [(a, b) for a, b in skeleton.limb_indices if shown[a] and shown[b]]
    limb_sides = [colors.of(skeleton.joints[a], skeleton.joints[b]) for a, b in limbs]
    for grow in (rim, 0.0):
        for (a, b), side in zip(limbs, limb_sides, strict=True):
            color = _weighted(side.rim if grow else side.fill, float(min(opacity[a], opacity[b])))
            _limb(layer, points[a], points[b], half + grow, color)
    for joint in np.flatnonzero(shown):  # each with its rim, so that it stands out from limbs of its colour
        side = colors.of(skeleton.joints[joint])
        for grow in (rim, 0.0):
            color = _weighted(side.rim if grow else side.fill, float(opacity[joint]))
            (_square if side.square else _disc)(layer, points[joint], radius + grow, color)
    _blend(canvas, layer, corner)


def _draw_trails(canvas: np.ndarray, trails: "Trails") -> None:
    every = list(trails)
    points = [trail[np.isfinite(trail).all(axis=1)] for _, _, trail in every]
    if not points:
        return
    width = max(1, round(min(canvas.shape[:2]) / 360))
    layer, corner = _layer(canvas, np.clip(np.concatenate(points), -FAR, FAR), width + 2)
    if not layer.size:
        return
    sides = [person_colors(one).of(joint) for one, joint, _ in every]
    for rim in (True, False):
        for (_, _, trail), side in zip(every, sides, strict=True):
            ends = _fixed(np.clip(np.nan_to_num(trail), -FAR, FAR) - corner).tolist()
            known = np.asarray(np.isfinite(trail).all(axis=1))
            for i in np.flatnonzero(known[1:] & known[:-1]) + 1:  # the older the fainter
                color = _weighted(
                    side.rim if rim else side.fill, 0.8 * (i + 1 + trails.length - len(trail)) / trails.length
                )
                cv2.line(layer, ends[i - 1], ends[i], color, width + 2 * rim, cv2.LINE_AA, SHIFT)
    _blend(canvas, layer, corner)


def _layer(canvas: np.ndarray, points: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """An empty layer (h, w, 4) over the part of the image that points (N, 2) with ``reach`` cover, and its corner.

    BGR and opacity, all weighted by opacity: then OpenCV's blending at smooth edges is right for all four.
    """
    height, width = canvas.shape[:2]
    low = np.clip(np.floor(points.min(axis=0) - reach - 2), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + reach + 3), 0, (width, height)).astype(int)
    return np.zeros((*np.maximum(high - low, 0)[::-1], 4), np.uint8), low


def _blend(canvas: np.ndarray, layer: np.ndarray, corner: np.ndarray) -> None:
    (x, y), (height, width) = corner, layer.shape[:2]
    view = canvas[y : y + height, x : x + width]
    through = cv2.merge([255 - layer[..., 3]] * 3)
    view[:] = cv2.add(cv2.multiply(view, through, scale=1 / 255), np.ascontiguousarray(layer[..., :3]))


def _weighted(color: Color, opacity: float) -> tuple[float, ...]:
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


def _square(layer: np.ndarray, centre: np.ndarray, radius: float, color: tuple[float, ...]) -> None:
    """Upright, and of the same area as the disc."""
    half = radius * np.sqrt(np.pi) / 2
    corners = centre + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    cv2.fillConvexPoly(layer, _fixed(corners), color, cv2.LINE_AA, SHIFT)


def _draw_box(canvas: np.ndarray, box: np.ndarray, color: Color) -> None:
    x1, y1, x2, y2 = _fixed(np.clip(box, -FAR, FAR)).tolist()
    thin = max(1, round(min(canvas.shape[:2]) / 500))
    for paint, thickness in ((DARK, thin + 2), (color, thin)):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), paint, thickness, cv2.LINE_AA, SHIFT)


def _write_id(canvas: np.ndarray, text: str, box: np.ndarray, points: np.ndarray | None, color: Color) -> None:
    """Above the highest of the joints (N, 2), or in the box's corner without them."""
    height, width = canvas.shape[:2]
    ends = box.reshape(2, 2) if points is None else points
    if (ends.max(axis=0) < 0).any() or (ends.min(axis=0) >= (width, height)).any():
        return
    thin = max(1, round(min(height, width) / 500))
    scale = max(0.4, thin * 0.6)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thin)
    if points is None:
        x, y = box[0] + 3 * thin, box[1] + high + 4 * thin
    else:
        top = points[points[:, 1].argmin()]
        x, y = top[0] - wide / 2, top[1] - 4 * thin - np.ptp(points, axis=0).max() / 30
    at = (int(np.clip(x, 2, max(width - wide - 2, 2))), int(np.clip(y, high + 2, max(height - 3, high + 2))))
    for paint, thickness in ((DARK, thin + 3), (color, thin)):
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, paint, thickness, cv2.LINE_AA)
