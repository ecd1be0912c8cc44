"""Corrections of a dataset's labels: a small file beside it, which any reader applies as ``corrections=FILE``.

The file is JSON. ``people`` names people as their samples are named and says of each what becomes of its joints:

    {"schema": "leanpose.corrections", "version": 1, "made": {...},
     "people": {"lspet/im00003.jpg": {"labels": 2774905201, "joints": {
        "left_knee": ["swap", 41.0, 97.5, 0.01, 0.97], "right_knee": ["swap", 52.0, 99.0, 0.02, 0.95],
        "left_wrist": ["move", 33.1, 60.4, 0.0, 0.96], "right_ankle": ["mask", null, null, 0.0, 0.85],
        "head_top": ["add", 40.2, 12.9, null, 0.93]}}}}

A joint's entry is the action, its new place in image pixels (null: no longer labelled), and the evidence, which is for
people to read: the support of the old label and of the new one (of the network's own place where it is masked).
``labels`` is a fingerprint of the labels that the corrections were made for, so that others are refused.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from leanpose import geometry
from leanpose.errors import DatasetError
from leanpose.files import write_whole
from leanpose.readers.json_file import are_numbers, read_json
from leanpose.readers.sample import Sample

SCHEMA, VERSION = "leanpose.corrections", 1
Action = Literal["swap", "move", "mask", "add"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Correction:
    """Of one joint of one person.

    Attributes:
        joint: its name.
        action: ``"swap"``: the label is that of another joint; ``"move"``: elsewhere, by the network; ``"mask"``: it
            is wrong and the right place not sure; ``"add"``: there was none, the place is the network's.
        place: x and y in image pixels; None where the joint is no longer labelled.
        before, after: support of the old label and of the new place; None where there was no label.
    """

    joint: str
    action: Action
    place: tuple[float, float] | None
    before: float | None = None
    after: float | None = None


def fingerprint(sample: Sample) -> int:
    """A number that tells labels from other labels: of what is labelled, and where, to a tenth of a pixel."""
    places = np.where(sample.labelled[:, None], np.round(10 * np.nan_to_num(sample.keypoints)), 0)
    return zlib.crc32(sample.labelled.astype("u1").tobytes() + places.astype("<i4").tobytes())


def write_corrections(
    path: Path, samples: Sequence[Sample], corrections: Sequence[Sequence[Correction]], made: Mapping[str, Any]
) -> None:
    """Write the corrections of people (one sequence each, people without any are not named) and how they were made.

    Raises:
        DatasetError: when the file cannot be written.
    """
    lines = [
        f"{json.dumps(sample.name)}: "
        + json.dumps({"labels": fingerprint(sample), "joints": {c.joint: _to_json(c) for c in found}})
        for sample, found in zip(samples, corrections, strict=True)
        if found
    ]
    head = json.dumps({"schema": SCHEMA, "version": VERSION, "made": dict(made)})
    text = f'{head[:-1]}, "people": {{\n' + ",\n".join(lines) + "\n}}\n"
    write_whole(path, text.encode(), DatasetError)


def read_corrections(path: Path) -> dict[str, tuple[int, list[Correction]]]:
    """Fingerprint of the labels and corrections of each person that the file names.

    Raises:
        DatasetError: when the file is missing, no file of corrections, of another version, or damaged.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DatasetError(f"{path}: not a file of corrections, which 'leanpose data clean' writes")
    if content.get("version") != VERSION:
        raise DatasetError(f"{path}: corrections of version {content.get('version')}, this is for {VERSION}")
    people: Any = content.get("people")
    try:
        return {
            name: (person["labels"], [_from_json(joint, entry) for joint, entry in person["joints"].items()])
            for name, person in people.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: damaged: {error!r}; write it anew with 'leanpose data clean'") from error


def corrected(samples: Sequence[Sample], path: Path) -> list[Sample]:
    """The samples with the corrections of a file. People it does not name stay as they are.

    Raises:
        DatasetError: when the file cannot be read, or was made for other labels or joints.
    """
    known = read_corrections(path)
    strangers = f"{path} was made for other labels: leave it out, or make another with 'leanpose data clean'"
    result = []
    for sample in samples:
        labels, corrections = known.get(sample.name, (None, []))
        if corrections and labels != fingerprint(sample):
            raise DatasetError(f"{sample.name}: {strangers}")
        result.append(correct(sample, corrections))
    datasets = {sample.dataset for sample in samples}
    if known and samples and not datasets & {name.partition("/")[0] for name in known}:
        raise DatasetError(f"{', '.join(sorted(datasets))}: {strangers}")
    return result


def correct(sample: Sample, corrections: Sequence[Correction]) -> Sample:
    """The sample with its joints where the corrections say. A box that was the hull of the labels stays their hull.

    Raises:
        DatasetError: when a correction is of a joint that the person does not have, or takes its last two away.
    """
    if not corrections:
        return sample
    keypoints, labelled = sample.keypoints.copy(), sample.labelled.copy()
    occluded = None if sample.occluded is None else sample.occluded.copy()
    for correction in corrections:
        if correction.joint not in sample.skeleton.joints:
            raise DatasetError(f"{sample.name}: corrections of '{correction.joint}', a joint that it does not have")
        k = sample.skeleton.index(correction.joint)
        labelled[k] = correction.place is not None
        if correction.place is not None:
            keypoints[k] = correction.place
        if occluded is not None:
            # whether a swapped joint is hidden is asked of the joint that the label was of
            source = _nearest(sample, correction.place) if correction.action == "swap" and correction.place else k
            occluded[k] = bool(sample.occluded[source] and labelled[k])  # type: ignore[index]
    box = sample.box
    if sample.labelled.any() and np.array_equal(box, geometry.hull_box(sample.keypoints, sample.labelled)):
        if labelled.sum() < 2:
            raise DatasetError(f"{sample.name}: its corrections leave fewer than two joints, and so no box")
        box = geometry.hull_box(keypoints, labelled)
    return replace(sample, keypoints=keypoints, labelled=labelled, occluded=occluded, box=box)


def _nearest(sample: Sample, place: tuple[float, float]) -> int:
    """The joint whose label is the nearest to a place."""
    away = np.where(sample.labelled, np.linalg.norm(sample.keypoints - place, axis=1), np.inf)
    return int(np.argmin(away))


def _to_json(correction: Correction) -> list[Any]:
    x, y = (None, None) if correction.place is None else (round(float(c), 1) for c in correction.place)
    evidence = [None if value is None else round(float(value), 2) for value in (correction.before, correction.after)]
    return [correction.action, x, y, *evidence]


def _from_json(joint: str, entry: Any) -> Correction:
    action, x, y, before, after = entry
    if action not in ACTIONS:
        raise ValueError(f"'{action}' is none of {', '.join(ACTIONS)}")
    if (x, y) == (None, None):
        return Correction(joint, action, None, before, after)
    if not are_numbers([x, y], 2):
        raise ValueError(f"{joint} at {x}, {y}")
    return Correction(joint, action, (x, y), before, after)
