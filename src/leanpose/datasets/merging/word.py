"""A teacher's word on people that are labelled already, from a file, person by person."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging.label_file import read_label_file
from leanpose.datasets.merging.word_arrays import read_word_arrays
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import Skeleton, map_joints, mapping_weights


@dataclass(frozen=True, eq=False)
class Word:
    """What a teacher says of N people with K joints.

    Attributes:
        name: what tables and pages call it.
        skeleton: names the K joints.
        keypoints: (N, K, 2) image pixels; NaN where it says nothing of a joint.
        confidence: (N, K) from 0 to 1; 0 where it says nothing.
        person: (N,) from 0 to 1, how sure it is that somebody is there; 1 where it does not say, NaN where it says
            nothing of a person.
    """

    name: str
    skeleton: Skeleton
    keypoints: np.ndarray
    confidence: np.ndarray
    person: np.ndarray

    def __len__(self) -> int:
        return len(self.person)

    def seen_as(self, skeleton: Skeleton) -> "Word":
        """The same word on the joints of another skeleton, by name."""
        if skeleton == self.skeleton:
            return self
        weights = mapping_weights(self.skeleton, skeleton)
        keypoints, confidence = map_joints(weights, self.keypoints, self.confidence)
        return Word(self.name, skeleton, keypoints, confidence, self.person)


def read_word(path: str | os.PathLike[str], samples: Sequence[Sample]) -> Word:
    """The word of a file on people, in their order.

    Args:
        path: a COCO keypoint file as ``leanpose label`` writes it (:mod:`leanpose.datasets.merging.label_file`), or
            arrays in a ``.npz`` file (:mod:`leanpose.datasets.merging.word_arrays`).

    Raises:
        DatasetError: when the file cannot be read, is no such file, or says nothing of any of the people.
    """
    path = Path(path)
    read = read_word_arrays if path.suffix.lower() == ".npz" else read_label_file
    skeleton, keypoints, confidence, person = read(path, samples)
    if samples and not np.isfinite(person).any():
        raise DatasetError(
            f"{path}: says nothing of any of the {len(samples):,} people, of whom the first is {samples[0].name}: "
            "give the file that 'leanpose label' made of the same data"
        )
    unknown = np.asarray(~np.isfinite(keypoints).all(axis=-1))
    return Word(
        path.stem,
        skeleton,
        np.where(unknown[..., None], np.nan, keypoints),
        np.where(unknown, 0.0, confidence),
        person,
    )
