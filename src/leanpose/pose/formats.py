"""Poses in files: the JSON schema, JSON lines, CSV, and files as OpenPose writes them. COCO is in ``pose/coco.py``."""

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose.core import bounded
from leanpose.core.errors import PosesError, SkeletonError
from leanpose.core.files import write_whole
from leanpose.core.geometry import to_corner
from leanpose.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.pose.poses import Poses

SCHEMA = "leanpose.poses"
SCHEMA_VERSION = 1
CSV_COLUMNS = (
    "file", "frame", "time", "person", "id", "joint", "x", "y", "score",
    "box_x1", "box_y1", "box_x2", "box_y2", "box_score", "uncertainty",
)  # fmt: skip


def to_document(images: Sequence["Poses"]) -> dict[str, Any]:
    """Images of one skeleton as a document of the JSON schema, version 1.

    ``{"schema", "version", "skeleton": {"name", "joints", "limbs", "sigmas", "torso"}, "images": [{"source",
    "height", "width", "people": [{"id", "box": [x1, y1, x2, y2], "score", "keypoints": [[x, y, score], ...]}]}]}``,
    in image pixels with centres at integers, joints in the order of the skeleton, null for what is not known. A frame
    of a video also has ``"frame"``, its number, and ``"time"``, in seconds, after its source; people whose joints have
    uncertainties, ``"uncertainties"``, a list of pixels; an image whose file is damaged, ``"damage"``, what is wrong.

    Raises:
        PosesError: when the images have different skeletons.
    """
    if any(poses.skeleton != images[0].skeleton for poses in images):
        raise PosesError("skeleton: the images of one file must share it; write one file per skeleton")
    return header(images[0].skeleton if images else None) | {"images": [image_entry(poses) for poses in images]}


def header(skeleton: Skeleton | None) -> dict[str, Any]:
    """All of a document but its images, and the first of JSON lines."""
    return {
        "schema": SCHEMA,
        "version": SCHEMA_VERSION,
        "skeleton": None if skeleton is None else _skeleton_to_dict(skeleton),
    }


def image_entry(poses: "Poses") -> dict[str, Any]:
    """One of a document's images, and each of JSON lines but the first."""
    when = {"frame": poses.frame, "time": poses.timestamp}
    return {
        "source": poses.source,
        **{key: value for key, value in when.items() if value is not None},
        "height": poses.image_hw[0],
        "width": poses.image_hw[1],
        **({} if poses.damage is None else {"damage": poses.damage}),
        "people": [
            {
                "id": None if one.ids is None else int(one.ids[0]),
                "box": numbers(one.boxes[0]),
                "score": numbers(one.box_scores)[0],
                "keypoints": numbers(np.concatenate((one.keypoints[0], one.scores[0][:, None]), axis=1)),
            }
            | ({} if one.uncertainties is None else {"uncertainties": numbers(one.uncertainties[0])})
            for one in poses
        ],
    }


def document_fields(document: Any) -> list[dict[str, Any]]:
    """Of each image of a document made by :func:`to_document`, the fields of its :class:`Poses`.

    Raises:
        PosesError: when the document is of another schema or version, or a field is missing or does not fit.
    """
    skeleton = read_header(document)
    entries = _field(document, "images", list)
    if not entries:
        return []
    if skeleton is None:
        raise PosesError("skeleton: None is not of the kind that belongs here")
    return [image_fields(entry, skeleton, f"images[{i}].") for i, entry in enumerate(entries)]


def read_header(document: Any) -> Skeleton | None:
    """Inverse of :func:`header`; raises PosesError."""
    if _field(document, "schema", str) != SCHEMA:
        raise PosesError(f"schema: expected '{SCHEMA}', found {document['schema']!r}; this is another kind of file")
    if _field(document, "version", int) != SCHEMA_VERSION:
        raise PosesError(
            f"version: this leanpose reads version {SCHEMA_VERSION}, found {document['version']}; update leanpose"
        )
    fields = _field(document, "skeleton", (dict, type(None)))
    try:
        return None if fields is None else Skeleton.from_dict(fields)
    except SkeletonError as error:
        raise PosesError(f"skeleton: {error}") from error


def write_json(images: Sequence["Poses"], path: str | os.PathLike[str]) -> None:
    """Writes the poses of many images to one JSON file, whole or not at all; raises PosesError."""
    write_whole(path, json.dumps(to_document(images), allow_nan=False).encode(), PosesError)


def csv_rows(poses: "Poses") -> list[tuple[Any, ...]]:
    """One row of CSV_COLUMNS per joint; empty cells stand for what is not known, and a joint not found.

    An image with nobody in it has one row, with its file, frame and time, and else empty cells.
    """
    where = (poses.source or "", *("" if v is None else v for v in (poses.frame, poses.timestamp)))
    rows: list[tuple[Any, ...]] = [] if len(poses) else [(*where, *[""] * (len(CSV_COLUMNS) - len(where)))]
    for person, one in enumerate(poses):
        id_ = "" if one.ids is None else int(one.ids[0])
        box = (*numbers(one.boxes[0]), *numbers(one.box_scores))
        off = [None] * len(poses.skeleton) if one.uncertainties is None else numbers(one.uncertainties[0])
        for joint, point, score, radius in zip(
            poses.skeleton.joints, numbers(one.keypoints[0]), numbers(one.scores[0]), off, strict=True
        ):
            x, y, radius = ("" if v is None else v for v in (*point, radius))
            rows.append((*where, person, id_, joint, x, y, score, *box, radius))
    return rows


def write_csv(images: Sequence["Poses"], path: str | os.PathLike[str]) -> None:
    """Writes one row of CSV_COLUMNS per joint of many images, whole or not at all; raises PosesError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for poses in images:
        writer.writerows(csv_rows(poses))
    write_whole(path, text.getvalue().encode(), PosesError)


def openpose_document(poses: "Poses") -> dict[str, Any]:
    """The people of one image as OpenPose writes them: ``{"version", "people": [{"person_id", "pose_keypoints_2d"}]}``.

    Joints are x, y, score, those of ``poses.skeleton`` in its order, and 0, 0, 0 where not found; hands, faces and 3D
    are empty lists. ``person_id`` is ``[-1]`` without ids.
    """
    points = np.concatenate((poses.keypoints, poses.scores[..., None]), axis=-1)
    points[np.isnan(points).any(axis=-1)] = 0
    ids = np.full(len(poses), -1) if poses.ids is None else poses.ids
    absent = [f"{part}_keypoints_2d" for part in ("face", "hand_left", "hand_right")]
    absent += [f"{part}_keypoints_3d" for part in ("pose", "face", "hand_left", "hand_right")]
    people = [
        {"person_id": [int(id_)], "pose_keypoints_2d": numbers(joints.reshape(-1)), **{key: [] for key in absent}}
        for id_, joints in zip(ids, points, strict=True)
    ]
    return {"version": 1.3, "people": people}


def yolo_lines(poses: "Poses") -> list[str]:
    """The people as YOLO's pose predictions: ``0 cx cy w h`` and ``x y score`` of each joint.

    Places are shares of the image's width and height; boxes and joints are cut at its edges. A joint that was not found
    is ``0 0 0``.
    """
    size = np.array(poses.image_hw[::-1], dtype=float)
    corners = np.clip(to_corner(poses.boxes.reshape(-1, 2, 2).astype(float)) / size, 0, 1)
    places = np.clip(to_corner(poses.keypoints.astype(float)) / size, 0, 1)
    joints = np.concatenate((places, poses.scores[..., None]), axis=-1)
    joints[np.isnan(joints).any(axis=-1)] = 0
    rows = zip((corners[:, 0] + corners[:, 1]) / 2, corners[:, 1] - corners[:, 0], joints, strict=True)
    return [
        " ".join(["0", *(f"{v:.6g}" for v in (*centre, *sides, *points.ravel()))]) for centre, sides, points in rows
    ]


def numbers(values: np.ndarray) -> list[Any]:
    """Nested lists of the shortest decimals that give back the same float32, ``None`` for NaN."""
    if values.ndim > 1:
        return [numbers(row) for row in values]
    return [None if np.isnan(v) else float(str(v)) for v in values]


def parse_json(text: str | bytes) -> Any:
    """JSON text as Python objects; raises PosesError when it is none."""
    return bounded.parse_json(text, PosesError)


def _field(holder: Any, key: str, kind: type | tuple[type, ...], where: str = "") -> Any:
    if not isinstance(holder, dict) or key not in holder:
        raise PosesError(f"{where}{key}: missing")
    value = holder[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise PosesError(f"{where}{key}: {value!r:.80} is not of the kind that belongs here")
    return value


def _array(values: list[Any], shape: tuple[int, ...], where: str) -> np.ndarray:
    """Numbers and nulls as floats (shape); NumPy alone would take strings for numbers, too."""
    if not _fits(values, shape):
        raise PosesError(f"{where}: must be {' x '.join(map(str, shape))} numbers")
    try:
        return np.array(values, dtype=float)  # None becomes NaN
    except OverflowError as error:
        raise PosesError(f"{where}: {error}") from error


def _fits(values: Any, shape: tuple[int, ...]) -> bool:
    if not shape:
        return values is None or (isinstance(values, (int, float)) and not isinstance(values, bool))
    return isinstance(values, list) and len(values) == shape[0] and all(_fits(v, shape[1:]) for v in values)


def image_fields(entry: Any, skeleton: Skeleton, where: str = "") -> dict[str, Any]:
    """The fields of the :class:`Poses` of one entry, with ``where`` it stands before the names; raises PosesError."""
    source = _field(entry, "source", (str, type(None)), where)
    image_hw = (_field(entry, "height", int, where), _field(entry, "width", int, where))
    frame, time = (
        _field(entry, key, kind, where) if key in entry else None
        for key, kind in (("frame", int), ("time", (int, float)))
    )
    damage = _field(entry, "damage", str, where) if "damage" in entry else None
    people = _field(entry, "people", list, where)
    joints = len(skeleton)
    points, boxes, box_scores, ids = np.zeros((len(people), joints, 3)), np.zeros((len(people), 4)), [], []
    uncertainties = []
    for i, person in enumerate(people):
        here = f"{where}people[{i}]."
        points[i] = _array(_field(person, "keypoints", list, here), (joints, 3), f"{here}keypoints")
        boxes[i] = _array(_field(person, "box", list, here), (4,), f"{here}box")
        box_scores.append(_field(person, "score", (int, float), here))
        ids.append(_field(person, "id", (int, type(None)), here))
        if "uncertainties" in person:
            off = _field(person, "uncertainties", list, here)
            uncertainties.append(_array(off, (joints,), f"{here}uncertainties"))
    if len({id_ is None for id_ in ids}) > 1:
        raise PosesError(f"{where}people: some have an id and some have none; give all or none")
    if len(uncertainties) not in (0, len(people)):
        raise PosesError(f"{where}people: some have uncertainties and some have none; give all or none")
    return {
        "keypoints": points[..., :2],
        "scores": points[..., 2],
        "boxes": boxes,
        "box_scores": np.array(box_scores),
        "skeleton": skeleton,
        "image_hw": image_hw,
        "ids": np.array(ids) if ids and ids[0] is not None else None,
        "source": source,
        "frame": frame,
        "timestamp": time,
        "uncertainties": np.array(uncertainties) if uncertainties else None,
        "damage": damage,
    }


def _skeleton_to_dict(skeleton: Skeleton) -> dict[str, Any]:
    usual = {"flips": None, "flippable": True}
    return {key: value for key, value in skeleton.to_dict().items() if key not in usual or value != usual[key]}
