"""Plain CSV: ``labels.csv`` beside ``images/``, with the columns of :mod:`leanpose.readers.csv_labels`."""

import csv
import io
from pathlib import Path

from leanpose.readers import PARTS, Sample
from leanpose.skeleton import SKELETONS, Skeleton
from leanpose.writers.people import (
    BOXES,
    HIDDEN,
    UNKNOWN_HIDDEN,
    ImageStore,
    Losses,
    People,
    count_losses,
    exact,
    visibility,
)

BOX = ("x1", "y1", "x2", "y2")


def write_csv(folder: Path, people: People, skeleton: Skeleton, store: ImageStore, losses: Losses) -> str:
    """Write people as a table. Columns for visibility are there if it is known of anybody.

    Returns:
        The spec that reads it, with {} for the folder.
    """
    count_losses(people, losses, HIDDEN, BOXES)
    everybody = [(part, person) for part in PARTS for person in people.get(part, ())]
    knows_hidden = any(person.sample.occluded is not None for _, person in everybody)
    values = "xyv" if knows_hidden else "xy"
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "part", *BOX, *(f"{joint}_{value}" for joint in skeleton.joints for value in values)])
    for part, person in everybody:
        store.put(person.picture, f"images/{person.picture.name}")
        table.writerow([person.picture.name, part, *_box(person.sample), *_joints(person.sample, knows_hidden)])
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


def _joints(sample: Sample, knows_hidden: bool) -> list[float | int | str]:
    cells: list[float | int | str] = []
    for point, seen in zip(exact(sample.keypoints).tolist(), visibility(sample).tolist(), strict=True):
        cells += (point if seen else ["", ""]) + ([seen] if knows_hidden else [])
    return cells
