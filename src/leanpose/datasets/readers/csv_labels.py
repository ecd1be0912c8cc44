"""Labels in a plain CSV table, one person a row.

Columns, in any order: ``file`` (the image, relative to its folder), ``NAME_x`` and ``NAME_y`` for each joint, and where
wanted ``NAME_v`` (0 not labelled, 1 hidden, 2 visible), ``NAME_c`` (how far the label is to be believed, from 0 to 1,
where people did not make it), the box as ``x1``, ``y1``, ``x2``, ``y2``, and ``part`` (train, val or test). Places are
in pixels, where 0 is the middle of the first one. An empty cell is a value that is not known.
"""

import csv
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leanpose.core.bounded import LABELS
from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.core.geometry import hull_box
from leanpose.datasets.readers.image_folder import find_image_folder, is_safe_name
from leanpose.datasets.readers.parts import PARTS, Part, part_of
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import Skeleton
from leanpose.pose.skeleton_files import find_skeleton, skeleton_from_category

BOX = ("x1", "y1", "x2", "y2")
FAR = 2.0**20  # pixels
VISIBILITIES = (None, 0.0, 1.0, 2.0)


@dataclass(frozen=True, eq=False, slots=True)
class _Row:
    """A person before the image is looked for."""

    number: int
    file: str
    keypoints: np.ndarray
    labelled: np.ndarray
    occluded: np.ndarray | None
    confidence: np.ndarray | None
    box: np.ndarray


def read_csv(
    path: Path,
    part: Part,
    images: str | None = None,
    skeleton: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of a table with a labelled joint; without a box theirs is the hull of the labelled joints.

    Args:
        path: the file, or a folder with no other .csv file in it.
        part: as the column ``part`` says; without one the images are divided by their names.
        images: folder of the images; if not given that of the table, or ``images`` in it.
        skeleton: name of a built-in skeleton or a skeleton file with the joints of the columns; if not given the
            joints are a skeleton of their own, or the built-in one that has them in that order.
        problems: receives a message for each person left out.

    Raises:
        DatasetError: when the file is no such table, or none of its images is found.
        SkeletonError: when its joints make no skeleton.
    """
    problems = [] if problems is None else problems
    file = _csv_file(path)
    lines = _read(file)
    _, columns = next(lines)
    names = _skeleton(_joints(columns, file), file, skeleton)
    people: list[_Row] = []
    first: dict[bytes, int] = {}  # by a digest, as the rows themselves would take many times the file
    for number, cells in lines:
        if not any(cells):
            continue
        try:
            if len(cells) != len(columns):
                raise DatasetError(f"{len(cells)} cells, but {len(columns)} columns")
            digest = hashlib.blake2b("\0".join(cells).encode("utf-8", "replace"), digest_size=16).digest()
            if first.setdefault(digest, number) != number:
                raise DatasetError(f"repeats line {first[digest]}")
            row = dict(zip(columns, cells, strict=True))
            if _part(row) == part:
                people.append(_person(number, row, names))
        except DatasetError as error:
            problems.append(f"{file}: line {number}: {error}: left out")
    if not people:
        return []
    candidates = [Path(images)] if images is not None else [file.parent, file.parent / "images"]
    folder = find_image_folder(candidates, [person.file for person in people], file)
    samples = []
    for person in people:
        if person.file not in folder:
            problems.append(f"{file}: line {person.number}: {person.file} is not in {folder.root}: left out")
            continue
        samples.append(
            Sample(
                "csv",
                f"csv/{person.file}#{person.number}",
                folder.root / person.file,
                person.keypoints,
                person.labelled,
                person.box,
                names,
                person.occluded,
                image_id=person.file,
                person_id=person.number,
                confidence=person.confidence,
            )
        )
    return samples


def _csv_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.csv"))
    if len(files) != 1:
        raise DatasetError(f"{path}: {len(files)} .csv files: give the one with the labels")
    return files[0]


def _read(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row; the header comes first. Rows are read one by one."""
    try:
        if os.path.getsize(file) > LABELS:
            raise DatasetError(f"{file}: over {LABELS:,} bytes, more than such a file needs: is it the right one?")
        with open(file, encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, strict=True)
            for row in rows:
                yield rows.line_num, [cell.strip() for cell in row]
            if not rows.line_num:
                raise DatasetError(f"{file}: empty: a first line with the names of the columns is needed")
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: not a CSV table: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DatasetError(f"{file!s:.200}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _joints(columns: list[str], file: Path) -> list[str]:
    """The joints that the columns name, in the order of their ``_x``."""
    joints = [column.removesuffix("_x") for column in columns if column.endswith("_x") and column != "_x"]
    known = {"file", "part", *BOX, *(f"{joint}_{value}" for joint in joints for value in "xyvc")}
    needed = ["file", *(f"{joint}_y" for joint in joints), *(BOX if set(BOX) & set(columns) else ())]
    missing = [column for column in needed if column not in columns]
    others = [column for column in columns if column not in known]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if missing or others or twice or not joints:
        faults = {"columns missing": missing, "unknown columns": others, "columns named twice": twice}
        fault = "; ".join(f"{what}: {', '.join(names)}" for what, names in faults.items() if names)
        raise DatasetError(
            f"{file}: {fault or 'no joints'}: the columns are file, part, {', '.join(BOX)}, and for each joint NAME_x, "
            "NAME_y, NAME_v, NAME_c"
        )
    return joints


def _skeleton(joints: list[str], file: Path, skeleton: str | None) -> Skeleton:
    if skeleton is None:
        try:
            return skeleton_from_category({"name": file.stem, "keypoints": joints})
        except SkeletonError as error:
            raise SkeletonError(f"{file}: {error}") from error
    given = find_skeleton(skeleton)
    unknown = [joint for joint in joints if joint not in given.joints]
    if unknown:
        raise DatasetError(
            f"{file}: skeleton {given.name} has no {', '.join(unknown)}: it has {', '.join(given.joints)}"
        )
    return given


def _part(row: dict[str, str]) -> Part:
    name = row["file"]
    if not is_safe_name(name):
        raise DatasetError(f"file {name!r:.80} is no path below the image folder")
    if "part" not in row:
        return part_of(name.rpartition("/")[2])
    for part in PARTS:
        if part == row["part"]:
            return part
    raise DatasetError(f"part {row['part']!r:.40} is none of {', '.join(PARTS)}")


def _person(number: int, row: dict[str, str], skeleton: Skeleton) -> _Row:
    keypoints = np.zeros((len(skeleton), 2))
    labelled, hidden = np.zeros(len(skeleton), bool), np.zeros(len(skeleton), bool)
    confidence = np.ones(len(skeleton))
    for k, joint in enumerate(skeleton.joints):
        x, y, visibility = (_number(row, f"{joint}_{value}") for value in "xyv")
        if visibility not in VISIBILITIES:
            raise DatasetError(f"{joint}_v is none of 0 (not labelled), 1 (hidden) and 2 (visible)")
        if visibility == 0:
            continue
        if (x is None) != (y is None) or (x is None and visibility is not None):
            raise DatasetError(f"{joint} has no {'x' if x is None else 'y'}")
        if x is not None and y is not None:
            keypoints[k], labelled[k], hidden[k] = (x, y), True, visibility == 1
            believed = _number(row, f"{joint}_c", "number from 0 to 1", 0, 1)
            confidence[k] = 1.0 if believed is None else believed
    if not labelled.any():
        raise DatasetError("no joint is labelled")
    given = [_number(row, side) for side in BOX]
    corners = [side for side in given if side is not None]
    if len(corners) not in (0, len(BOX)):
        raise DatasetError("its box lacks a side")
    box = np.array(corners) if corners else hull_box(keypoints, labelled)
    sides = box[2:] - box[:2]
    if corners and not (sides > 0).all():
        raise DatasetError("its box has no area: x1 < x2 and y1 < y2 are needed")
    if not sides.any():
        raise DatasetError("it has no box, and a single joint makes none: give x1, y1, x2, y2")
    knows_hidden, knows_confidence = (any(f"{j}_{value}" in row for j in skeleton.joints) for value in "vc")
    return _Row(
        number, row["file"], keypoints, labelled, hidden if knows_hidden else None,
        confidence if knows_confidence else None, box,
    )  # fmt: skip


def _number(
    row: dict[str, str], column: str, what: str = "place in an image", low: float = -FAR, high: float = FAR
) -> float | None:
    """The number in a cell, from ``low`` to ``high``; None where it is empty or there is no such column."""
    text = row.get(column, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:  # nor is NaN
        raise DatasetError(f"{column} {text!r:.40} is no {what}")
    return number
