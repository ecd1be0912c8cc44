"""Packing datasets: crops around the people, re-encoded small, in one file that trains anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from leanpose import geometry
from leanpose.errors import DatasetError
from leanpose.readers import Part, Sample, read_samples
from leanpose.readers.pack import write_pack

PARTS: tuple[Part, ...] = ("train", "val")  # what is for testing is never packed with what is for training


@dataclass(frozen=True)
class PackReport:
    """What a pack holds: samples by part, bytes, and the images that could not be read."""

    counts: dict[Part, int]
    size: int
    skipped: tuple[str, ...]


def pack_datasets(
    specs: Sequence[str], out: Path, side: int = 224, margin: float = 1.7, quality: int = 50
) -> PackReport:
    """Pack the training and validation people of ``KIND:PATH`` datasets into ``out``.

    Args:
        side: largest side of a crop in pixels; smaller people are not enlarged.
        margin: side of the crop over the longer side of the person's box, room for augmentation.
        quality: of the WebP encoding, 1 to 100.

    Raises:
        DatasetError: when a dataset cannot be read or not a single image can, or ``out`` cannot be written.
    """
    samples: dict[Part, list[Sample]] = {}
    skipped: list[str] = []
    for part in PARTS:
        samples[part] = []
        for sample in read_samples(specs, part):
            try:
                samples[part].append(pack_sample(sample, side, margin, quality))
            except DatasetError as error:
                skipped.append(str(error))
    if not any(samples.values()):
        reason = f"the first of {len(skipped)}: {skipped[0]}" if skipped else "there is nobody to train on"
        raise DatasetError(f"{', '.join(specs)}: not a single image to pack; {reason}")
    write_pack(out, samples)
    return PackReport({part: len(members) for part, members in samples.items()}, out.stat().st_size, tuple(skipped))


def pack_sample(sample: Sample, side: int, margin: float, quality: int) -> Sample:
    """A sample whose image is its encoded crop and whose keypoints and box are in crop pixels.

    Raises:
        DatasetError: when the image cannot be read.
    """
    image = sample.load_image()
    extent = float((sample.box[2:] - sample.box[:2]).max())
    pixels = max(16, min(side, round(extent * margin)))
    transform = geometry.crop_transform(sample.box, (pixels, pixels), margin)
    crop = geometry.warp(image, transform, (pixels, pixels))
    encoded, data = cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not encoded:
        raise DatasetError(f"{sample.name}: the crop of {pixels} px could not be encoded")
    corners = geometry.apply(transform, np.asarray(sample.box).reshape(2, 2))
    keypoints = geometry.apply(transform, sample.keypoints)
    return replace(sample, image=data.tobytes(), keypoints=keypoints, box=corners.ravel())
