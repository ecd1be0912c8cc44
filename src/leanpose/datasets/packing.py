"""Packing datasets: crops around the people, re-encoded small, in a few files that train anywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import DatasetError
from leanpose.core.files import check_free
from leanpose.datasets.readers import Part, Sample, read_samples
from leanpose.datasets.readers.pack import INDEX, SHARD_BYTES, pack_size, write_pack
from leanpose.datasets.readers.reasons import nobody
from leanpose.pose.skeleton import Skeleton

PARTS: tuple[Part, ...] = ("train", "val")  # what is for testing is never packed with what is for training


@dataclass(frozen=True)
class PackReport:
    """What a pack holds: people by part, bytes; and what is not in it: annotations, and people without an image."""

    counts: dict[Part, int]
    size: int
    skipped: tuple[str, ...]


def pack_datasets(
    specs: Sequence[str],
    out: Path,
    side: int = 224,
    margin: float = 1.6,
    quality: int = 33,
    skeleton: Skeleton | None = None,
    shard_bytes: int = SHARD_BYTES,
    overwrite: bool = False,
) -> PackReport:
    """Pack the training and validation people of ``KIND:PATH`` datasets into the folder ``out``.

    Images are read one at a time, so that memory holds the labels alone.

    Args:
        side: of the square around a person in crop pixels, at most; smaller people are not enlarged.
        margin: side of that square over the longer side of the person's box, room for augmentation. Where the square
            reaches beyond the image the crop ends with it.
        quality: of the JPEG encoding, 1 to 100. WebP of the same size and accuracy takes three times as long to decode.
        skeleton: what all people are mapped to by joint name; needed where the datasets' own differ.
        shard_bytes: most that one file of crops holds.
        overwrite: replace a pack that stands at ``out``.

    Raises:
        DatasetError: when a dataset cannot be read or not a single image can, or ``out`` is taken or cannot be written.
    """
    check_free(out, INDEX, overwrite, DatasetError)
    skipped: list[str] = []
    people: dict[Part, list[Sample]] = {part: read_samples(specs, part, skeleton, skipped) for part in PARTS}
    unreadable: list[str] = []

    def crops(samples: Sequence[Sample]) -> Iterator[Sample]:
        for sample in samples:
            try:
                yield pack_sample(sample, side, margin, quality)
            except DatasetError as error:
                unreadable.append(str(error))

    try:
        encoded: dict[Part, Iterator[Sample]] = {part: crops(samples) for part, samples in people.items()}
        counts = write_pack(out, encoded, shard_bytes, overwrite)
    except DatasetError as error:
        if len(unreadable) < sum(map(len, people.values())):
            raise
        raise nobody("to pack", specs, PARTS, [*skipped, *unreadable]) from error
    return PackReport(counts, pack_size(out), (*dict.fromkeys(skipped), *unreadable))


def pack_sample(sample: Sample, side: int, margin: float, quality: int) -> Sample:
    """A sample whose image is its encoded crop and whose labels are in crop pixels.

    Raises:
        DatasetError: when the image cannot be read, or the box has no size.
    """
    image = sample.load_image()
    with np.errstate(invalid="ignore"):
        corners = np.reshape(sample.box, (2, 2)).astype(float)
        extent = float((corners[1] - corners[0]).max())
    if not 0 < extent < np.inf:
        raise DatasetError(f"{sample.name}: the box {sample.box.tolist()} has no size")
    centre, reach = corners.mean(axis=0), extent * margin / 2
    # What lies beyond the image is not stored: a crop of the crop is black there as it is in the image.
    first = np.maximum(np.floor(centre - reach), 0).astype(int)
    end = np.minimum(np.ceil(centre + reach) + 1, image.shape[1::-1]).astype(int)
    if (end <= first).any():
        raise DatasetError(f"{sample.name}: the box {sample.box.tolist()} lies beside the image")
    width, height = end - first
    zoom = min(1.0, side / (extent * margin))
    size = max(1, round(height * zoom)), max(1, round(width * zoom))
    region = geometry.image_box(height, width) + np.tile(first, 2)
    transform = geometry.crop_transform(region, size, padding=1)
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    encoded, data = cv2.imencode(".jpg", geometry.warp(image, transform, size), settings)
    if not encoded:
        raise DatasetError(f"{sample.name}: the crop of {size[1]} by {size[0]} px could not be encoded")
    zoom = float(transform[0, 0])
    return replace(
        sample,
        image=data.tobytes(),
        keypoints=geometry.apply(transform, sample.keypoints),
        box=geometry.apply(transform, corners).ravel(),
        area=None if sample.area is None else sample.area * zoom**2,
        head_size=None if sample.head_size is None else sample.head_size * zoom,
    )
