"""Parts of a dataset: what to train on, what to choose by, and what only measures."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.sample import Sample

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


def part_of(name: str) -> Part:
    """The part of an image of a dataset that comes without parts of its own: a fifth tests, a tenth validates.

    It depends on the image's name alone, so that people of one image stay together and adding images moves none.
    """
    tenth = zlib.crc32(name.encode()) % 10
    return "test" if tenth < 2 else "val" if tenth == 2 else "train"


def image_name(sample: Sample) -> str:
    """The name that decides on the part of an image, and on its fold."""
    if sample.image_id is not None:
        return str(sample.image_id)
    return sample.image.name if isinstance(sample.image, Path) else sample.name


def fold_of(sample: Sample, folds: int) -> int:
    """Which of so many folds a person belongs to, by its image's name alone, and independent of the part."""
    return zlib.crc32(image_name(sample).encode()) // 10 % folds


def without_fold(samples: Sequence[Sample], fold: str) -> list[Sample]:
    """The samples but for those of one fold, written as ``0/2`` for the first of two.

    Raises:
        DatasetError: when it is not written like that.
    """
    number, _, folds = fold.partition("/")
    if not (number.isdecimal() and folds.isdecimal() and int(number) < int(folds)):
        raise DatasetError(f"without={fold}: write the fold to leave out as 0/2 or 1/2, the first and second of two")
    return [sample for sample in samples if fold_of(sample, int(folds)) != int(number)]
