"""A teacher's word in COCO's format, as ``leanpose label`` writes it, and whose it is.

An image is found by the end of its path, as box files are. In it an annotation with a ``person_id`` speaks of the
person whom the dataset calls so, and all others of those whose boxes they overlap most: the best pair first, each
person and annotation once.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import BoxFile
from leanpose.core.json_file import no_cycle_search, read_json
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.coco_annotations import check_lists, read_images, read_people, skeleton_of
from leanpose.pose.skeleton import Skeleton

LEAST_IOU = 0.5  # of two boxes of one person


@no_cycle_search()
def read_label_file(path: Path, samples: Sequence[Sample]) -> tuple[Skeleton, np.ndarray, np.ndarray, np.ndarray]:
    """Skeleton, keypoints (N, K, 2), confidences (N, K) and people's (N,), as
    :class:`leanpose.datasets.merging.word.Word`.

    Joints that are not labelled in the file have NaN; those without ``confidences`` are taken for sure.

    Raises:
        DatasetError: when it cannot be read, is no COCO keypoint file, or does not name its keypoints.
    """
    document = read_json(path)
    check_lists(document, path, ("images", "annotations"))
    skeleton = skeleton_of(document, path)
    images = read_images(document, path, [])
    joints = len(skeleton)
    people = read_people(document, path, images, lambda _: True, joints, (joints,), [])
    known = people.keypoints[..., 2] > 0
    stated = [annotation.get("confidences") for annotation in people.annotations]
    sure = np.array([given or [1.0] * joints for given in stated], dtype=float).reshape(-1, joints)
    boxes = geometry.from_corner(
        np.concatenate((people.bboxes[:, :2], people.bboxes[:, :2] + people.bboxes[:, 2:]), axis=1)
    )
    whose = _whose(samples, _rows_by_image(people.annotations, images, boxes), people.annotations)
    keypoints, confidence = np.full((len(samples), joints, 2), np.nan), np.zeros((len(samples), joints))
    person = np.full(len(samples), np.nan)
    found = np.flatnonzero(whose >= 0)
    of = whose[found]
    keypoints[found] = np.where(known[of][..., None], people.keypoints[of][..., :2], np.nan)
    confidence[found], person[found] = sure[of], 1.0
    return skeleton, keypoints, confidence, person


def _rows_by_image(annotations: list, images: dict, boxes: np.ndarray) -> BoxFile:
    """The boxes of annotations, which have their numbers where box files have scores."""
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for number, (annotation, box) in enumerate(zip(annotations, boxes.tolist(), strict=True)):
        rows[images[annotation["image_id"]]["file_name"]].append([*box, float(number)])
    return BoxFile(rows)


def _whose(samples: Sequence[Sample], rows: BoxFile, annotations: list) -> np.ndarray:
    """The number (N,) of each person's annotation, -1 for none."""
    whose = np.full(len(samples), -1)
    by_image: dict[Path, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        by_image[sample.image if isinstance(sample.image, Path) else Path(sample.name.partition("#")[0])].append(i)
    for image, members in by_image.items():
        found = rows.find(image)
        numbers = found[:, 4].astype(int)
        named = {
            annotations[n]["person_id"]: n for n in numbers.tolist() if annotations[n].get("person_id") is not None
        }
        rest = []
        for i in members:
            if samples[i].person_id in named:
                whose[i] = named[samples[i].person_id]
            else:
                rest.append(i)
        free = np.array([annotations[n].get("person_id") is None for n in numbers.tolist()], dtype=bool)
        for person, row in pair_by_iou(np.array([samples[i].box for i in rest]).reshape(-1, 4), found[free, :4]):
            whose[rest[person]] = numbers[free][row]
    return whose


def pair_by_iou(boxes: np.ndarray, others: np.ndarray, least: float = LEAST_IOU) -> list[tuple[int, int]]:
    """Pairs of boxes (P, 4) and others (Q, 4), the one with the greatest overlap first; each is in one pair at most.

    Args:
        least: intersection over union of a pair.
    """
    overlap = geometry.box_iou(boxes[:, None], others[None])
    pairs = []
    while overlap.size and overlap.max() >= least:
        row, column = (int(k) for k in np.unravel_index(np.argmax(overlap), overlap.shape))
        pairs.append((row, column))
        overlap[row], overlap[:, column] = -1, -1
    return pairs
