"""Small people in large pictures: a detector that looks at the whole picture, and then at overlapping tiles of it.

A detector shrinks what it is shown to a few hundred pixels, and who is small in the picture is gone. So it is shown
squares of the picture too, of a side, and of twice, four times it, as long as that is less than the picture. Neighbours
overlap by ``OVERLAP`` of their side: who is smaller than that is whole in one of them, who is larger is large enough in
the next larger ones.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.boxes import check_boxes
from leanpose.core.geometry import image_box
from leanpose.estimate.detector import nms

Tiles = Literal["auto", "off"] | int

LARGE = 1500  # pixels of the longer side, above which "auto" looks at tiles
SIDE = 1000  # pixels of the smallest tiles of "auto"
OVERLAP = 0.3  # of a tile's side
MARGIN = 0.02  # of a tile's side; a box that ends nearer to where the picture goes on is cut off
SMALLEST = 64  # pixels of a tile's side, below which nobody can be made out in it
MOST = 400  # tiles of a picture; where there would be more, the smallest ones are larger
SAME = 0.5  # IoU above which boxes from two tiles are one person's


def check_tiles(tiles: object) -> Tiles:
    """The option ``tiles`` as it may be given: ``"auto"``, ``"off"`` or 1 and more.

    Raises:
        ValueError: when it is something else.
    """
    text = str(tiles)
    if text in ("auto", "off"):
        return text  # type: ignore[return-value]
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise ValueError(f"tiles must be 'auto', 'off', or how many along the longer side, 1 or more; not {tiles!r}")


def find_in_tiles(
    detector: Callable[[np.ndarray], ArrayLike], image: np.ndarray, tiles: Tiles, where: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4) in image pixels of the people whom a detector finds in a picture and its tiles, and scores (P,).

    Of boxes from different tiles that overlap by an IoU over ``SAME`` the best one stays; two from one tile both do,
    for the detector has told them apart. A box that reaches to the edge of a tile where the picture goes on is left
    out: the person is whole in another tile. Tiles are views of the picture, and at most ``MOST``.

    Args:
        detector: from a BGR image (H, W, 3) to boxes (P, 4 or 5).
        image: BGR (H, W, 3).
        tiles: ``"auto"`` for tiles of ``SIDE`` pixels and larger where the picture's longer side is over ``LARGE``;
            ``"off"`` for the whole picture alone; or how many of the smallest tiles there are along the longer side, of
            ``SMALLEST`` pixels or more.
        where: name of the image, for messages.

    Raises:
        BoxError: when what the detector gives are no boxes.
    """
    hw = (image.shape[0], image.shape[1])
    boxes, scores = check_boxes(detector(image), hw, where)
    parts = [np.column_stack((boxes, scores))]
    for x, y, side in tile_places(hw, tiles):
        tile = image[y : y + side, x : x + side]
        found, sure = check_boxes(detector(tile), (tile.shape[0], tile.shape[1]), where)
        start = np.array((x, y, x, y))
        found, shown = found + start, image_box(*tile.shape[:2]) + start
        goes_on = np.abs(shown - image_box(*hw)) > 0.5
        whole = ~((np.abs(found - shown) < MARGIN * side) & goes_on).any(axis=1)
        parts.append(np.column_stack((found, sure))[whole])
    if len(parts) == 1:
        return boxes, scores
    merged = np.concatenate(parts)
    kept = nms(merged[:, :4], merged[:, 4], SAME, np.repeat(np.arange(len(parts)), [len(part) for part in parts]))
    return merged[kept, :4], merged[kept, 4]


def tile_places(image_hw: tuple[int, int], tiles: Tiles) -> Iterator[tuple[int, int, int]]:
    """The tiles of a picture, the largest first: x and y of the first pixel, and the side.

    A tile ends with the picture where that is lower, or narrower, than its side.
    """
    longer = max(image_hw)
    if tiles == "off" or tiles == 1 or (tiles == "auto" and longer <= LARGE):
        return
    side = float(SIDE) if tiles == "auto" else longer / (int(tiles) - (int(tiles) - 1) * OVERLAP)
    side = max(side, SMALLEST)
    sides = _sides(side, longer)
    while sum(np.prod([len(_starts(length, s)) for length in image_hw]) for s in sides) > MOST:
        side *= 1.1
        sides = _sides(side, longer)
    for each in sides:
        for y in _starts(image_hw[0], each):
            for x in _starts(image_hw[1], each):
                yield x, y, each


def _sides(side: float, longer: int) -> list[int]:
    """The side and its doubles below the picture's longer side, the largest first."""
    doubles = [side]
    while 2 * doubles[-1] < longer:
        doubles.append(2 * doubles[-1])
    return [int(np.ceil(each)) for each in reversed(doubles) if each < longer]


def _starts(length: int, side: int) -> list[int]:
    """First pixels of tiles that cover a length evenly, overlapping by ``OVERLAP`` or more."""
    if side >= length:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - OVERLAP)) - 1e-9)) + 1
    return np.floor(np.linspace(0, length - side, count)).astype(int).tolist()
