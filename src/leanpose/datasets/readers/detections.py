"""Person boxes that a detector found, in COCO's result format.

The format of ``COCO_val2017_detections_AP_H_56_person.json``, with which the papers report on COCO: a list of objects
with ``image_id``, ``category_id`` (1 is a person), ``bbox`` (x, y, width, height) and ``score``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.json_file import are_numbers, is_identifier, is_number, read_json

PERSON = 1


@dataclass(frozen=True, eq=False, slots=True)
class Detection:
    """A person as a detector saw it.

    Attributes:
        number: place in the file, from 0.
        image_id: COCO's number of the image.
        bbox: (4,) x, y, width, height from the image's corner.
        score: of the box.
    """

    number: int
    image_id: int | str
    bbox: np.ndarray
    score: float


def read_detections(path: Path, problems: list[str]) -> Iterator[Detection]:
    """The people in a detections file, in its order; other categories are passed over.

    Args:
        problems: receives a message for each detection that makes no sense.

    Raises:
        DatasetError: when the file cannot be read or holds no list.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise DatasetError(f"{path}: not a detections file: a list of image_id, category_id, bbox, score is needed")
    for number, entry in enumerate(entries):
        if isinstance(entry, dict) and entry.get("category_id", PERSON) != PERSON:
            continue
        fault = _fault(entry)
        if fault is None:
            yield Detection(number, entry["image_id"], np.array(entry["bbox"], dtype=float), float(entry["score"]))
        else:
            problems.append(f"{path}: detection {number}: {fault}: left out")


def _fault(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not is_identifier(entry.get("image_id")):
        return "no image_id"
    bbox = entry.get("bbox")
    if not are_numbers(bbox, 4) or min(bbox[2:]) <= 0:
        return "bbox must be x, y, width, height: four finite numbers, the last two positive"
    if not is_number(entry.get("score")):
        return "score must be a finite number"
    return None
