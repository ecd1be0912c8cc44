"""Plain CSV: ``labels.csv`` beside ``images/``, with the columns of :mod:`leanpose.datasets.readers.csv_labels`."""

import csv
import io
from pathlib import Path

from leanpose.datasets.readers import PARTS, Sample
from leanpose.datasets.writers.people import (
    BOXES,
    CONFIDENCES,
    HIDDEN,
    UNKNOWN_HIDDEN,
    ImageStore,
    Losses,
    People,
    count_losses,
    exact,
    visibility,
)
from leanpose.pose.skeleton import SKELETONS, Skeleton

BOX = ("x1", "y1", "x2", "y2")


def write_csv(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people as a table. Columns for visibility and confidence are there if either is known of anybody.

    Returns:
        The spec that reads it, with {} for the folder.
    """
    count_losses(people, losses, HIDDEN, BOXES, CONFIDENCES)
    everybody = [(part, person) for part in PARTS for person in people.get(part, ())]
    knows_hidden = any(person.sample.occluded is not None for _, person in everybody)
    knows_confidence = any(person.sample.confidence is not None for _, person in everybody)
    values = "xy" + "v" * knows_hidden + "c" * knows_confidence
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "part", *BOX, *(f"{joint}_{value}" for joint in skeleton.joints for value in values)])
    for part, person in everybody:
        store.put(person.picture, f"images/{person.picture.name}")
        table.writerow([person.picture.name, part, *_box(person.sample), *_joints(person.sample, values)])
        unknown = knows_hidden and person.sample.occluded is None
        losses[UNKNOWN_HIDDEN] += unknown
    (folder / "labels.csv").write_text(text.getvalue(), encoding="utf-8")
    if skeleton in SKELETONS.values():
        return "csv:{}"
    losses["limbs, sigmas, flips and torso of the skeleton: they are in skeleton.json"] += 1
    return "csv:{0},skeleton={0}/skeleton.json"


def _box(sample: Sample) -> list[float | str]:
    """Empty cells for a box without area: the reader takes the hull of the joints."""
    return exact(sample.box).tolist() if (sample.box[2:] > sample.box[:2]).all() else [""] * 4


def _joints(sample: Sample, values: str) -> list[float | int | str]:
    cells: list[float | int | str] = []
    places, seen = exact(sample.keypoints).tolist(), visibility(sample).tolist()
    confidences = [""] * len(seen) if sample.confidence is None else sample.confidence.tolist()
    for place, v, c in zip(places, seen, confidences, strict=True):
        x, y = place if v else ("", "")
        cells += [{"x": x, "y": y, "v": v, "c": c if v else ""}[value] for value in values]
    return cells
