"""What is looked at: a person in 720p frames who sways along a known path, from a picture or drawn."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import BenchmarkError
from leanpose.media import load_image

HEIGHT, WIDTH = 720, 1280
SWAY = np.array((30.0, 10.0))  # pixels to each side
PERIOD = 30  # frames from one end to the other and back


@dataclass(frozen=True, eq=False)
class Scene:
    """A still with one person.

    Attributes:
        name: of the picture, or ``"drawn figure"``.
        image: BGR uint8 (720, 1280, 3).
        box: the person's (4,), in its pixels.
    """

    name: str
    image: np.ndarray
    box: np.ndarray

    def frame(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame ``number`` of the endless sequence, (720, 1280, 3), and the person's box (4,) in it."""
        angle = 2 * np.pi * number / PERIOD
        shift = SWAY * (np.sin(angle), np.sin(2 * angle))
        move = np.array([[1.0, 0, shift[0]], [0, 1, shift[1]]])
        image = cv2.warpAffine(self.image, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(image), self.box + np.tile(shift, 2)

    def frames(self, count: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The first ``count`` frames and the boxes (count, 4)."""
        images, boxes = zip(*map(self.frame, range(count)), strict=True)
        return list(images), np.stack(boxes)


def open_scene(picture: Path | None = None, box: tuple[float, ...] | None = None) -> Scene:
    """A scene of a picture, scaled into the frame, or of a drawn figure.

    Args:
        picture: of one person.
        box: the person's in the picture's pixels; the whole picture if not given.

    Raises:
        ImageError, BoxError: when the picture or the box cannot be used.
        BenchmarkError: for a box without a picture.
    """
    if picture is None:
        if box is not None:
            raise BenchmarkError("a box says where the person of a picture is: give the picture too")
        return _drawn_figure()
    pixels = load_image(picture)
    height, width = pixels.shape[:2]
    boxes = geometry.image_box(height, width) if box is None else np.array(box)
    checked, _ = check_boxes(boxes, (height, width), str(picture))
    zoom = min((HEIGHT - 2 * SWAY[1]) / height, (WIDTH - 2 * SWAY[0]) / width)
    middle = np.array((width - 1, height - 1)) / 2
    offset = np.array((WIDTH - 1, HEIGHT - 1)) / 2 - zoom * middle
    move = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
    flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    image = cv2.warpAffine(pixels, move, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Scene(picture.name, np.asarray(image), zoom * checked[0] + np.tile(offset, 2))


def _drawn_figure() -> Scene:
    """Somebody in plain clothes before a wall; enough for timing, not for finding joints well."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([150 + 40 * np.sin(x / 90 + k) + 30 * np.cos(y / 70 - k) for k in range(3)], axis=-1)
    image = image.astype(np.uint8)
    skin, shirt, trousers = (140, 170, 215), (120, 60, 30), (60, 50, 45)
    limbs = [
        ((610, 420), (590, 545), trousers, 40), ((590, 545), (585, 660), trousers, 34),
        ((670, 420), (690, 545), trousers, 40), ((690, 545), (695, 660), trousers, 34),
        ((595, 220), (545, 310), shirt, 30), ((545, 310), (520, 400), skin, 24),
        ((685, 220), (735, 310), shirt, 30), ((735, 310), (760, 400), skin, 24),
    ]  # fmt: skip
    for start, end, color, thickness in limbs:
        cv2.line(image, start, end, color, thickness, cv2.LINE_AA)
    cv2.fillPoly(image, [np.array([(585, 205), (695, 205), (680, 430), (600, 430)], np.int32)], shirt, cv2.LINE_AA)
    cv2.line(image, (640, 170), (640, 210), skin, 34, cv2.LINE_AA)
    cv2.ellipse(image, (640, 130), (38, 50), 0, 0, 360, skin, -1, cv2.LINE_AA)
    return Scene("drawn figure", image, np.array((505.0, 78, 775, 680)))
