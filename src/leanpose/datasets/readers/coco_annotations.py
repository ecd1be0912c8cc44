"""What a COCO keypoint file says of images and people, checked entry by entry.

A file as a whole is refused when it lacks its lists; a single entry that makes no sense is left out, with a message
that names the file and the entry's id.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.core.json_file import are_numbers, is_identifier, is_number
from leanpose.datasets.readers.image_folder import is_safe_name
from leanpose.pose.skeleton import Skeleton
from leanpose.pose.skeleton_files import skeleton_from_category

Id = int | str
VISIBILITIES = frozenset((0, 1, 2))  # not labelled, labelled but hidden, visible


@dataclass(frozen=True, eq=False)
class People:
    """The well-formed annotations of a file, crowds and people without labelled joints among them, in its order.

    Attributes:
        annotations: N entries as in the file.
        keypoints: (N, K, 3) of x, y, visibility.
        bboxes: (N, 4) of x, y, width, height from the image's corner; sides may be 0.
    """

    annotations: list[dict[str, Any]]
    keypoints: np.ndarray
    bboxes: np.ndarray


def check_lists(document: Any, path: Path, names: Sequence[str]) -> None:
    """Refuses what is no JSON object with those lists, of which only ``categories`` may be missing.

    Raises:
        DatasetError: naming the file and what is wrong.
    """
    if not isinstance(document, dict):
        raise DatasetError(f"{path}: not a COCO annotation file: it must be a JSON object with {', '.join(names)}")
    for name in names:
        if not isinstance(document.get(name), list):
            raise DatasetError(f"{path}: not a COCO annotation file: it has no list '{name}'")
    categories = document.setdefault("categories", [])
    if not isinstance(categories, list) or not all(
        isinstance(c, dict) and is_identifier(c.get("id")) for c in categories
    ):
        raise DatasetError(f"{path}: not a COCO annotation file: 'categories' must be a list of objects with an id")


def read_images(document: Mapping[str, Any], path: Path, problems: list[str]) -> dict[Id, dict[str, Any]]:
    """The usable images by id. Where two different files have one id, neither is kept: whose people are whose?"""
    images: dict[Id, dict[str, Any]] = {}
    doubtful: set[Id] = set()
    for number, image in enumerate(document["images"]):
        fault = _image_fault(image)
        if fault is None and image["id"] in images:
            fault = "its id is given twice"
            if image["file_name"] != images[image["id"]]["file_name"]:
                doubtful.add(image["id"])
        if fault is None:
            images[image["id"]] = image
        else:
            problems.append(f"{path}: {_entry('image', image, number)}: {fault}: left out")
    return {id_: image for id_, image in images.items() if id_ not in doubtful}


def read_people(
    document: Mapping[str, Any],
    path: Path,
    images: Mapping[Id, Mapping[str, Any]],
    is_wanted: Callable[[Id], bool],
    joints: int,
    stored_joints: Collection[int],
    problems: list[str],
) -> People:
    """The well-formed annotations of the wanted images.

    Entries of categories without keypoints are passed over in a file that has one with them. An entry without the
    field ``keypoints`` is a person none of whose joints is labelled.

    Args:
        images: as :func:`read_images` gives them.
        is_wanted: whether the people of an image, by its id, are asked for.
        joints: K, how many to keep of each person's.
        stored_joints: how many a person may have in the file.
        problems: receives a message for each annotation that makes no sense.
    """
    described = any(_joint_names(category) for category in document["categories"])
    others = {c["id"] for c in document["categories"] if described and not _joint_names(c)}
    lengths = {3 * count for count in stored_joints}
    unlabelled = [0] * (3 * joints)
    seen: set[Id] = set()
    kept, keypoints, bboxes = [], [], []
    for number, annotation in enumerate(document["annotations"]):
        fault = None
        if not isinstance(annotation, dict) or not is_identifier(id_ := annotation.get("id")):
            fault = "no id"
        elif is_identifier(category := annotation.get("category_id")) and category in others:
            continue
        elif not is_identifier(image := annotation.get("image_id")) or image not in images:
            fault = f"image_id {image!r:.40} is none of the usable images"
        elif not is_wanted(image):
            continue
        elif id_ in seen:
            fault = "its id is given twice"
        else:
            fault = _fault(annotation, lengths)
        if fault is not None:
            problems.append(f"{path}: {_entry('annotation', annotation, number)}: {fault}: left out")
            continue
        seen.add(annotation["id"])
        kept.append(annotation)
        keypoints.append(annotation.get("keypoints", unlabelled)[: 3 * joints])
        bboxes.append(annotation["bbox"])
    return People(
        kept,
        np.array(keypoints, dtype=float).reshape(-1, joints, 3),
        np.array(bboxes, dtype=float).reshape(-1, 4),
    )


def skeleton_of(document: Mapping[str, Any], path: Path) -> Skeleton:
    """The skeleton that the categories describe: a built-in one if the joints' names are its, or else a new one.

    Raises:
        DatasetError: when no category names its keypoints, two name different ones, or the names make no skeleton.
    """
    described = [category for category in document["categories"] if _joint_names(category)]
    if not described:
        raise DatasetError(f"{path}: no category names its keypoints: say what they are with skeleton=NAME or FILE")
    names = _joint_names(described[0])
    if any(_joint_names(category) != names for category in described):
        raise DatasetError(f"{path}: its categories name different keypoints: keep one of them in the file")
    try:
        return skeleton_from_category(described[0])
    except SkeletonError as error:
        raise DatasetError(f"{path}: category {described[0]['id']!r}: {error}") from error


def _joint_names(category: Mapping[str, Any]) -> list[Any]:
    names = category.get("keypoints")
    return names if isinstance(names, list) else []


def _entry(kind: str, entry: Any, number: int) -> str:
    id_ = entry.get("id") if isinstance(entry, dict) else None
    return f"{kind} {id_!r:.40}" if is_identifier(id_) else f"entry {number} of {kind}s"


def _image_fault(image: Any) -> str | None:
    if not isinstance(image, dict) or not is_identifier(image.get("id")):
        return "no id"
    if not is_safe_name(name := image.get("file_name")):
        if isinstance(name, str) and is_safe_name(name.replace("\\", "/")):
            return f"file_name {name!r:.80} holds backslashes: write / for them"
        return f"file_name {name!r:.80} is no relative path below the image folder"
    if not all(is_number(image.get(side)) and image[side] > 0 for side in ("width", "height")):
        return "width and height must be positive numbers"
    return None


def _fault(annotation: Mapping[str, Any], lengths: Collection[int]) -> str | None:
    bbox = annotation.get("bbox")
    if not are_numbers(bbox, 4) or min(bbox[2:]) < 0:
        return "bbox must be x, y, width, height: four finite numbers, the last two not negative"
    if "keypoints" in annotation:
        stored = annotation["keypoints"]
        length = len(stored) if isinstance(stored, list) else -1
        if length not in lengths:
            counts = " or ".join(str(count) for count in sorted(lengths))
            return f"keypoints must be a list of {counts} numbers" + (f", not {length}" if length >= 0 else "")
        if not are_numbers(stored, length):
            return "keypoints must be finite numbers"
        if not VISIBILITIES.issuperset(stored[2::3]):
            return "a visibility is none of 0 (not labelled), 1 (hidden) and 2 (visible)"
    confidences = annotation.get("confidences")
    if confidences is not None:
        joints = len(annotation.get("keypoints", ())) // 3
        if not are_numbers(confidences, joints) or not all(0 <= value <= 1 for value in confidences):
            return f"confidences must be a list of {joints} numbers from 0 to 1, one for each keypoint"
    area, crowd = annotation.get("area"), annotation.get("iscrowd", 0)
    if area is not None and not (is_number(area) and area >= 0):
        return f"area {area!r:.40} is no positive number"
    if type(crowd) not in (int, bool) or crowd not in (0, 1):
        return f"iscrowd {crowd!r:.40} is neither 0 nor 1"
    return None
