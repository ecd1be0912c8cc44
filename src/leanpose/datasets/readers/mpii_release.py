"""The annotations that MPII released as a MATLAB file, ``mpii_human_pose_v1_u12_1.mat``.

It follows the README of that release: a structure ``RELEASE`` with one entry per image in ``annolist`` (``image.name``,
``annorect`` with the head box x1, y1, x2, y2, ``scale``, ``objpos`` and ``annopoints.point`` of x, y, id, is_visible),
``img_train`` and ``single_person``. The real file was not at hand; this is unverified on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.bounded import read_text
from leanpose.core.errors import DatasetError
from leanpose.core.json_file import read_json
from leanpose.datasets.readers.coco_layout import shared_part
from leanpose.datasets.readers.image_folder import is_safe_name
from leanpose.datasets.readers.matlab_file import read_mat
from leanpose.datasets.readers.parts import PARTS, Part
from leanpose.pose.skeleton import MPII16

HEAD_SIZE = 0.6  # of the head box's diagonal, the benchmark's SC_BIAS


@dataclass(frozen=True, eq=False, slots=True)
class MpiiPerson:
    """An annotation of either form, still in MATLAB's pixels.

    Attributes:
        image: file name.
        id: number of the entry in the json file from 0, or "image/person" as the .mat file counts them, from 1.
        joints, labelled, occluded: (16, 2), (16,) and (16,); the last is None where the file does not say.
        centre, scale: (2,) pixels, and the person's height in units of 200 pixels.
        head_size: pixels; None where the file does not say.
    """

    image: str
    id: int | str
    joints: np.ndarray
    labelled: np.ndarray
    occluded: np.ndarray | None
    centre: np.ndarray
    scale: float
    head_size: float | None


def read_release(
    file: Path, part: Part, split: str | None, people: str, whole: str | None, problems: list[str]
) -> Iterator[MpiiPerson]:
    """People of one part with labelled joints, in the file's order; options as
    :func:`leanpose.datasets.readers.mpii.read_mpii`.

    Raises:
        DatasetError: when a file is of another form, or an option of another value.
    """
    if people not in ("all", "separate"):
        raise DatasetError(f"{file}: people={people}: give all or separate")
    release = read_mat(file, "RELEASE", struct_as_record=False, squeeze_me=True)
    images = _structs(getattr(release, "annolist", None))
    in_training = np.ravel(getattr(release, "img_train", ()))
    separate = _cells(getattr(release, "single_person", ()), len(images))
    lengths = {len(in_training), *([len(separate)] if people == "separate" else [])}
    if not images or lengths != {len(images)} or in_training.dtype.kind not in "iuf":
        raise DatasetError(f"{file}: RELEASE must hold annolist, img_train and single_person of equal length")
    names = [str(getattr(getattr(image, "image", None), "name", "")) for image in images]
    if whole is not None and whole not in PARTS:
        raise DatasetError(f"{file}: part={whole}: give one of {', '.join(PARTS)}")
    listed = frozenset() if split is None else _listed(Path(split), frozenset(names), file)
    serves: list[Part] = ["train", "val"] if listed else list(PARTS)
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        if in_training[number] != 1:
            continue
        if not is_safe_name(name):
            problems.append(
                f"{file}: image {number + 1}: name {name!r:.80} is no path below the image folder: left out"
            )
            continue
        if part != (whole or ("test" if name in listed else shared_part(name, serves))):
            continue
        for place, rect in enumerate(_structs(getattr(image, "annorect", None)), start=1):
            if people == "separate" and place not in _integers(separate[number]):
                continue
            try:
                person = _person(name, f"{number + 1}/{place}", rect)
            except DatasetError as error:
                problems.append(f"{file}: person {number + 1}/{place} of {name}: {error}: left out")
            else:
                if person is not None:
                    yield person


def _listed(split: Path, names: frozenset[str], file: Path) -> frozenset[str]:
    """The image names in a list, all of which the file has."""
    if split.suffix.lower() == ".json":
        entries = read_json(split)
        entries = entries if isinstance(entries, list) else []
        listed = [str(entry.get("image")) for entry in entries if isinstance(entry, dict)]
    else:
        listed = read_text(split, DatasetError).split()
    unknown = [name for name in listed if name not in names]
    if unknown or not listed:
        fault = f"{unknown[0]!r:.80} is no image of {file}" if unknown else "it has no image names"
        raise DatasetError(f"{split}: {fault}: give the validation list, one image name a line, or a valid.json")
    return frozenset(listed)


def _person(name: str, id_: str, rect: Any) -> MpiiPerson | None:
    points = _structs(getattr(getattr(rect, "annopoints", None), "point", None))
    if not points:
        return None  # test images, and people of whom only the head is marked
    count = len(MPII16)
    joints, labelled, occluded = np.full((count, 2), -1.0), np.zeros(count, bool), np.zeros(count, bool)
    for point in points:
        joint = _number(point, "id")
        if joint is None or joint not in range(count) or labelled[int(joint)]:
            raise DatasetError(f"a joint's id must be a number from 0 to {count - 1}, each once, not {joint}")
        x, y = _number(point, "x"), _number(point, "y")
        if x is None or y is None:
            raise DatasetError(f"joint {int(joint)} has no position")
        joints[int(joint)], labelled[int(joint)] = (x, y), True
        occluded[int(joint)] = _number(point, "is_visible") == 0  # neck and head top do not say
    objpos = getattr(rect, "objpos", None)
    x, y, scale = _number(objpos, "x"), _number(objpos, "y"), _number(rect, "scale")
    if x is None or y is None or scale is None or scale <= 0:
        raise DatasetError("it has no objpos or no positive scale")
    x1, y1, x2, y2 = (_number(rect, side) for side in ("x1", "y1", "x2", "y2"))
    if x1 is None or y1 is None or x2 is None or y2 is None:
        head_size = None
    else:
        head_size = HEAD_SIZE * float(np.hypot(x2 - x1, y2 - y1))
        if not 0 < head_size < np.inf:
            raise DatasetError("its head box has no size")
    return MpiiPerson(name, id_, joints, labelled, occluded, np.array([x, y]), scale, head_size)


def _structs(value: Any) -> list[Any]:
    """The MATLAB structures in a value: one, an array of them, or none."""
    return [item for item in np.ravel(np.asarray(value, dtype=object)) if hasattr(item, "_fieldnames")]


def _cells(value: Any, count: int) -> list[Any]:
    """The cells of an array; SciPy unpacks the only one, and makes cells of one size each an array of numbers."""
    return [value] if count == 1 else list(np.atleast_1d(np.asarray(value, dtype=object)))


def _integers(cell: Any) -> list[Any]:
    array = np.ravel(cell)
    return array.tolist() if array.dtype.kind in "iuf" else []


def _number(struct: Any, field: str) -> float | None:
    """A finite number in a field, perhaps written as text; None where the field is absent or empty.

    Raises:
        DatasetError: when it is something else.
    """
    value = getattr(struct, field, None)
    if value is None or np.size(value) == 0 or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not np.isfinite(number):
        raise DatasetError(f"{field} {value!r:.40} is no finite number")
    return number
