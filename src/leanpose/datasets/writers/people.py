"""What the writers of all formats share: people with their pictures, places for images, numbers, and what gets lost."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.geometry import hull_box
from leanpose.datasets.readers import Part, Sample

Losses = Counter[str]
ImageMode = Literal["copy", "link", "none"]

HIDDEN = "which joints are hidden"
AREAS = "areas"
CROWDS = "marks of crowds"
IDS = "ids of images and people"
BOXES = "boxes that are not the hull of the joints"
CONFIDENCES = "how far the joints of people are to be believed: all count in full"
UNKNOWN_HIDDEN = "people of whom is not known which joints are hidden: none is said to be"
CUT = "boxes cut at the edges of the image"
OUTSIDE = "people with nothing inside the image: left out"

DECIMALS = 6
NOISE = 4e-12  # pixels: what a few additions of image coordinates lose in double precision


@dataclass(frozen=True)
class Picture:
    """An image to write: its path below the folder of images, which no other has, where to read it, and its size."""

    name: str
    sample: Sample
    height: int
    width: int

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return os.path.splitext(self.name)[0]


@dataclass(frozen=True)
class Person:
    """A labelled person in a picture."""

    sample: Sample
    picture: Picture


People = Mapping[Part, Sequence[Person]]


@dataclass(frozen=True)
class ImageStore:
    """Puts images into the folder of the new dataset, or leaves them where they are."""

    folder: Path
    mode: ImageMode

    def put(self, picture: Picture, name: str) -> None:
        """Copies or links the image to ``name`` below the folder; encoded bytes are written in either mode.

        Raises:
            DatasetError: when the image cannot be read.
            OSError: when it cannot be written or linked.
        """
        target, source = self.folder / name, picture.sample.image
        if self.mode == "none" or target.is_symlink() or target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(source, Path):
            target.write_bytes(picture.sample.image_bytes())
        elif self.mode == "link":
            target.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, target)

    def put_jpeg(self, picture: Picture, name: str) -> bool:
        """As :meth:`put`, for formats that allow JPEG only; whether the image had to be encoded anew for it."""
        if picture.name.lower().endswith((".jpg", ".jpeg")):
            self.put(picture, name)
            return False
        if self.mode != "none":
            encoded, data = cv2.imencode(".jpg", picture.sample.load_image(), [cv2.IMWRITE_JPEG_QUALITY, 95])
            if not encoded:
                raise DatasetError(f"{picture.sample.name}: cannot be encoded as JPEG")
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data.tobytes())
        return True


def exact(numbers: np.ndarray, size: np.ndarray | int | None = None) -> np.ndarray:
    """Numbers without the noise of the additions that turned them from one format's zero to another's.

    A number that is within noise of one with six decimals, in fractions of an image nine, is that one, so that 0.1
    comes back as 0.1; all others stay in full.

    Args:
        size: pixels of the image whose fractions the numbers are; None for pixels.
    """
    rounded = np.round(numbers, DECIMALS if size is None else DECIMALS + 3)
    return np.where(np.abs(rounded - numbers) * (1 if size is None else size) < NOISE, rounded, numbers)


def same_pixels(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether positions are equal but for noise."""
    return bool((np.abs(a - b) < 2 * NOISE).all())


def hidden(sample: Sample) -> np.ndarray:
    """(K,) which labelled joints are hidden; none where the dataset does not say."""
    return np.zeros_like(sample.labelled) if sample.occluded is None else sample.occluded & sample.labelled


def visibility(sample: Sample) -> np.ndarray:
    """(K,) COCO's number of each joint: 0 not labelled, 1 hidden, 2 visible."""
    return np.where(sample.labelled, 2 - hidden(sample).astype(int), 0)


# What a person may have beyond joints and a picture, and whether one has it.
FIELDS: dict[str, Callable[[Sample], bool]] = {
    HIDDEN: lambda s: bool(hidden(s).any()),
    AREAS: lambda s: s.area is not None,
    "head sizes": lambda s: s.head_size is not None,
    "scores of boxes": lambda s: s.box_score != 1,
    CROWDS: lambda s: s.crowd,
    IDS: lambda s: isinstance(s.image_id, int),
    CONFIDENCES: lambda s: bool((s.weights != s.labelled).any()),
    BOXES: lambda s: not same_pixels(s.box, hull_box(s.keypoints, s.labelled)),
}


def count_losses(people: People, losses: Losses, *kept: str) -> None:
    """Counts the people who have what the format has no place for.

    Args:
        kept: of ``FIELDS``, what it has a place for.
    """
    for what, has in FIELDS.items():
        if what not in kept:
            losses[what] += sum(has(person.sample) for members in people.values() for person in members)
