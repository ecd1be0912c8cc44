"""COCO keypoints (Lin et al., ECCV 2014; format at cocodataset.org, "Data format") as samples, and as ground truth.

COCO gives a box as x, y, width, height from the image's corner, half a pixel before our zero: its edges shift by 0.5
here. Its keypoints are whole pixel numbers from 0: where they touch an image's right edge they end at width - 1 while
boxes end at width, and HRNet mirrors them as width - 1 - x. So they are our coordinates already and stay.

Who counts follows HRNet's reader: people with a labelled joint that are no crowd and whose area and clipped box are
not empty. HRNet ends boxes at pixel x + width - 1, so that ours are a pixel larger around the same centre.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.geometry import from_corner
from leanpose.core.json_file import no_cycle_search, read_json
from leanpose.datasets.readers.coco_annotations import Id, People, check_lists, read_images, read_people, skeleton_of
from leanpose.datasets.readers.coco_layout import COCO, LAYOUTS, Layout, image_folders, locate, shared_part
from leanpose.datasets.readers.detections import read_detections
from leanpose.datasets.readers.image_folder import ImageFolder, find_image_folder
from leanpose.datasets.readers.parts import Part
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.coco import AREA_OF_BOX
from leanpose.pose.skeleton import Skeleton
from leanpose.pose.skeleton_files import find_skeleton

ASPECTS = {"kept": False, "lost": True}  # whether images are marked as squashed


@dataclass(frozen=True, eq=False)
class _Part:
    """What one part of an annotation file says."""

    file: Path
    images: dict[Id, dict[str, Any]]
    people: People
    skeleton: Skeleton
    categories: list[dict[str, Any]]


def read_coco(
    path: Path,
    part: Part,
    images: str | None = None,
    boxes: str | None = None,
    skeleton: str | None = None,
    whole: str | None = None,
    aspect: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of a COCO keypoint dataset.

    Args:
        path: COCO's folder, with ``annotations/person_keypoints_train2017.json`` and ``..._val2017.json`` beside
            ``train2017/`` and ``val2017/``; or any COCO keypoint file.
        part: of the folder, or of a file by its distributed name, ``"test"`` is val2017, and a tenth of train2017's
            images are held out as ``"val"``. Any other file is divided by its images' names.
        images: folder of the images; looked for beside the file if not given.
        boxes: a detections file: the test part then has the people in it, with box scores and no labelled joints.
        skeleton: name of a built-in skeleton or a skeleton file, in place of the file's categories.
        whole: the part that the file is, undivided.
        aspect: ``"kept"`` for the images as their cameras saw them, ``"lost"`` for those that were squashed before
            they came here, which the file marks with ``"aspect_lost": true``; all of them if not given.
        problems: receives a message for each image and annotation left out.

    Raises:
        DatasetError: when a file is missing or is no COCO keypoint file, none of its images is found, or ``aspect`` is
            another word.
        SkeletonError: for a skeleton file that describes none.
    """
    return read_layout(COCO, path, part, images, boxes, skeleton, whole, problems, aspect)


@no_cycle_search()
def read_layout(
    layout: Layout,
    path: Path,
    part: Part,
    images: str | None,
    boxes: str | None,
    skeleton: str | None,
    whole: str | None,
    problems: list[str] | None,
    aspect: str | None = None,
) -> list[Sample]:
    """As :func:`read_coco`, for any dataset in COCO's format."""
    problems = [] if problems is None else problems
    detections = Path(boxes) if boxes is not None and part == "test" else None
    content = _read_part(layout, path, part, skeleton, whole, detections is not None, problems, aspect)
    if content is None or not content.images:
        return []
    candidates = [Path(images)] if images is not None else image_folders(layout, path, content.file, part)
    names = [image["file_name"] for image in content.images.values()]
    folder = find_image_folder(candidates, names, content.file)
    if detections is not None:
        samples = _detected(layout, content, folder, detections, problems)
    else:
        samples = _annotated(layout, content, folder, problems)
    absent = {id_: image["file_name"] for id_, image in content.images.items() if image["file_name"] not in folder}
    people = Counter(sample.image_id for sample in samples)
    problems += [
        f"{content.file}: image {id_!r}: {name} is not in {folder.root}: its {people[id_]} people left out"
        for id_, name in absent.items()
        if people[id_]
    ]
    return [sample for sample in samples if sample.image_id not in absent]


def coco_ground_truth(
    path: Path,
    part: Part,
    kind: str = "coco",
    images: str | None = None,
    boxes: str | None = None,
    skeleton: str | None = None,
    whole: str | None = None,
    aspect: str | None = None,
    problems: list[str] | None = None,
) -> dict[str, Any]:
    """The annotations of one part in COCO's own form, as OKS AP needs them.

    Other than :func:`read_coco` it keeps crowds, people without labelled joints and people in images that are not at
    hand, because AP counts or excuses answers by them. It leaves out segments, cuts keypoints to the skeleton's, and
    fills in what AP needs and some files lack: ``num_keypoints``, ``iscrowd``, and ``area`` as 0.53 of the box.

    Args:
        kind: ``"coco"``, ``"crowdpose"``, ``"ochuman"`` or ``"halpe"``.
        images, boxes: taken so that all options of the reader can be handed on; they change nothing here.

    Returns:
        ``images``, ``annotations`` and ``categories``.

    Raises:
        DatasetError: as :func:`read_coco`, but for images that are not found.
    """
    layout = LAYOUTS[kind]
    content = _read_part(layout, path, part, skeleton, whole, False, [] if problems is None else problems, aspect)
    if content is None:
        return {"images": [], "annotations": [], "categories": []}
    people, categories = content.people, content.categories or [{"id": 1, "name": "person"}]
    annotations = []
    for annotation, keypoints, bbox in zip(people.annotations, people.keypoints, people.bboxes, strict=True):
        entry = dict(annotation)
        if len(entry.get("keypoints", ())) != keypoints.size or "num_keypoints" not in entry:
            entry |= {"keypoints": keypoints.ravel().tolist(), "num_keypoints": int((keypoints[:, 2] > 0).sum())}
        if layout.area_of_box or entry.get("area") is None:
            entry["area"] = float(AREA_OF_BOX * bbox[2] * bbox[3])
        annotations.append({"iscrowd": 0, "category_id": categories[0]["id"]} | entry)
    return {"images": list(content.images.values()), "annotations": annotations, "categories": categories}


def _read_part(
    layout: Layout,
    path: Path,
    part: Part,
    skeleton: str | None,
    whole: str | None,
    images_suffice: bool,
    problems: list[str],
    aspect: str | None,
) -> _Part | None:
    if aspect not in (None, *ASPECTS):
        raise DatasetError(f"{path}: aspect={aspect}: give {' or '.join(ASPECTS)}, or leave it out for all images")
    place = locate(layout, path, part, whole)
    if place is None:
        return None
    file, serves = place
    document = read_json(file)
    if images_suffice and isinstance(document, dict):
        document.setdefault("annotations", [])  # test-dev has images to predict on and no annotations
    check_lists(document, file, ("images", "annotations"))
    for annotation in document["annotations"]:
        if isinstance(annotation, dict):
            annotation.pop("segmentation", None)  # most of the file, and of no use here
    names = _skeleton(layout, document, file, skeleton)
    images = read_images(document, file, problems)
    ours = {id_: image for id_, image in images.items() if shared_part(image["file_name"], serves) == part}
    if aspect is not None:
        ours = {id_: image for id_, image in ours.items() if bool(image.get("aspect_lost")) == ASPECTS[aspect]}
    stored = layout.stored_joints or (len(names),)
    people = read_people(document, file, images, ours.__contains__, len(names), stored, problems)
    return _Part(file, ours, people, names, document["categories"])


def _skeleton(layout: Layout, document: Mapping[str, Any], file: Path, given: str | None) -> Skeleton:
    if given is None:
        return layout.skeleton or skeleton_of(document, file)
    return find_skeleton(given)


def _annotated(layout: Layout, content: _Part, folder: ImageFolder, problems: list[str]) -> list[Sample]:
    people = content.people
    owners = [content.images[annotation["image_id"]] for annotation in people.annotations]
    sizes = np.array([(image["width"], image["height"]) for image in owners], dtype=float).reshape(-1, 2)
    corners = np.stack((people.bboxes[:, :2], people.bboxes[:, :2] + people.bboxes[:, 2:]), axis=1)
    corners = np.clip(corners, 0, sizes[:, None])
    empty = np.any(corners[:, 0] >= corners[:, 1], axis=1)
    boxes = from_corner(corners.reshape(-1, 4))
    labelled = people.keypoints[..., 2] > 0
    occluded = people.keypoints[..., 2] == 1
    points = people.keypoints[..., :2]
    samples = []
    for i in np.flatnonzero(labelled.any(axis=1)):
        annotation, image = people.annotations[i], owners[i]
        confidences = annotation.get("confidences")
        if annotation.get("iscrowd", 0):
            continue
        area = AREA_OF_BOX * people.bboxes[i, 2:].prod() if layout.area_of_box else annotation.get("area")
        if empty[i] or area == 0:
            fault = f"bbox {annotation['bbox']} has no area in the image" if empty[i] else "area is 0"
            problems.append(f"{content.file}: annotation {annotation['id']!r:.40}: {fault}: left out")
            continue
        samples.append(
            Sample(
                layout.dataset,
                f"{layout.dataset}/{image['file_name']}#{annotation['id']}",
                folder.root / image["file_name"],
                points[i],
                labelled[i],
                boxes[i],
                content.skeleton,
                occluded[i],
                area=None if area is None else float(area),
                image_id=image["id"],
                person_id=annotation["id"],
                confidence=None if confidences is None else np.array(confidences[: len(content.skeleton)], dtype=float),
            )
        )
    return samples


def _detected(layout: Layout, content: _Part, folder: ImageFolder, file: Path, problems: list[str]) -> list[Sample]:
    """People in a detector's boxes, unclipped as HRNet takes them; those in images of other parts are passed over."""
    joints = len(content.skeleton)
    samples = []
    for detection in read_detections(file, problems):
        image = content.images.get(detection.image_id)
        if image is None:
            continue
        x, y, width, height = detection.bbox
        samples.append(
            Sample(
                layout.dataset,
                f"{layout.dataset}/{image['file_name']}#detection{detection.number}",
                folder.root / image["file_name"],
                np.zeros((joints, 2)),
                np.zeros(joints, dtype=bool),
                from_corner(np.array([x, y, x + width, y + height])),
                content.skeleton,
                box_score=detection.score,
                image_id=detection.image_id,
            )
        )
    if not samples:
        raise DatasetError(f"{file}: none of its detections is in an image of {content.file}")
    return samples
