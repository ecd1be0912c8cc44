"""Pictures that are in the data twice, and the leaks between parts that come of it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from leanpose.datasets.inspection.findings import Finding
from leanpose.datasets.inspection.images import ImageFacts
from leanpose.datasets.inspection.people import Image
from leanpose.datasets.readers import PARTS

NEAR_BITS = 10  # of 64 by which the dHashes of nearly the same pictures may differ
NEAR_CORRELATION = 0.9  # of their thumbnails, at least
FLAT = 4.0  # grey levels; a picture of less contrast than that has no hash worth comparing
ROWS = 256  # compared with all others at a time


def find_duplicates(images: Sequence[Image], facts: Mapping[int, ImageFacts | str]) -> list[Finding]:
    """Images that two parts share, that have the same bytes, or that look nearly the same.

    Nearly the same is: dHashes that differ in at most 10 of 64 bits, and thumbnails of 16x16 cells that correlate by
    at least 0.9. Every image is named with the first of each part before it that it repeats, so that of n copies n - 1
    findings come, and no leak stays unnamed.
    """
    findings = [
        Finding("leak", (image.name,), f"used by {' and '.join(image.parts)}", 2.0, image.people)
        for image in images
        if len(image.parts) > 1
    ]
    read = {i: fact for i, fact in facts.items() if isinstance(fact, ImageFacts)}
    findings += _same_bytes(images, read)
    findings += [_near(images, a, b, alike) for a, b, alike in near_pairs(images, read)]
    return findings


def _same_bytes(images: Sequence[Image], facts: Mapping[int, ImageFacts]) -> Iterator[Finding]:
    groups: dict[bytes, list[int]] = {}
    for i, fact in facts.items():
        groups.setdefault(fact.digest, []).append(i)
    for members in groups.values():
        if len(members) > 1:
            first_of_part = {images[i].parts[0]: i for i in reversed(members)}
            leak = len(first_of_part) > 1
            shown = tuple(images[i].people[0] for i in (first_of_part.values() if leak else members[:2]))
            names = tuple(images[i].name for i in members)
            parts = " and ".join(part for part in PARTS if part in first_of_part)
            yield Finding(
                "leak" if leak else "copy", names, f"{len(members)} files of the same bytes in {parts}", 1.0, shown
            )


def near_pairs(images: Sequence[Image], facts: Mapping[int, ImageFacts]) -> Iterator[tuple[int, int, float]]:
    """Pairs of numbers of images that look nearly the same, the later one second, and the correlation.

    Images of the same bytes are no pairs.
    """
    numbers = np.array([i for i, fact in facts.items() if fact.thumbnail.std() >= FLAT], dtype=int)
    if len(numbers) < 2:
        return
    part_of = np.array([PARTS.index(images[i].parts[0]) for i in numbers])
    order = np.argsort(part_of, kind="stable")
    numbers, part_of = numbers[order], part_of[order]
    hashes = np.array([facts[i].gradients for i in numbers], dtype=np.uint64)
    digests = np.array([int.from_bytes(facts[i].digest[:8], "big") for i in numbers], dtype=np.uint64)
    cells = np.stack([facts[i].thumbnail for i in numbers]).reshape(len(numbers), -1).astype(np.float32)
    cells -= cells.mean(axis=1, keepdims=True)
    cells /= np.linalg.norm(cells, axis=1, keepdims=True)
    for start in range(0, len(numbers), ROWS):
        rows = np.arange(start, min(start + ROWS, len(numbers)))
        near = np.bitwise_count(hashes[rows, None] ^ hashes[: rows[-1] + 1]) <= NEAR_BITS
        near &= digests[rows, None] != digests[: rows[-1] + 1]
        near &= rows[:, None] > np.arange(rows[-1] + 1)
        columns = np.flatnonzero(near.any(axis=0))  # few, so that the full products are of few
        likeness = cells[rows] @ cells[columns].T
        near = near[:, columns] & (likeness >= NEAR_CORRELATION)
        for row in np.flatnonzero(near.any(axis=1)):
            for part in np.unique(part_of[columns[near[row]]]):
                first = int(np.argmax(near[row] & (part_of[columns] == part)))
                yield int(numbers[columns[first]]), int(numbers[rows[row]]), float(likeness[row, first])


def _near(images: Sequence[Image], a: int, b: int, likeness: float) -> Finding:
    one, other = images[a], images[b]
    leak = one.parts[0] != other.parts[0]
    where = f"{one.parts[0]} and {other.parts[0]}" if leak else one.parts[0]
    return Finding(
        "scene_leak" if leak else "near_copy",
        (one.name, other.name),
        f"{where}, {100 * likeness:.1f} % alike",
        likeness,
        (one.people[0], other.people[0]),
    )
