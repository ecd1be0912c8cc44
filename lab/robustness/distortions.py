"""Distorted pictures of people and distorted boxes: each exact, and the same for a person whatever else is distorted.

What is random (the place of what covers, the side that is cut, the noise, the direction of a shift) comes from the
person's name and the kind of distortion alone, so that the levels of a kind differ in nothing but their strength.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import BenchmarkError
from leanpose.datasets.readers.sample import Sample

# A small camera: electrons that fill a pixel, the noise of reading one, and the gamma of the pictures it writes.
FULL_WELL = 2000.0
READ_NOISE = 5.0
GAMMA = 2.2


@dataclass(frozen=True, eq=False, kw_only=True)
class View(Sample):
    """A person in a picture that is at hand, as it is or distorted.

    Attributes:
        pixels: (H, W, 3) BGR uint8; what the labels and the box refer to.
        covered: (K,) labelled joints behind something that a distortion put in front of them.
        transform: (2, 3) from the pixels of the picture as it was to those of this one.
    """

    pixels: np.ndarray
    covered: np.ndarray
    transform: np.ndarray

    def image_bytes(self) -> bytes:
        """The picture as PNG."""
        return cv2.imencode(".png", self.pixels)[1].tobytes()

    def load_image(self) -> np.ndarray:
        """The picture (H, W, 3), BGR uint8."""
        return self.pixels


def view(sample: Sample) -> View:
    """A person with the picture in memory.

    Raises:
        DatasetError: when it cannot be read.
    """
    own: dict[str, Any] = {field.name: getattr(sample, field.name) for field in fields(Sample)}
    own["image"] = b""
    covered = np.zeros(len(sample.labelled), bool)
    return View(**own, pixels=sample.load_image(), covered=covered, transform=np.eye(2, 3))


Change = Callable[[View, np.random.Generator], View]


@dataclass(frozen=True)
class Distortion:
    """A change to a picture of a person, or to the box around one.

    Attributes:
        name: kind and level, such as ``"blurred-2"``.
        kind: what distortions of other levels have in common with this one.
        what: what is done exactly, in words.
        change: does it.
    """

    name: str
    kind: str
    what: str
    change: Change

    def __call__(self, person: View) -> View:
        """The person distorted, under a name that says so."""
        seed = zlib.crc32(f"{self.kind} {person.name}".encode())
        changed = self.change(person, np.random.default_rng(seed))
        return replace(changed, name=f"{person.name} {self.name}")


def select(names: Sequence[str]) -> list[Distortion]:
    """The distortions of these names and kinds, in their own order; all of them for no names.

    Raises:
        BenchmarkError: when there is no such name or kind.
    """
    kinds = [kind.name for kind in KINDS]
    for name in names:
        if name not in DISTORTIONS and name not in kinds:
            raise BenchmarkError(
                f"unknown distortion '{name}': use one of {', '.join(kinds)}, or one level of it such as blurred-2"
            )
    return [d for d in DISTORTIONS.values() if not names or d.name in names or d.kind in names]


def _moved(person: View, pixels: np.ndarray, transform: np.ndarray) -> View:
    """The person in pixels that an affine transform (2, 3) leads to; it turns by right angles only."""
    corners = geometry.apply(transform, person.box.reshape(2, 2))
    zoom = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    offset = transform[:, :2] @ person.transform[:, 2] + transform[:, 2]
    return replace(
        person,
        pixels=pixels,
        keypoints=geometry.apply(transform, person.keypoints),
        box=np.concatenate((corners.min(axis=0), corners.max(axis=0))),
        area=None if person.area is None else person.area * zoom**2,
        head_size=None if person.head_size is None else person.head_size * zoom,
        transform=np.column_stack((transform[:, :2] @ person.transform[:, :2], offset)),
    )


def _side(person: View) -> float:
    """The longer side of the box."""
    return float((person.box[2:] - person.box[:2]).max())


def _shrunk(person: View, rng: np.random.Generator, side: int) -> View:
    """Until the longer side of the box is at most this; each pixel is the mean of the area it takes."""
    zoom = side / _side(person)
    if zoom >= 1:
        return person
    height, width = person.pixels.shape[:2]
    new_w, new_h = max(1, round(width * zoom)), max(1, round(height * zoom))
    pixels = cv2.resize(person.pixels, (new_w, new_h), interpolation=cv2.INTER_AREA)
    return _moved(person, pixels, geometry.resize_transform((new_w / width, new_h / height)))


def _turned(person: View, rng: np.random.Generator, degrees: int) -> View:
    height, width = person.pixels.shape[:2]
    transform = {
        90: np.array([[0.0, -1, height - 1], [1, 0, 0]]),
        180: np.array([[-1.0, 0, width - 1], [0, -1, height - 1]]),
    }[degrees]
    return _moved(person, np.ascontiguousarray(np.rot90(person.pixels, -degrees // 90)), transform)


def _blurred(person: View, rng: np.random.Generator, percent: int) -> View:
    sigma = percent / 100 * _side(person)
    return replace(person, pixels=cv2.GaussianBlur(person.pixels, (0, 0), sigma))


def _darkened(person: View, rng: np.random.Generator, percent: int) -> View:
    white = FULL_WELL * percent / 100
    expected = (white * (np.arange(256) / 255) ** GAMMA)[person.pixels]
    electrons = rng.poisson(expected) + READ_NOISE * rng.standard_normal(expected.shape, np.float32)
    levels = 255 * np.clip(electrons / FULL_WELL, 0, 1) ** (1 / GAMMA)
    return replace(person, pixels=np.rint(levels).astype(np.uint8))


def _compressed(person: View, rng: np.random.Generator, quality: int) -> View:
    data = cv2.imencode(".jpg", person.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert pixels is not None  # it was just encoded
    return replace(person, pixels=pixels)


def _cut(person: View, rng: np.random.Generator, percent: int, axis: int, ends: Sequence[bool]) -> View:
    """Without the rows (axis 1) or columns (axis 0) whose centres lie in that share of the box, and all beyond it.

    Args:
        ends: which ends may go, the far one or the near one; one of them is drawn.
    """
    low, high = person.box[axis], person.box[axis + 2]
    gone = percent / 100 * (high - low)
    size = person.pixels.shape[1 - axis]
    start, stop = 0, size
    if rng.choice(ends):
        stop = int(np.clip(np.floor(high - gone) + 1, 1, size))
    else:
        start = int(np.clip(np.ceil(low + gone), 0, size - 1))
    pixels = person.pixels[start:stop] if axis else person.pixels[:, start:stop]
    transform = np.eye(2, 3)
    transform[axis, 2] = -start
    left = _moved(person, pixels, transform)
    shown = geometry.image_box(*pixels.shape[:2])
    inside = (left.keypoints >= shown[:2]) & (left.keypoints <= shown[2:])
    box = left.box.copy()
    box[[axis, axis + 2]] = np.clip(box[[axis, axis + 2]], shown[axis], shown[axis + 2])
    return replace(left, labelled=person.labelled & inside[:, axis], box=box)


def _covered(person: View, rng: np.random.Generator, percent: int) -> View:
    """With a rectangle of the box's aspect in one colour somewhere within the box, in whole pixels."""
    extent = person.box[2:] - person.box[:2]
    size = np.sqrt(percent / 100) * extent
    corner = person.box[:2] + rng.uniform(size=2) * (extent - size)
    first, last = np.rint(corner).astype(int), np.rint(corner + size).astype(int)
    (x1, y1), (x2, y2) = np.maximum(first, 0).tolist(), np.maximum(last, 0).tolist()
    pixels = person.pixels.copy()
    pixels[y1:y2, x1:x2] = rng.integers(0, 256, 3)
    nearest = np.rint(person.keypoints)
    behind = ((nearest >= first) & (nearest < last)).all(axis=1)
    return replace(person, pixels=pixels, covered=person.covered | behind & person.labelled)


def _grey(person: View, rng: np.random.Generator) -> View:
    return replace(person, pixels=cv2.cvtColor(cv2.cvtColor(person.pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def _grown(person: View, rng: np.random.Generator, percent: int, sign: int) -> View:
    return replace(person, box=geometry.grow_box(person.box, sign * percent / 100))


def _shifted(person: View, rng: np.random.Generator, percent: int) -> View:
    angle = rng.uniform(0, 2 * np.pi)
    step = percent / 100 * (person.box[2:] - person.box[:2]) * (np.cos(angle), np.sin(angle))
    return replace(person, box=person.box + np.tile(step, 2))


@dataclass(frozen=True)
class Kind:
    """Distortions that differ in their level.

    Attributes:
        name: the first part of theirs.
        levels: from weak to strong; none for a kind that has but one.
        what: what is done, in words, with a place for the level.
        change: does it to a person, given a generator and the level.
    """

    name: str
    levels: tuple[int, ...]
    what: str
    change: Callable[..., View]

    def distortions(self) -> list[Distortion]:
        """One a level."""
        if not self.levels:
            return [Distortion(self.name, self.name, self.what, self.change)]
        return [
            Distortion(f"{self.name}-{level}", self.name, self.what.format(level), _at_level(self.change, level))
            for level in self.levels
        ]


def _at_level(change: Callable[..., View], level: int) -> Change:
    return lambda person, rng: change(person, rng, level)


_CAMERA = (
    f"{{}} % of the light, not brightened: light is pixel value to the power of {GAMMA}, with Poisson noise of "
    f"{FULL_WELL:.0f} electrons at full white and Gaussian noise of {READ_NOISE:.0f}"
)
_CUT = "picture cut so that the {} {{}} % of the box, and all beyond, are gone; the box ends there"

KINDS: tuple[Kind, ...] = (
    Kind(
        "small",
        (96, 64, 48, 32),
        "picture shrunk, by means of areas, until the box's longer side is at most {} px",
        _shrunk,
    ),
    Kind("turned", (90, 180), "picture turned clockwise by {} degrees, pixel by pixel", _turned),
    Kind("blurred", (1, 2, 4), "Gaussian blur, sigma {} % of the box's longer side", _blurred),
    Kind("dark", (25, 10, 3), _CAMERA, _darkened),
    Kind("jpeg", (30, 15, 5), "JPEG of quality {} (libjpeg, chroma halved)", _compressed),
    Kind("cut-lower", (33, 50), _CUT.format("lower"), partial(_cut, axis=1, ends=[True])),
    Kind("cut-upper", (33, 50), _CUT.format("upper"), partial(_cut, axis=1, ends=[False])),
    Kind("cut-side", (33, 50), _CUT.format("left or the right"), partial(_cut, axis=0, ends=[True, False])),
    Kind("covered", (10, 25, 50), "rectangle of one colour over {} % of the box, of its aspect, within it", _covered),
    Kind("grey", (), "picture without colour", _grey),
    Kind("loose", (10, 20, 30), "box {} % wider and higher, about its centre", partial(_grown, sign=1)),
    Kind("tight", (10, 20, 30), "box {} % narrower and lower, about its centre", partial(_grown, sign=-1)),
    Kind("shifted", (10, 20, 30), "box shifted by {} % of its sides, in any direction", _shifted),
)
DISTORTIONS: dict[str, Distortion] = {made.name: made for kind in KINDS for made in kind.distortions()}
