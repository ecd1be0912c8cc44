"""One pass over the image files: whether they can be read, how large they are, and what tells copies apart."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leanpose.core.errors import ImageError
from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.people import Image
from leanpose.datasets.readers.sample import FileSlice
from leanpose.media import load_image

HASH_SIDE = 8
THUMBNAIL_SIDE = 16
SMALL = 32  # pixels, the shorter side
LARGE = 20_000_000  # pixels
LONGEST = 4  # the longer side over the shorter
AHEAD = 64  # images given to the threads at a time: what is in memory stays bounded


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What is kept of an image: 300 bytes.

    Attributes:
        height, width: pixels, upright.
        digest: of the file's bytes.
        gradients: 64 bits, whether the picture gets brighter from one of 9x8 cells to the next (dHash).
        thumbnail: (16, 16) uint8, grey.
    """

    height: int
    width: int
    digest: bytes
    gradients: int
    thumbnail: np.ndarray


def measure(source: Path | FileSlice | bytes) -> ImageFacts | str:
    """The facts of an image, or why it cannot be read."""
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        image = load_image(data)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ImageError as error:
        return str(error).partition(": ")[2]
    # the average of three bytes, and in one step: a hash needs no better grey
    cells = cv2.resize(image, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA).mean(axis=2)
    columns = cv2.resize(image, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).mean(axis=2)
    bits = np.packbits(columns[:, 1:] > columns[:, :-1])
    digest = hashlib.blake2b(data, digest_size=16).digest()
    height, width = image.shape[:2]
    return ImageFacts(height, width, digest, int.from_bytes(bits.tobytes(), "big"), cells.round().astype(np.uint8))


def measure_all(
    images: Sequence[Image], limit: int, progress: Callable[[Sequence[Any]], Any] | None = None
) -> dict[int, ImageFacts | str]:
    """Facts of the images by number, or why they cannot be read; of more than ``limit``, of a random choice.

    Each file is opened once, by a few threads; OpenCV decodes without holding Python's lock.
    """
    chosen = np.arange(len(images))
    if len(chosen) > limit:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, limit, replace=False))
    batches = [chosen[start : start + AHEAD].tolist() for start in range(0, len(chosen), AHEAD)]
    facts: dict[int, ImageFacts | str] = {}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for batch in progress(batches) if progress else batches:
            facts.update(zip(batch, threads.map(measure, (images[i].source for i in batch)), strict=True))
    return facts


def find_image_faults(images: Sequence[Image], facts: Mapping[int, ImageFacts | str]) -> list[Finding]:
    """Images that cannot be read, and those of unusual size."""
    findings = []
    for i, fact in facts.items():
        image = images[i]
        if isinstance(fact, str):
            findings.append(Finding("broken_image", (image.name,), fact, len(image.people), image.people))
            continue
        short, long = sorted((fact.height, fact.width))
        excess = max(SMALL / short, short * long / LARGE, long / short / LONGEST)
        if excess > 1:
            size = f"{fact.width} x {fact.height} pixels"
            findings.append(Finding("odd_image", (image.name,), size, excess, image.people))
    return findings
