"""The label file: records of pictures as one document in COCO's format, and back."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from leanpose.core.errors import DatasetError
from leanpose.core.json_file import read_json
from leanpose.datasets.labelling.journal import Record
from leanpose.datasets.labelling.pictures import Picture, image_ids
from leanpose.datasets.readers.coco_annotations import check_lists
from leanpose.datasets.writers.coco import category
from leanpose.pose.skeleton import Skeleton

BOXES_CATEGORY = {"id": 1, "name": "person", "supercategory": "person"}


def to_document(
    records: Mapping[str, Record], pictures: Sequence[Picture], skeleton: Skeleton | None, info: Mapping[str, Any]
) -> dict[str, Any]:
    """The label file's content: the pictures in their order, those without a record left out.

    Args:
        records: by the pictures' names.
        skeleton: of the joints; ``None`` where there are only boxes.
        info: what the file says of itself.
    """
    images, annotations, numbers = [], [], count(1)
    for name, image_id in image_ids(pictures).items():
        record = records.get(name)
        if record is None:
            continue
        images.append({"id": image_id, "file_name": name, "width": record["width"], "height": record["height"]})
        annotations += [{"id": next(numbers), "image_id": image_id, **person} for person in record["people"]]
    return {
        "info": dict(info),
        "images": images,
        "annotations": annotations,
        "categories": [BOXES_CATEGORY if skeleton is None else category(skeleton)],
    }


def digest(configuration: Mapping[str, Any]) -> str:
    """What tells one configuration from another, in hexadecimal; a label file keeps it in place of people's paths."""
    return sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()


def read_finished(path: Path, configuration: Mapping[str, Any]) -> dict[str, Record]:
    """The records in a label file that the same configuration made, by the pictures' names.

    Raises:
        DatasetError: when the file cannot be read, is no label file of this kind, or another configuration made it.
    """
    content = read_json(path)
    check_lists(content, path, ("images", "annotations"))
    info = content.get("info")
    made_by = info.get("configuration") if isinstance(info, dict) else None
    if made_by != digest(configuration):
        whose = "made with other arguments" if made_by else "no file of leanpose label"
        raise DatasetError(f"{path} is {whose}: choose another --out, or --overwrite to replace it")
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        records: dict[str, Record] = {
            image["file_name"]: {n: image[n] for n in ("file_name", "width", "height")} | {"people": []}
            for image in content["images"]
        }
        for annotation in content["annotations"]:
            person = {name: value for name, value in annotation.items() if name not in ("id", "image_id")}
            records[names[annotation["image_id"]]]["people"].append(person)
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{path}: damaged ({type(error).__name__} {error}): --overwrite to replace it") from error
    return records
