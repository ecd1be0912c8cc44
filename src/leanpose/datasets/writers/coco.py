"""COCO keypoints: ``annotations/train.json``, ``val.json`` and ``test.json`` beside ``images/``.

Zero is moved as in :mod:`leanpose.datasets.readers.coco`: box edges by half a pixel, keypoints not at all.
"""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.geometry import to_corner
from leanpose.datasets.readers import PARTS
from leanpose.datasets.writers.people import (
    AREAS,
    BOXES,
    CONFIDENCES,
    CROWDS,
    CUT,
    HIDDEN,
    IDS,
    OUTSIDE,
    UNKNOWN_HIDDEN,
    ImageStore,
    Losses,
    People,
    Person,
    Picture,
    count_losses,
    exact,
    visibility,
)
from leanpose.pose.coco import AREA_OF_BOX, category
from leanpose.pose.skeleton import Skeleton


def write_coco(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people in COCO's format. Each part has its file, which is empty where nobody is in it.

    Ids are kept where all are numbers and none is given twice. Where a person has no area, which COCO's evaluation
    needs, it is 0.53 of the box.

    Returns:
        The spec that reads it, with {} for the folder.
    """
    kept = [HIDDEN, AREAS, CROWDS, BOXES, CONFIDENCES]
    everybody = [person for members in people.values() for person in members]
    pictures = list({person.picture.name: person.picture for person in everybody}.values())
    image_ids = _image_ids(pictures)
    if all(image_ids[picture.name] == picture.sample.image_id for picture in pictures):
        kept.append(IDS)
    count_losses(people, losses, *kept)
    numbers = count(1)
    own = [person.sample.person_id for person in everybody]
    keeps_ids = all(type(id_) is int for id_ in own) and len(set(own)) == len(own)
    for part in PARTS:
        members = people.get(part, ())
        annotations = []
        for person in members:
            annotation = _annotation(person, losses)
            if annotation is None:
                losses[OUTSIDE] += 1
                continue
            id_ = person.sample.person_id if keeps_ids else next(numbers)
            annotations.append({"id": id_, "image_id": image_ids[person.picture.name], **annotation})
            store.put(person.picture, f"images/{person.picture.name}")
        document = {
            "images": [
                {"id": image_ids[name], "file_name": name, "width": picture.width, "height": picture.height}
                for name, picture in {person.picture.name: person.picture for person in members}.items()
            ],
            "annotations": annotations,
            "categories": [category(skeleton)],
        }
        file = folder / "annotations" / f"{part}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    return "coco:{}"


def _image_ids(pictures: Sequence[Picture]) -> dict[str, int]:
    """By name: the dataset's own numbers, or those that the files are named for, or counted from 1."""
    own = [picture.sample.image_id for picture in pictures]
    stems = [picture.stem.rpartition("/")[2] for picture in pictures]
    named = [int(stem) for stem in stems if stem.isascii() and stem.isdigit() and len(stem) < 16]
    for numbers in (own, named):
        if all(type(n) is int for n in numbers) and len(set(numbers)) == len(pictures):
            return {
                picture.name: int(number)
                for picture, number in zip(pictures, numbers, strict=True)
                if number is not None
            }
    return {picture.name: number for number, picture in enumerate(pictures, start=1)}


def _annotation(person: Person, losses: Losses) -> dict[str, Any] | None:
    """Box and joints; None where the box has no area in the image."""
    sample, picture = person.sample, person.picture
    limits = np.array([picture.width, picture.height] * 2)
    corners = to_corner(sample.box)
    inside = np.clip(corners, 0, limits)
    if (inside[:2] >= inside[2:]).any():
        return None
    losses[CUT] += not np.allclose(inside, corners, rtol=0, atol=1e-9)
    losses["areas that are not known: 0.53 of the box is given"] += sample.area is None
    losses[UNKNOWN_HIDDEN] += sample.occluded is None
    x, y, width, height = exact(np.concatenate((inside[:2], inside[2:] - inside[:2]))).tolist()
    area = AREA_OF_BOX * width * height if sample.area is None else sample.area
    points = np.where(sample.labelled[:, None], exact(sample.keypoints), 0)
    keypoints = [
        v for (px, py), seen in zip(points.tolist(), visibility(sample).tolist(), strict=True) for v in (px, py, seen)
    ]
    return {
        "category_id": 1,
        "iscrowd": int(sample.crowd),
        "bbox": [x, y, width, height],
        "area": area,
        "num_keypoints": int(sample.labelled.sum()),
        "keypoints": keypoints,
    } | ({} if sample.confidence is None else {"confidences": sample.confidence.tolist()})
