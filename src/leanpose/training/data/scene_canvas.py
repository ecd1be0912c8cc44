"""Training pictures for a person detector: scenes placed at random, several together, people pasted over others.

Every random number comes from the generator passed in, so that a picture depends on nothing but its seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from leanpose.core import geometry
from leanpose.datasets.readers.scenes import Scene

Draw = Callable[[], tuple[np.ndarray, Scene] | None]

ALONE, MOSAIC, CROWD = 0.4, 0.3, 0.12  # shares of pictures of one scene, of four, of a crowd; the rest has few pasted
TURNED = 0.06  # share of scenes turned by quarters of a circle: people lie, hang and stand on their heads
VISIBLE = 0.4  # share of a box that must be in view for its person to count as found or missed
TRACE = 0.05  # share below which nothing is left of the person
MIN_SIDE = 8.0  # pixels; smaller people are ignored
MAX_ZOOM = 3.0  # of somebody pasted; beyond it there is only blur


@dataclass
class Canvas:
    """A picture in the making.

    Attributes:
        pixels: (S, S, 3) BGR uint8.
        uncertain: (S, S) whether people may stand there without a box.
        boxes: people in view, each (4,), clipped to what was placed.
        ignored: regions where answers count neither for nor against.
    """

    pixels: np.ndarray
    uncertain: np.ndarray
    boxes: list[np.ndarray] = field(default_factory=list)
    ignored: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def empty(cls, side: int, surround: Sequence[float]) -> "Canvas":
        """``surround`` is the colour in BGR: an engine sees the mean that it subtracts around a picture."""
        return cls(np.full((side, side, 3), np.round(surround), np.uint8), np.zeros((side, side), dtype=bool))

    def place(
        self, image: np.ndarray, scene: Scene, transform: np.ndarray, window: np.ndarray, rounded: bool = False
    ) -> None:
        """Lay what a window (4,) of the canvas shows of a scene over what is there.

        Args:
            transform: (2, 3) from the scene's pixels to the canvas'.
            window: x1, y1, x2, y2, of which the image may fill a part.
            rounded: leave out the corners, so that a straight edge does not tell of a person.
        """
        side = len(self.pixels)
        shown = _carried(geometry.image_box(*image.shape[:2])[None], transform)[0]
        shown = np.clip(np.concatenate((np.maximum(shown[:2], window[:2]), np.minimum(shown[2:], window[2:]))), 0, side)
        x1, y1, x2, y2 = np.round(shown).astype(int)
        if x2 - x1 < MIN_SIDE or y2 - y1 < MIN_SIDE:
            return
        moved = transform - np.array([[0, 0, x1], [0, 0, y1]])
        patch = geometry.warp(image, moved, (y2 - y1, x2 - x1))
        if rounded:
            weight = _rounded(window, x1, y1, x2, y2)
            patch = np.round(weight * patch + (1 - weight) * self.pixels[y1:y2, x1:x2])
        self.pixels[y1:y2, x1:x2] = patch
        self.uncertain[y1:y2, x1:x2] = not scene.exhaustive
        region = np.array([x1, y1, x2, y2]) - 0.5
        self._cover(region)
        for box in _carried(scene.boxes, transform):
            self._add(box, region)
        self.ignored += [c for c in (_clip(b, region) for b in _carried(scene.ignored, transform)) if _area(c) > 0]

    def _add(self, box: np.ndarray, region: np.ndarray) -> None:
        seen = _clip(box, region)
        share = _area(seen) / _area(box)
        if share >= VISIBLE and min(seen[2:] - seen[:2]) >= MIN_SIDE:
            self.boxes.append(seen)
        elif share > TRACE:
            self.ignored.append(seen)

    def _cover(self, region: np.ndarray) -> None:
        """People and regions behind something new: ignored where little of them is left, gone where nothing is."""
        people, self.boxes = self.boxes, []
        for box in people:
            left = 1 - _area(_clip(box, region)) / _area(box)
            if left >= VISIBLE:
                self.boxes.append(box)
            elif left > TRACE:
                self.ignored.append(box)
        self.ignored = [b for b in self.ignored if _area(_clip(b, region)) < (1 - TRACE) * _area(b)]


def compose(canvas: Canvas, first: tuple[np.ndarray, Scene], draw: Draw, rng: np.random.Generator) -> None:
    """Fill an empty picture with a scene in it, and with others that ``draw`` gives (None if one is unreadable).

    Two fifths show the scene alone, larger or smaller than the picture; three tenths are mosaics of four scenes; an
    eighth has a crowd in front of the scene; the rest has one to three people, cut out with what is around them, pasted
    over it. Some scenes are turned.
    """
    side = len(canvas.pixels)
    whole = np.array([0.0, 0.0, side, side])
    kind = rng.random()
    first = _turned(first, rng)
    if kind < ALONE:
        _scatter(canvas, first, whole, side * np.exp(rng.uniform(np.log(0.5), np.log(1.7))), rng)
    elif kind < ALONE + MOSAIC:
        cx, cy = rng.uniform(0.3, 0.7, size=2) * side
        tiles = ((0, 0, cx, cy), (cx, 0, side, cy), (0, cy, cx, side), (cx, cy, side, side))
        for number, tile in enumerate(tiles):
            content = first if number == 0 else draw()
            if content:
                content = content if number == 0 else _turned(content, rng)
                _scatter(canvas, content, np.array(tile), side * np.exp(rng.uniform(np.log(0.4), np.log(1.2))), rng)
    elif kind < ALONE + MOSAIC + CROWD:
        _scatter(canvas, first, whole, side * rng.uniform(1.0, 1.7), rng)
        _crowd(canvas, draw, rng)
    else:
        _scatter(canvas, first, whole, side * rng.uniform(1.0, 1.7), rng)
        for _ in range(rng.integers(1, 4)):
            content = draw()
            if content:
                _paste(canvas, _turned(content, rng), rng)


def _scatter(
    canvas: Canvas, content: tuple[np.ndarray, Scene], window: np.ndarray, long_side: float, rng: np.random.Generator
) -> None:
    """A scene at a random place in a window, its longer side as given; mirrored or not."""
    image, scene = content
    height, width = image.shape[:2]
    zoom = long_side / max(height, width)
    room = window[2:] - window[:2] - zoom * np.array([width, height])
    canvas.place(image, scene, _placed(zoom, window[:2] + rng.random(2) * room, width, rng), window)


def _paste(canvas: Canvas, content: tuple[np.ndarray, Scene], rng: np.random.Generator) -> None:
    """One person of a scene with some of what is around, or a piece of a scene without people, anywhere."""
    image, scene = content
    height, width = image.shape[:2]
    side = len(canvas.pixels)
    if len(scene.boxes):
        x1, y1, x2, y2 = geometry.grow_box(scene.boxes[rng.integers(len(scene.boxes))], rng.uniform(0.1, 0.8))
    else:
        w, h = rng.uniform(0.2, 0.6, size=2) * (width, height)
        x1, y1 = rng.uniform(0, (width - w, height - h))
        x2, y2 = x1 + w, y1 + h
    zoom = side * np.exp(rng.uniform(np.log(0.15), np.log(0.8))) / max(x2 - x1, y2 - y1, 1.0)
    zoom = min(zoom, MAX_ZOOM)
    target = rng.uniform(-0.1, 1.1, size=2) * side
    transform = _placed(zoom, target - zoom * np.array([(x1 + x2) / 2, (y1 + y2) / 2]), width, rng)
    window = _carried(np.array([[x1, y1, x2, y2]]), transform)[0]
    canvas.place(image, scene, transform, window, rounded=rng.random() < 0.5)


def _crowd(canvas: Canvas, draw: Draw, rng: np.random.Generator) -> None:
    """Three to eight people of other scenes side by side, alike in size, each over a part of the one before."""
    side = len(canvas.pixels)
    height = side * np.exp(rng.uniform(np.log(0.15), np.log(0.7)))
    x, y = rng.uniform(-0.1, 0.4) * side, rng.uniform(0.2, 0.8) * side
    for _ in range(rng.integers(3, 9)):
        content = draw()
        if content is None or not len(content[1].boxes):
            continue
        image, scene = content
        box = scene.boxes[rng.integers(len(scene.boxes))]
        zoom = height * rng.uniform(0.8, 1.25) / max(box[3] - box[1], MIN_SIDE)
        if zoom > MAX_ZOOM:
            continue
        width = zoom * (box[2] - box[0])
        centre = np.array([x + width / 2, y + rng.uniform(-0.1, 0.1) * height])
        transform = _placed(zoom, centre - zoom * (box[:2] + box[2:]) / 2, image.shape[1], rng, about=centre[0])
        window = _carried(geometry.grow_box(box, rng.uniform(0.05, 0.25))[None], transform)[0]
        canvas.place(image, scene, transform, window, rounded=True)
        x += width * rng.uniform(0.5, 1.1)
        if x > 1.1 * side:
            return


def _turned(content: tuple[np.ndarray, Scene], rng: np.random.Generator) -> tuple[np.ndarray, Scene]:
    """A scene as it is, or now and then turned by a multiple of 90 degrees, where boxes stay exact."""
    if rng.random() >= TURNED:
        return content
    image, scene = content
    for _ in range(rng.integers(1, 4)):
        last = image.shape[1] - 1
        quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, last]])  # counter-clockwise: x is y, y is W - 1 - x
        image = np.rot90(image)
        scene = replace(scene, boxes=_carried(scene.boxes, quarter), ignored=_carried(scene.ignored, quarter))
    return np.ascontiguousarray(image), scene


def _rounded(window: np.ndarray, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """Weights (y2 - y1, x2 - x1, 1) of pixels in a window without its corners, falling from 1 to 0 at the edge."""
    middle, half = (window[:2] + window[2:]) / 2, np.maximum((window[2:] - window[:2]) / 2, 1.0)
    u = (np.arange(x1, x2) - middle[0]) / half[0]
    v = (np.arange(y1, y2) - middle[1]) / half[1]
    return np.clip(6 * (1 - u**4 - v[:, None] ** 4), 0, 1)[..., None]


def _placed(
    zoom: float, offset: np.ndarray, width: int, rng: np.random.Generator, about: float | None = None
) -> np.ndarray:
    """Scaled and moved, mirrored half of the time: within itself, or about a column of the canvas."""
    transform = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
    if rng.random() < 0.5:
        if about is not None:
            return geometry.mirror(transform, 2 * about + 1)
        transform = transform @ np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    return transform


def _carried(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    corners = geometry.apply(transform, boxes.reshape(-1, 2, 2))
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=-1)


def _clip(box: np.ndarray, region: np.ndarray) -> np.ndarray:
    return np.concatenate((np.maximum(box[:2], region[:2]), np.minimum(box[2:], region[2:])))


def _area(box: np.ndarray) -> float:
    width, height = box[2:] - box[:2]
    return max(width, 0.0) * max(height, 0.0)
