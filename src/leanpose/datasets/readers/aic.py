"""AI Challenger 2017, human skeleton system (HSSK; Wu et al., arXiv 1711.06475): 14 joints, none of the face.

The files were not at hand: the reader follows the dataset's evaluation code (keypoint_eval.py of
github.com/AIChallenger/AI_Challenger_2017) and published samples, and is unverified on the real files. A file is a list
of images, each with boxes as x1, y1, x2, y2 and joints as x, y, v by person, where v is 1 for visible, 2 for hidden and
3 for not labelled.
Both are taken as pixel numbers from 0, as COCO's keypoints. A person's area is that of the box, as in the evaluation.
"""

from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.json_file import are_numbers, is_number, no_cycle_search, read_json
from leanpose.datasets.readers.coco_layout import Layout, held_out, image_folders, locate, shared_part
from leanpose.datasets.readers.image_folder import ImageFolder, find_image_folder, is_safe_name
from leanpose.datasets.readers.parts import Part
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import AIC14

VISIBILITIES = frozenset((1, 2, 3))

_TRAIN, _VALIDATION = "ai_challenger_keypoint_train_", "ai_challenger_keypoint_validation_20170911/"
AIC = Layout(
    "aic",
    held_out(
        (
            f"{_TRAIN}20170909/keypoint_train_annotations_20170909.json",
            f"{_TRAIN}annotations_20170909/keypoint_train_annotations_20170909.json",
            f"{_TRAIN}20170902/keypoint_train_annotations_20170902.json",
            "keypoint_train_annotations_20170909.json",
        ),
        (
            f"{_VALIDATION}keypoint_validation_annotations_20170911.json",
            "keypoint_validation_annotations_20170911.json",
        ),
    ),
    held_out(
        (
            f"{_TRAIN}20170902/keypoint_train_images_20170902",
            f"{_TRAIN}20170909/keypoint_train_images_20170902",
            "keypoint_train_images_20170902",
        ),
        (f"{_VALIDATION}keypoint_validation_images_20170911", "keypoint_validation_images_20170911"),
    ),
)


@no_cycle_search()
def read_aic(
    path: Path,
    part: Part,
    images: str | None = None,
    whole: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of the AI Challenger with a labelled joint.

    Args:
        path: the folder that holds ``ai_challenger_keypoint_train_20170909/`` and its validation sibling as they were
            distributed, or an annotation file.
        part: the validation set is ``"test"``; a tenth of the training images is held out as ``"val"``. A file of
            another name is divided by its images' names.
        images: folder of the images; looked for beside the file if not given.
        whole: the part that the file is, undivided.
        problems: receives a message for each image and person left out.

    Raises:
        DatasetError: when a file is missing or of another form, or none of its images is found.
    """
    problems = [] if problems is None else problems
    place = locate(AIC, path, part, whole)
    if place is None:
        return []
    file, serves = place
    entries = read_json(file)
    if not isinstance(entries, list):
        raise DatasetError(f"{file}: not an AI Challenger file: it must be a list of images with keypoint_annotations")
    named: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        id_ = entry.get("image_id") if isinstance(entry, dict) else None
        name = f"{id_}.jpg"
        if not isinstance(id_, str) or not is_safe_name(name):
            problems.append(f"{file}: entry {number}: image_id {id_!r:.80} names no image: left out")
        elif name in named:
            problems.append(f"{file}: image {id_}: given twice: left out the second time")
        elif shared_part(name, serves) == part:
            named[name] = entry
    if not named:
        return []
    candidates = [Path(images)] if images is not None else image_folders(AIC, path, file, part)
    folder = find_image_folder(candidates, named, file)
    return [sample for name, entry in named.items() for sample in _people(name, entry, folder, str(file), problems)]


def _people(name: str, entry: dict[str, Any], folder: ImageFolder, file: str, problems: list[str]) -> list[Sample]:
    people, boxes = entry.get("keypoint_annotations"), entry.get("human_annotations")
    where = f"{file}: image {entry['image_id']}"
    if not isinstance(people, dict) or not isinstance(boxes, dict):
        problems.append(f"{where}: keypoint_annotations and human_annotations must be objects: left out")
        return []
    if name not in folder:
        problems.append(f"{where}: {name} is not in {folder.root}: its {len(people)} people left out")
        return []
    samples = []
    for human, joints in people.items():
        fault = _fault(joints, boxes.get(human))
        if fault is not None:
            problems.append(f"{where}, {human!r:.40}: {fault}: left out")
            continue
        joints_K3 = np.array(joints, dtype=float).reshape(-1, 3)
        labelled = joints_K3[:, 2] < 3
        if not labelled.any():
            continue
        box = np.array(boxes[human], dtype=float)
        samples.append(
            Sample(
                "aic",
                f"aic/{name}#{human}",
                folder.root / name,
                joints_K3[:, :2],
                labelled,
                box,
                AIC14,
                joints_K3[:, 2] == 2,
                area=float((box[2] - box[0]) * (box[3] - box[1])),
                image_id=entry["image_id"],
                person_id=human,
            )
        )
    return samples


def _fault(joints: Any, box: Any) -> str | None:
    if not are_numbers(joints, 3 * len(AIC14)):
        return f"its keypoints must be {3 * len(AIC14)} finite numbers"
    if not VISIBILITIES.issuperset(joints[2::3]):
        return "a visibility is none of 1 (visible), 2 (hidden) and 3 (not labelled)"
    if (
        not are_numbers(box, 4)
        or box[0] >= box[2]
        or box[1] >= box[3]
        or not is_number((box[2] - box[0]) * (box[3] - box[1]))
    ):
        return f"human_annotations {box!r:.80} is no box x1, y1, x2, y2 with an area"
    return None
