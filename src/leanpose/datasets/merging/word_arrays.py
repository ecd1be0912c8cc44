"""A teacher's word as arrays in a ``.npz`` file, one row a person.

``name`` (M,) are the people as leanpose's samples are named, ``joints`` (K,) the joints' names, ``keypoints``
(M, K, 2) image pixels whose centres lie at integers, ``confidence`` (M, K) from 0 to 1, and, if it is there,
``person`` (M,) from 0 to 1, how sure the teacher is that somebody is there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leanpose.core.bounded import read_arrays
from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import SKELETONS, Skeleton

NEEDED = ("name", "joints", "keypoints", "confidence")
TEXTS, NUMBERS = "U", "fiu"  # kinds of NumPy's


def read_word_arrays(path: Path, samples: Sequence[Sample]) -> tuple[Skeleton, np.ndarray, np.ndarray, np.ndarray]:
    """Skeleton, keypoints (N, K, 2), confidences (N, K) and people's (N,), as
    :class:`leanpose.datasets.merging.word.Word`.

    Raises:
        DatasetError: when it cannot be read, lacks an array, or has one of another shape or with other values.
    """
    arrays = _load(path)
    skeleton = _skeleton(path, tuple(arrays["joints"].tolist()))
    row: dict[str, int] = {}
    for number, name in enumerate(arrays["name"].tolist()):
        if row.setdefault(name, number) != number:
            raise DatasetError(f"{path}: it has '{name}' twice: which of the two is meant?")
    rows = np.array([row.get(sample.name, -1) for sample in samples], dtype=int)
    known = rows >= 0
    joints = len(skeleton)
    keypoints, confidence = np.full((len(samples), joints, 2), np.nan), np.zeros((len(samples), joints))
    person = np.full(len(samples), np.nan)
    keypoints[known], confidence[known] = arrays["keypoints"][rows[known]], arrays["confidence"][rows[known]]
    person[known] = arrays["person"][rows[known]] if "person" in arrays else 1.0
    return skeleton, keypoints, confidence, person


def _load(path: Path) -> dict[str, np.ndarray]:
    """The arrays, of the right shapes, kinds and values."""
    loaded = read_arrays(path, DatasetError)
    arrays = {name: loaded[name] for name in (*NEEDED, "person") if name in loaded}
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise DatasetError(f"{path}: no word on people: it has no array '{missing[0]}' of {', '.join(NEEDED)}")
    people, joints = arrays["name"].size, arrays["joints"].size
    expected = {
        "name": ((people,), TEXTS), "joints": ((joints,), TEXTS), "keypoints": ((people, joints, 2), NUMBERS),
        "confidence": ((people, joints), NUMBERS), "person": ((people,), NUMBERS),
    }  # fmt: skip
    for name, array in arrays.items():
        shape, kinds = expected[name]
        if array.shape != shape or array.dtype.kind not in kinds:
            what = "texts" if kinds == TEXTS else "numbers"
            raise DatasetError(f"{path}: '{name}' has shape {array.shape} of {array.dtype}, expected {shape} of {what}")
    for name in ("confidence", "person"):
        if name in arrays and not ((arrays[name] >= 0) & (arrays[name] <= 1)).all():
            raise DatasetError(f"{path}: '{name}' must be from 0 to 1 everywhere")
    return arrays


def _skeleton(path: Path, joints: tuple[str, ...]) -> Skeleton:
    built_in = [skeleton for skeleton in SKELETONS.values() if skeleton.joints == joints]
    try:
        return built_in[0] if built_in else Skeleton(path.stem, joints, flippable=False)
    except SkeletonError as error:
        raise DatasetError(f"{path}: 'joints' make no skeleton: {error}") from error
