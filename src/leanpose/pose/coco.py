"""Poses as COCO writes them: keypoint results, datasets for labelling tools, and the numbers of the images.

COCO measures box edges from the corner of the image, half a pixel left of and above our zero, so they shift by 0.5; its
keypoints are pixel numbers as ours are and stay.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose.core.bounded import parse_json, read_text
from leanpose.core.errors import PosesError
from leanpose.core.files import write_whole
from leanpose.core.geometry import to_corner
from leanpose.core.json_file import is_identifier
from leanpose.pose.formats import numbers
from leanpose.pose.skeleton import SKELETONS, Skeleton

if TYPE_CHECKING:
    from leanpose.pose.poses import Poses

ImageId = int | str
AREA_OF_BOX = 0.53  # of a person's box, where a file has no areas: CrowdPose's evaluation code, and about COCO's mean


def coco_results(poses: "Poses", image_id: ImageId | None = None) -> list[dict[str, Any]]:
    """COCO keypoint results, one per person, in the joints that the poses have; COCO's own evaluation wants those of
    ``poses.view("coco17")``.

    A joint that was not found is ``0, 0, 0``. The third number of a joint is its score; a person's is that of
    :attr:`leanpose.pose.poses.Poses.person_scores`. People with an id have it as PoseTrack names it, ``track_id``.

    Args:
        image_id: COCO's number of the image. By default the number of the video's frame, or the number that the file
            is named for (``000000081988.jpg``), or else its name.

    Raises:
        PosesError: when there is neither an ``image_id`` nor a source.
    """
    image_id = _id_alone(poses) if image_id is None else image_id
    found = np.isfinite(poses.keypoints).all(axis=-1)
    points = np.concatenate((poses.keypoints, poses.scores[..., None]), axis=-1)
    points[~found] = 0
    people_scores = poses.person_scores
    boxes = poses.boxes.astype(float)
    xywh = np.concatenate((to_corner(boxes[:, :2]), boxes[:, 2:] - boxes[:, :2]), axis=1)
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": numbers(points[person].reshape(-1)),
            "score": float(people_scores[person]),
            "bbox": xywh[person].tolist(),
        }
        | ({} if poses.ids is None else {"track_id": int(poses.ids[person])})
        for person in range(len(poses))
    ]


def write_coco(
    images: Sequence["Poses"], path: str | os.PathLike[str], image_ids: Sequence[ImageId] | None = None
) -> None:
    """Writes COCO results of many images, whole or not at all.

    Args:
        image_ids: one per image. By default those of frames, or of :func:`image_ids_of` the files.

    Raises:
        PosesError: when an image has no id, two have one, the ids are not one per image, or the file cannot be written.
    """
    if image_ids is not None and len(image_ids) != len(images):
        raise PosesError(f"image_ids: {len(image_ids)} ids for {len(images)} images")
    if image_ids is None:
        files = all(poses.frame is None and poses.source is not None for poses in images)
        numbering = Numbering(image_ids_of([poses.source or "" for poses in images]) if files else None)
        image_ids = [numbering.of(poses) for poses in images]
    results = [result for poses, id_ in zip(images, image_ids, strict=True) for result in coco_results(poses, id_)]
    write_whole(path, json.dumps(results, allow_nan=False).encode(), PosesError)


def image_ids_of(sources: Iterable[str]) -> dict[str, ImageId]:
    """An id for each of the files that a run has, no two alike, and all of one kind.

    They are the numbers that the files are named for, where all are and no two of them are one number (``01.png`` and
    ``1.png`` are); else the files' names, where no two have one; else :func:`names_below`.
    """
    given = list(dict.fromkeys(sources))
    stems = [PurePath(source).stem for source in given]
    counted = [int(stem) for stem in stems if _is_number(stem)]
    names = [PurePath(source).name for source in given]
    for ids in (counted, names):
        if len(set(ids)) == len(given):
            return dict(zip(given, ids, strict=True))
    return {**names_below(given)}


def names_below(sources: Sequence[str]) -> dict[str, str]:
    """The paths of files from the folder on that holds them all, with slashes."""
    paths = [os.path.abspath(source) for source in sources]
    top = os.path.commonpath([os.path.dirname(path) for path in paths])
    return {source: Path(path).relative_to(top).as_posix() for source, path in zip(sources, paths, strict=True)}


def read_image_ids(path: str | os.PathLike[str], sources: Iterable[str]) -> dict[str, ImageId]:
    """The ids that a COCO file has for files: of its image that ends the file's path, ``a/1.jpg`` for ``/x/a/1.jpg``.

    Raises:
        PosesError: when the file cannot be read, is no COCO file, has no image for one of the files, several, or one
            for two files.
    """
    document = parse_json(read_text(path, PosesError), PosesError, str(path))
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not all(
        isinstance(image, dict) and isinstance(image.get("file_name"), str) and is_identifier(image.get("id"))
        for image in images
    ):
        raise PosesError(f"{path}: not a COCO file: 'images' with 'id' and 'file_name' are needed")
    ends: dict[str, list[tuple[tuple[str, ...], ImageId]]] = {}
    for image in images:
        name, id_ = image["file_name"].replace("\\", "/"), image["id"]
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        ends.setdefault(parts[-1] if parts else "", []).append((parts, id_))
    ids: dict[str, ImageId] = {}
    missing: list[str] = []
    for source in dict.fromkeys(sources):
        parts = Path(os.path.abspath(source)).parts
        fitting = [(end, id_) for end, id_ in ends.get(parts[-1], ()) if parts[len(parts) - len(end) :] == end]
        longest = max((len(end) for end, _ in fitting), default=0)
        best = {id_ for end, id_ in fitting if len(end) == longest}
        if len(best) > 1:
            raise PosesError(f"{path}: several images are called {parts[-1]}: {', '.join(sorted(map(str, best)))}")
        missing += [] if best else [source]
        ids |= dict.fromkeys([source], *best) if best else {}
    if missing:
        others = f" nor {len(missing) - 1} others" if len(missing) > 1 else ""
        raise PosesError(f"{path}: no image there is called {missing[0]}{others}: leave them out")
    taken: dict[ImageId, str] = {}
    for source, id_ in ids.items():
        if taken.setdefault(id_, source) != source:
            raise PosesError(f"{path}: {taken[id_]} and {source} are both its image {id_}: predict one of them")
    return ids


class Numbering:
    """COCO's ids of images as they come: given, or those of frames and files, and never one for two images."""

    def __init__(self, given: Mapping[str, ImageId] | None = None) -> None:
        """``given`` has ids by the poses' sources; frames of a video have their numbers whatever it says."""
        self._given = given
        self._taken: dict[ImageId | None, str | None] = {}

    def of(self, poses: "Poses") -> ImageId:
        """The image's id.

        Raises:
            PosesError: when it has none, or it is another's.
        """
        if poses.frame is not None:
            id_, key = poses.frame, None  # frames of one video cannot meet, and would fill the memory
        elif self._given is not None and poses.source is not None and poses.source in self._given:
            return self._given[poses.source]
        else:
            id_ = key = _id_alone(poses)
        other = self._taken.setdefault(key, poses.source)
        kinds = {type(taken) for taken in self._taken}
        if other != poses.source:
            raise PosesError(f"image_id: {other} and {poses.source} would both be {id_}: give their image_ids")
        if len(kinds) > 1:
            raise PosesError(f"image_id: {poses.source} would be {id_!r}, and others are not of its kind: give ids")
        return id_


def _id_alone(poses: "Poses") -> ImageId:
    """Of an image of which nothing but itself is known."""
    if poses.frame is not None:
        return poses.frame
    if poses.source is None:
        raise PosesError("source: COCO results need an image_id, and these poses know no file name: give one")
    stem = PurePath(poses.source).stem
    return int(stem) if _is_number(stem) else PurePath(poses.source).name


def _is_number(stem: str) -> bool:
    return stem.isascii() and stem.isdigit() and len(stem) < 16


def category(skeleton: Skeleton) -> dict[str, Any]:
    """The skeleton as COCO's categories describe one, and beyond that its sigmas, flips and torso."""
    index = {joint: number for number, joint in enumerate(skeleton.joints, start=1)}
    described: dict[str, Any] = {
        "id": 1,
        "name": "person" if skeleton in SKELETONS.values() else skeleton.name,
        "supercategory": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": [[index[a], index[b]] for a, b in skeleton.limbs],
    }
    if skeleton not in SKELETONS.values():
        described |= {"torso": list(skeleton.torso)}
        described |= {} if skeleton.sigmas is None else {"sigmas": list(skeleton.sigmas)}
        described |= {} if skeleton.flips is None else {"flips": [list(pair) for pair in skeleton.flips]}
    return described


def coco_annotations(poses: "Poses", image_id: ImageId, first: int) -> list[dict[str, Any]]:
    """The people as annotations of a COCO dataset, numbered from ``first``.

    A joint that was found in the image with a score is labelled visible (2), every other one is 0, 0, 0. Boxes are cut
    at the image's edges, and people who are outside are left out. ``score`` is the person's, ``confidences`` are
    the joints'.
    """
    height, width = poses.image_hw
    inside = ((poses.keypoints >= -0.5) & (poses.keypoints < (width - 0.5, height - 0.5))).all(axis=-1)
    seen = inside & (poses.scores > 0)
    points = np.concatenate((poses.keypoints, np.full((*seen.shape, 1), 2, np.float32)), axis=-1)
    points[~seen] = 0
    corners = np.clip(to_corner(poses.boxes.astype(float)), 0, (width, height) * 2)
    scores = poses.person_scores
    found = []
    for person, (x1, y1, x2, y2) in enumerate(corners.tolist()):
        if x2 <= x1 or y2 <= y1:
            continue
        found.append(
            {
                "id": first + len(found),
                "image_id": image_id,
                "category_id": 1,
                "iscrowd": 0,
                "segmentation": [],  # the source of CVAT's reader asks for it
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": AREA_OF_BOX * (x2 - x1) * (y2 - y1),
                "num_keypoints": int(seen[person].sum()),
                "keypoints": [v for x, y, flag in numbers(points[person]) for v in (x, y, int(flag))],
                "score": float(scores[person]),
                "confidences": numbers(np.where(seen[person], poses.scores[person], np.float32(0))),
            }
            | ({} if poses.ids is None else {"track_id": int(poses.ids[person])})
        )
    return found
