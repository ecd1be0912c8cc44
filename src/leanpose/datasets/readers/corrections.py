"""Corrections of a dataset's labels: a small file beside it, which any reader applies as ``corrections=FILE``.

The file is JSON. ``people`` names people as their samples are named and says of each what becomes of its joints:

    {"schema": "leanpose.corrections", "version": 2, "made": {...}, "skeleton": {"name": "body19", ...},
     "people": {"lspet/im00003.jpg": {"labels": 2774905201, "joints": {
        "left_knee": ["swap", 41.0, 97.5], "right_knee": ["swap", 52.0, 99.0], "left_wrist": ["move", 33.1, 60.4],
        "left_hip": ["overrule", 44.9, 61.0, 0.81], "right_ankle": ["mask", null, null],
        "nose": ["add", 40.2, 12.9, 0.77]}}}}

A joint's entry is the action, its new place in image pixels (null: no longer labelled), and how far the place is to be
believed; without that number as far as a label. ``skeleton`` is what all people get, so that joints can be added that
the dataset's own skeleton does not have; without it they keep their own. ``labels`` is a fingerprint of the labels that
the corrections were made for, so that others are refused.

Files of version 1 have no ``skeleton``, and entries of an action, a place and two numbers for people to read.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.core.files import write_whole
from leanpose.core.json_file import are_numbers, read_json
from leanpose.datasets.readers.mapping import map_sample
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import Skeleton

SCHEMA, VERSION = "leanpose.corrections", 2
PRECISION, CONFIDENCE_PRECISION = 0.05, 0.005  # pixels; the file has places to a tenth, confidences to a hundredth
Action = Literal["swap", "move", "overrule", "mask", "add"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Correction:
    """Of one joint of one person.

    Attributes:
        joint: its name.
        action: ``"swap"``: the label is that of another joint; ``"move"``: it is near, the place is better;
            ``"overrule"``: it is elsewhere; ``"mask"``: it is wrong and the right place not sure; ``"add"``: there was
            none.
        place: x and y in image pixels; None where the joint is no longer labelled.
        confidence: from 0 to 1, how far the place is to be believed; None for as far as a label.
    """

    joint: str
    action: Action
    place: tuple[float, float] | None
    confidence: float | None = None


@dataclass(frozen=True)
class Corrections:
    """What a file says.

    Attributes:
        people: by name the fingerprint of the labels and the corrections of each person that it names.
        skeleton: what all people are mapped to first; None where they keep their own.
        made: how the file was made.
    """

    people: dict[str, tuple[int, list[Correction]]]
    skeleton: Skeleton | None = None
    made: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(sample: Sample) -> int:
    """A number that tells labels from other labels: of what is labelled, and where, to a tenth of a pixel."""
    places = np.where(sample.labelled[:, None], np.round(10 * np.nan_to_num(sample.keypoints)), 0)
    return zlib.crc32(sample.labelled.astype("u1").tobytes() + places.astype("<i4").tobytes())


def write_corrections(
    path: Path,
    samples: Sequence[Sample],
    corrections: Sequence[Sequence[Correction]],
    made: Mapping[str, Any],
    skeleton: Skeleton | None = None,
) -> None:
    """Write the corrections of people (one sequence each, people without any are not named) and how they were made.

    Args:
        samples: as their dataset gives them.
        skeleton: what the people are to be mapped to, by joint name, before they are corrected.

    Raises:
        DatasetError: when the file cannot be written.
    """
    lines = [
        f"{json.dumps(sample.name)}: "
        + json.dumps({"labels": fingerprint(sample), "joints": {c.joint: _to_json(c) for c in found}})
        for sample, found in zip(samples, corrections, strict=True)
        if found
    ]
    joints = {} if skeleton is None else {"skeleton": skeleton.to_dict()}
    head = json.dumps({"schema": SCHEMA, "version": VERSION, "made": dict(made), **joints})
    text = f'{head[:-1]}, "people": {{\n' + ",\n".join(lines) + "\n}}\n"
    write_whole(path, text.encode(), DatasetError)


def read_corrections(path: Path) -> Corrections:
    """What a file of corrections says.

    Raises:
        DatasetError: when the file is missing, no file of corrections, of another version, or damaged.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DatasetError(f"{path}: not a file of corrections, which 'leanpose data merge' writes")
    version = content.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise DatasetError(f"{path}: corrections of version {version}, this reads up to {VERSION}: update leanpose")
    people: Any = content.get("people")
    described = content.get("skeleton")
    read = _from_json if version > 1 else _from_version_1
    try:
        return Corrections(
            {
                name: (person["labels"], [read(joint, entry) for joint, entry in person["joints"].items()])
                for name, person in people.items()
            },
            None if described is None else Skeleton.from_dict(described),
            content.get("made", {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, SkeletonError) as error:
        raise DatasetError(f"{path}: damaged: {error!r:.200}; write it anew with 'leanpose data merge'") from error


def corrected(samples: Sequence[Sample], path: Path) -> list[Sample]:
    """The samples with the corrections of a file. People it does not name keep their labels.

    Raises:
        DatasetError: when the file cannot be read, or was made for other labels or joints.
    """
    file = read_corrections(path)
    strangers = f"{path} was made for other labels: leave it out, or make another with 'leanpose data merge'"
    result = []
    for sample in samples:
        labels, corrections = file.people.get(sample.name, (None, []))
        if corrections and labels != fingerprint(sample):
            raise DatasetError(f"{sample.name}: {strangers}")
        result.append(correct(_with_joints_of(sample, file, path), corrections))
    datasets = {sample.name.partition("/")[0] for sample in samples}  # not .dataset: name= changes that
    if file.people and samples and not datasets & {name.partition("/")[0] for name in file.people}:
        raise DatasetError(f"{', '.join(sorted(datasets))}: {strangers}")
    return result


def with_joints_of(samples: Sequence[Sample], path: Path) -> list[Sample]:
    """Samples that a file of corrections does not concern, with the joints of those that it does.

    Raises:
        DatasetError: as :func:`corrected`.
    """
    file = read_corrections(path)
    return [_with_joints_of(sample, file, path) for sample in samples]


def _with_joints_of(sample: Sample, file: Corrections, path: Path) -> Sample:
    mapped = sample if file.skeleton is None else map_sample(sample, file.skeleton)
    if mapped is None:
        raise DatasetError(f"{sample.name}: {path} is for people with joints of {file.skeleton.name}")  # type: ignore[union-attr]
    return mapped


def correct(sample: Sample, corrections: Sequence[Correction]) -> Sample:
    """The sample with its joints where the corrections say. A box that was the hull of the labels stays their hull.

    Raises:
        DatasetError: when a correction is of a joint that the person does not have, or takes its last two away.
    """
    if not corrections:
        return sample
    keypoints, labelled = sample.keypoints.copy(), sample.labelled.copy()
    occluded = None if sample.occluded is None else sample.occluded.copy()
    confidence = None if sample.confidence is None else sample.confidence.copy()
    if confidence is None and any(correction.confidence is not None for correction in corrections):
        confidence = np.ones(len(labelled))
    for correction in corrections:
        if correction.joint not in sample.skeleton.joints:
            raise DatasetError(f"{sample.name}: corrections of '{correction.joint}', a joint that it does not have")
        k = sample.skeleton.index(correction.joint)
        labelled[k] = correction.place is not None
        if correction.place is not None:
            keypoints[k] = correction.place
        if confidence is not None:
            confidence[k] = 1.0 if correction.confidence is None else correction.confidence
        if occluded is not None:
            # whether a swapped joint is hidden is asked of the joint that the label was of
            source = _nearest(sample, correction.place) if correction.action == "swap" and correction.place else k
            occluded[k] = bool(sample.occluded[source] and labelled[k])  # type: ignore[index]
    box = sample.box
    if sample.labelled.any() and np.array_equal(box, geometry.hull_box(sample.keypoints, sample.labelled)):
        if labelled.sum() < 2:
            raise DatasetError(f"{sample.name}: its corrections leave fewer than two joints, and so no box")
        box = geometry.hull_box(keypoints, labelled)
    return replace(sample, keypoints=keypoints, labelled=labelled, occluded=occluded, box=box, confidence=confidence)


def _nearest(sample: Sample, place: tuple[float, float]) -> int:
    """The joint whose label is the nearest to a place."""
    away = np.where(sample.labelled, np.linalg.norm(sample.keypoints - place, axis=1), np.inf)
    return int(np.argmin(away))


def _to_json(correction: Correction) -> list[Any]:
    x, y = (None, None) if correction.place is None else (round(float(c), 1) for c in correction.place)
    believed = [] if correction.confidence is None else [round(float(correction.confidence), 2)]
    return [correction.action, x, y, *believed]


def _from_json(joint: str, entry: Any) -> Correction:
    action, x, y, *believed = entry
    if action not in ACTIONS:
        raise ValueError(f"'{action}' is none of {', '.join(ACTIONS)}")
    if believed and not (are_numbers(believed, 1) and 0 <= believed[0] <= 1):
        raise ValueError(f"{joint} believed as far as {believed}, which is no number from 0 to 1")
    confidence = float(believed[0]) if believed else None
    if (x, y) == (None, None):
        return Correction(joint, action, None, confidence)
    if not are_numbers([x, y], 2):
        raise ValueError(f"{joint} at {x}, {y}")
    return Correction(joint, action, (x, y), confidence)


def _from_version_1(joint: str, entry: Any) -> Correction:
    action, x, y, _, _ = entry
    return _from_json(joint, [action, x, y])
