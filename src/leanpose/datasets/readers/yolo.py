"""YOLO-pose, as Ultralytics documents it (docs.ultralytics.com/datasets/pose): a data.yaml and a text file per image.

``data.yaml`` has ``path``, ``train``, ``val``, ``test`` (folders of images, or text files that list images, relative to
``path``), ``kpt_shape`` (joints, and 2 or 3 values each), ``flip_idx``, ``names`` of the classes and sometimes
``kpt_names``. The labels of ``images/train/a.jpg`` are in ``labels/train/a.txt``, one person a row: class, centre and
size of the box, then x, y and perhaps visibility (0 not labelled, 1 hidden, 2 visible) of each joint, all in fractions
of the image. Where there is no visibility, a joint at 0, 0 or at negative places is not labelled.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from leanpose.core.bounded import SMALL, read_text
from leanpose.core.errors import DatasetError
from leanpose.core.geometry import from_corner
from leanpose.datasets.readers.image_size import image_size
from leanpose.datasets.readers.parts import Part
from leanpose.datasets.readers.sample import Sample
from leanpose.datasets.readers.yolo_data import find_images, find_yaml, read_skeleton, read_yaml
from leanpose.pose.skeleton import Skeleton

FURTHEST = 1  # sizes of the image that a joint may lie beyond its edge; what lies further is no fraction


def read_yolo(
    path: Path,
    part: Part,
    root: str | None = None,
    skeleton: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of a YOLO-pose dataset with a labelled joint.

    Args:
        path: ``data.yaml``, or the folder that holds it (or one other .yaml file).
        part: as ``data.yaml`` divides. Without ``test`` its ``val`` is tested on, and ``"val"`` is a tenth of the
            training images, held out by their names; without ``val``, too, the images are divided by their names.
        root: the folder that ``train``, ``val`` and ``test`` are relative to, in place of ``path`` in the file; they
            have to lie in it. Without it that is the folder of ``data.yaml`` or, below it, ``path``.
        skeleton: name of a built-in skeleton or a skeleton file, in place of the file's names and ``flip_idx``.
        problems: receives a message for each image and person left out.

    Raises:
        DatasetError: when the file is no such data.yaml, or there are no images or no labels where it says.
        SkeletonError: when its joints make no skeleton, or ``flip_idx`` does not lead back and forth.
        MissingExtraError: when PyYAML is not installed.
    """
    problems = [] if problems is None else problems
    file = find_yaml(path)
    data = read_yaml(file)
    names, values = read_skeleton(data, file, skeleton)
    images = list(find_images(data, file, part, None if root is None else Path(root), problems))
    labels = [base / _label_file(image) for image, base in images]
    if images and not any(label.is_file() for label in labels):
        raise DatasetError(
            f"{file}: none of the {len(images)} images for {part} has its label file, such as {labels[0]}"
        )
    return [
        sample
        for (image, base), label in zip(images, labels, strict=True)
        if label.is_file()  # an image without people has none
        for sample in _people(base, image, label, names, values, problems)
    ]


def _label_file(image: PurePosixPath) -> PurePosixPath:
    """Where the labels of an image are: the last folder named images becomes labels."""
    folders = list(image.parent.parts)
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        folders[last] = "labels"
    return PurePosixPath(*folders, f"{image.stem}.txt")


def _people(
    base: Path, image: PurePosixPath, labels: Path, skeleton: Skeleton, values: int, problems: list[str]
) -> Iterator[Sample]:
    try:
        rows = [line.split() for line in read_text(labels, DatasetError, SMALL).splitlines()]
        size = image_size(base / image) if any(rows) else (1, 1)
    except DatasetError as error:
        problems.append(f"{labels}: {error}: its people left out")
        return
    height, width = size
    first: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        numbers = _numbers(row)
        fault = _fault(numbers, len(row), len(skeleton), values)
        if fault is None and first.setdefault(tuple(row), number) != number:
            fault = f"repeats row {first[tuple(row)]}"
        if fault is not None or numbers is None:
            problems.append(f"{labels}: row {number}: {fault}: left out")
            continue
        joints, labelled = numbers[5:].reshape(-1, values), _labelled(numbers, values)
        if not labelled.any():
            continue
        centre, extent = from_corner(numbers[1:3] * (width, height)), numbers[3:5] * (width, height)
        yield Sample(
            "yolo",
            f"yolo/{image}#{number}",
            base / image,
            from_corner(joints[:, :2] * (width, height)),
            labelled,
            np.concatenate((centre - extent / 2, centre + extent / 2)),
            skeleton,
            joints[:, 2] == 1 if values == 3 else None,
            image_id=str(image),
            person_id=number,
        )


def _numbers(row: list[str]) -> np.ndarray | None:
    try:
        numbers = np.array([float(text) for text in row])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _labelled(numbers: np.ndarray, values: int) -> np.ndarray:
    joints = numbers[5:].reshape(-1, values)
    return joints[:, 2] > 0 if values == 3 else (joints.min(axis=1) >= 0) & (joints.max(axis=1) > 0)


def _fault(numbers: np.ndarray | None, given: int, joints: int, values: int) -> str | None:
    if given != 5 + joints * values:
        return f"{given} values, but kpt_shape asks for 5 and {joints} x {values}"
    if numbers is None:
        return "a value is no finite number"
    if numbers[0] < 0 or numbers[0] % 1:
        return f"class {numbers[0]:g} is no whole number"
    if (numbers[3:5] <= 0).any():
        return "its box has no area"
    if values == 3 and not np.isin(numbers[7::3], (0, 1, 2)).all():
        return "a visibility is none of 0 (not labelled), 1 (hidden) and 2 (visible)"
    points = numbers[5:].reshape(-1, values)[_labelled(numbers, values), :2]
    if (np.abs(np.concatenate((numbers[1:5], points.ravel())) - 0.5) > 0.5 + FURTHEST).any():
        return "it lies far outside: fractions of the image are needed, not pixels"
    return None
