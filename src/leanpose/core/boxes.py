"""Person boxes from outside: what a caller passes, and box files (COCO JSON or CSV).

Inside leanpose a box is x1, y1, x2, y2 in image pixels whose centres lie at integers; files of COCO say x, y, width,
height from the image's corner, and are converted here.
"""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.bounded import parse_json, read_text
from leanpose.core.errors import BoxError

CSV_COLUMNS = ("file", "x1", "y1", "x2", "y2", "score")
LARGEST = 20  # times the image's longer side; a crop around such a box shows hardly a pixel of the image

MOST_BOXES = 1000  # of one image


def check_boxes(boxes: ArrayLike, image_hw: tuple[int, int], where: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4) and their scores (P,) from what a caller passed.

    Args:
        boxes: (4,) or (P, 4) of x1, y1, x2, y2, or with the box's score as a fifth number; without it the score is 1.
            A box may reach over the image's edge.
        image_hw: height and width of the image in pixels.
        where: name of the image, for messages.

    Raises:
        BoxError: when a box is not of 4 or 5 numbers, not finite, inverted, smaller than a pixel, outside the image,
            or its score not in [0, 1]; the message says which box.
    """
    image = f"{where}: " if where else ""
    try:
        given = np.array(boxes, dtype=float, ndmin=2)
    except (TypeError, ValueError, OverflowError) as error:
        raise BoxError(f"{image}boxes must be numbers x1, y1, x2, y2: {error}") from error
    if given.size == 0:
        return np.zeros((0, 4)), np.zeros(0)
    if given.ndim != 2 or given.shape[1] not in (4, 5):
        raise BoxError(f"{image}boxes must be (4,) or (P, 4) as x1, y1, x2, y2, not {np.shape(boxes)}")
    if len(given) > MOST_BOXES:
        raise BoxError(
            f"{image}{len(given):,} boxes: each takes milliseconds, and over {MOST_BOXES:,} in one image are refused; "
            "pass the best of them"
        )
    height, width = image_hw
    for number, box in enumerate(given):
        x1, y1, x2, y2 = box[:4]
        if not np.isfinite(box).all():
            fault = "is not finite"
        elif x2 < x1 or y2 < y1:
            fault = "has x2 < x1 or y2 < y1: boxes are x1, y1, x2, y2, not x, y, width, height"
        elif x2 - x1 < 1 or y2 - y1 < 1:
            fault = "is smaller than a pixel: boxes are in pixels, not in fractions of the image"
        elif x2 <= -0.5 or y2 <= -0.5 or x1 >= width - 0.5 or y1 >= height - 0.5:
            fault = f"lies outside the image, which is {width} wide and {height} high"
        elif max(x2 - x1, y2 - y1) > LARGEST * max(image_hw):
            fault = f"is over {LARGEST} times larger than the image"
        elif len(box) == 5 and not 0 <= box[4] <= 1:
            fault = "has a score outside [0, 1]"
        else:
            continue
        raise BoxError(f"{image}box {number} ({', '.join(f'{side:g}' for side in box)}) {fault}")
    return given[:, :4], given[:, 4] if given.shape[1] == 5 else np.ones(len(given))


def without_slivers(boxes: ArrayLike) -> tuple[ArrayLike, int]:
    """A detector's boxes (P, 4 or 5) without those smaller than a pixel, which are nobody, and how many those were.

    What :func:`check_boxes` has to refuse comes back as it is: what are no boxes, and boxes in fractions of the image.
    """
    try:
        given = np.asarray(boxes, dtype=float)
    except (TypeError, ValueError):
        return boxes, 0
    if given.ndim != 2 or given.shape[1] not in (4, 5) or not len(given) or (np.abs(given[:, :4]) <= 1).all():
        return boxes, 0
    sides = given[:, 2:4] - given[:, :2]
    sliver = (sides < 1).any(axis=1) & (sides >= 0).all(axis=1)
    return given[~sliver], int(sliver.sum())


class BoxFile:
    """The boxes of many images, looked up by the image's path.

    Attributes:
        names: the images, as the file writes them.
    """

    def __init__(self, boxes: Mapping[str, list[list[float]]]) -> None:
        self.names = list(boxes)
        self._by_last_part: dict[str, list[tuple[tuple[str, ...], np.ndarray]]] = defaultdict(list)
        for name, rows in boxes.items():
            *folders, last = PurePosixPath(name.replace("\\", "/")).parts or ("",)
            self._by_last_part[_key(last)].append((tuple(folders), np.array(rows, dtype=float)))

    def find(self, image: str | os.PathLike[str]) -> np.ndarray:
        """Boxes (P, 5) of the image at a path: of the entry that ends the path, ``b.jpg`` or ``a/b.jpg`` for
        ``/x/a/b.jpg``, or that is COCO's number of it, ``139`` for ``000000000139.jpg``. (0, 5) where there is none.
        """
        *folders, last = Path(os.path.abspath(image)).parts
        found = [
            rows
            for key in dict.fromkeys((_key(last), _key(Path(last).stem)))
            for parts, rows in self._by_last_part.get(key, ())
            if tuple(folders[len(folders) - len(parts) :]) == parts
        ]
        return np.concatenate(found) if found else np.zeros((0, 5))


def _key(last: str) -> str:
    return last.lstrip("0") or "0" if last.isascii() and last.isdigit() else last


def read_boxes(path: str | os.PathLike[str]) -> BoxFile:
    """Read a box file: ``.csv`` with the columns file, x1, y1, x2, y2 and optionally score; or COCO's ``.json``, either
    annotations with images, or a list of detections, of which those of people are taken.

    Raises:
        BoxError: when the file cannot be read or holds something else; the message says where.
    """
    path = Path(path)
    text = read_text(path, BoxError)
    return BoxFile(_from_coco(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text))


def _from_csv(path: Path, text: str) -> dict[str, list[list[float]]]:
    rows = csv.reader(io.StringIO(text))
    header = tuple(cell.strip().lower() for cell in next(rows, ()))
    if header not in (CSV_COLUMNS, CSV_COLUMNS[:-1]):
        raise BoxError(f"{path}: the first line must be '{','.join(CSV_COLUMNS)}' (score may be left out)")
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            numbers = [float(cell) for cell in row[1:]]
        except ValueError:
            numbers = []
        if len(numbers) != len(header) - 1:
            raise BoxError(f"{path}, line {line}: expected {','.join(header)}, found {','.join(row)!r}")
        boxes[row[0].strip()].append(numbers if len(numbers) == 5 else [*numbers, 1.0])
    return boxes


def _from_coco(path: Path, text: str) -> dict[str, list[list[float]]]:
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    content = parse_json(text, BoxError, str(path))
    try:
        if isinstance(content, dict):
            names = {image["id"]: str(image["file_name"]) for image in content["images"]}
            people = {c["id"] for c in content.get("categories", ()) if c.get("name") == "person"} or {1}
            entries = content["annotations"]
        else:
            names, people, entries = None, {1}, content
        for entry in entries:
            if entry.get("category_id", 1) in people:
                image = entry["image_id"]
                name = str(image) if names is None else names[image]
                boxes[name].append([*_xyxy(entry["bbox"]), float(entry.get("score", 1.0))])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__} {error}"
        raise BoxError(f"{path} is not a COCO file with boxes of people (image_id, bbox): {reason}") from error
    if not boxes and entries:
        raise BoxError(f"{path} has boxes, but none of category 'person' (1)")
    return boxes


def _xyxy(xywh: Any) -> tuple[float, float, float, float]:
    x, y, width, height = (float(side) for side in xywh)
    return x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5
