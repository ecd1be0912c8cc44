"""What is in label files, counted: pictures, people, and joints by confidence."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose.datasets.labelling.journal import Record
from leanpose.datasets.labelling.people import Rules

if TYPE_CHECKING:
    from rich.table import Table

BANDS = (0.8, 0.5, 0.3, 0.2, 0.0)  # each from its own number up to the one before


@dataclass(frozen=True)
class Summary:
    """Counts.

    Attributes:
        pictures: with a record.
        empty: those of them without people.
        people: boxes.
        with_joints: people of whom at least one joint is written.
        joints: that are written, by the bands of their confidences, of ``BANDS``.
        left_out: joints of people who were looked at that were too unsure or outside the picture.
        without: people who have no joints, by why.
    """

    pictures: int
    empty: int
    people: int
    with_joints: int
    joints: tuple[int, ...]
    left_out: int
    without: Mapping[str, int]


def summarise(records: Iterable[Record], rules: Rules | None = None) -> Summary:
    """Counts what records of pictures hold, which were made by these rules; :class:`Rules` as it is if not given."""
    rules = rules or Rules()
    why: Counter[str] = Counter()
    pictures = empty = people = with_joints = left_out = 0
    bands = np.zeros(len(BANDS), int)
    for record in records:
        pictures += 1
        empty += not record["people"]
        for person in record["people"]:
            people += 1
            confidences = np.array(person.get("confidences", ()))
            shown = np.array(person.get("keypoints", ())).reshape(-1, 3)[:, 2] > 0
            with_joints += bool(shown.any())
            if not shown.any():
                why[_why_without(person, rules)] += 1
            left_out += int((~shown).sum()) if confidences.any() else 0
            bands += np.bincount(np.searchsorted(-np.array(BANDS), -confidences[shown]), minlength=len(BANDS))
    return Summary(pictures, empty, people, with_joints, tuple(bands.tolist()), left_out, why)


def _why_without(person: Mapping[str, Any], rules: Rules) -> str:
    """Why somebody has no joints; the rules' order."""
    if max(person["bbox"][2:]) < rules.min_side:
        return f"smaller than {rules.min_side:g} px (--min-side)"
    if person["score"] < rules.joints_from:
        return f"with a box that scores below {rules.joints_from:g} (--joints-from)"
    if any(person.get("confidences", ())):
        return f"with no joint as sure as {rules.least:g} (--least)"
    return "whose joints were not found, or are somebody else's"


def joint_table(summary: Summary) -> "Table":
    """Joints by confidence, for the terminal."""
    from rich.table import Table

    table = Table(title="Joints by confidence")
    table.add_column("confidence")
    table.add_column("joints", justify="right")
    for low, high, joints in zip(BANDS, (1.0, *BANDS), summary.joints, strict=False):
        if joints or low >= 0.3:
            table.add_row(f"{low:g} to {high:g}", f"{joints:,}")
    table.add_row("left out", f"{summary.left_out:,}")
    return table
