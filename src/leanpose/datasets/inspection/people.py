"""All annotated people as arrays, and the images they are in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Part, Sample
from leanpose.datasets.readers.sample import FileSlice
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Image:
    """An image that people are in.

    Attributes:
        source: where it is; the same file counts once, however many people, datasets and parts name it.
        name: what to call it in messages.
        parts: those it is used by.
        people: numbers of its samples.
    """

    source: Path | FileSlice | bytes
    name: str
    parts: tuple[Part, ...]
    people: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class People:
    """N people of K joints.

    Attributes:
        samples: the N samples.
        parts: (N,) names of their parts.
        images: the M images.
        image_of: (N,) the number of each one's image.
        keypoints: (N, K, 2) pixels; NaN where not labelled.
        occluded: (N, K) labelled and hidden; all False where the dataset does not say.
        boxes: (N, 4) xyxy pixels.
    """

    samples: Sequence[Sample]
    parts: np.ndarray
    images: Sequence[Image]
    image_of: np.ndarray
    keypoints: np.ndarray
    occluded: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def skeleton(self) -> Skeleton:
        return self.samples[0].skeleton

    @cached_property
    def labelled(self) -> np.ndarray:
        """(N, K)"""
        return np.asarray(np.isfinite(self.keypoints).all(axis=-1))

    @cached_property
    def box_sides(self) -> np.ndarray:
        """(N,) pixels, the longer sides of the boxes; at least one, so that nothing is divided by zero."""
        return np.maximum((self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1), 1)


def gather(samples_by_part: Mapping[Part, Sequence[Sample]]) -> People:
    """The people of all parts.

    Raises:
        DatasetError: when there is nobody, or their skeletons differ.
    """
    samples = [sample for members in samples_by_part.values() for sample in members]
    parts: list[Part] = [part for part, members in samples_by_part.items() for _ in members]
    skeletons = {sample.skeleton for sample in samples}
    if not samples:
        raise DatasetError("nothing to inspect: there is nobody in the data")
    if len(skeletons) > 1:
        names = ", ".join(sorted(skeleton.name for skeleton in skeletons))
        raise DatasetError(f"people of different skeletons together: {names}: name the one to map them to")
    keypoints = np.stack([sample.keypoints for sample in samples]).astype(float)
    labelled = np.stack([sample.labelled for sample in samples]) & np.isfinite(keypoints).all(axis=-1)
    hidden = [np.zeros(len(s.labelled), bool) if s.occluded is None else s.occluded for s in samples]
    members_of: dict[object, list[int]] = {}
    for i, sample in enumerate(samples):
        # encoded images have no name of their own; those in memory are one image if they are one object
        key = id(sample.image) if isinstance(sample.image, bytes) else sample.image
        members_of.setdefault(key, []).append(i)
    image_of = np.zeros(len(samples), dtype=int)
    images = []
    for number, members in enumerate(members_of.values()):
        image_of[members] = number
        first = samples[members[0]]
        used_by: tuple[Part, ...] = tuple(dict.fromkeys(parts[i] for i in members))
        images.append(Image(first.image, first.name.partition("#")[0], used_by, tuple(members)))
    return People(
        samples,
        np.array(parts),
        images,
        image_of,
        np.where(labelled[..., None], keypoints, np.nan),
        np.stack(hidden) & labelled,
        np.stack([sample.box for sample in samples]).astype(float),
    )
