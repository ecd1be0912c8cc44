"""What became of people and joints: counted, in words, and as tables in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose.datasets.merging.merge import of_face
from leanpose.datasets.merging.rules import OUTCOMES, VERDICTS, Merged, Outcome, Verdict

if TYPE_CHECKING:
    from rich.table import Table

PEOPLE: dict[Verdict, str] = {
    "merged": "merged",
    "no word": "left alone: a teacher says nothing of them",
    "unsure": "left alone: the teachers are not sure of them",
    "somebody else": "left alone: the labels are far from the teachers, or too few",
}
Rows = list[tuple[str, int]]


def counts(merged: Merged) -> dict[str, Any]:
    """How many people had each verdict, and how many joints each outcome."""
    people = np.bincount(merged.verdicts, minlength=len(VERDICTS)).tolist()
    joints = np.bincount(merged.outcomes.ravel(), minlength=len(OUTCOMES)).tolist()
    return {
        "people": dict(zip(VERDICTS, people, strict=True)),
        "sides_exchanged": int(merged.swapped.sum()),
        "joints": dict(zip(OUTCOMES, joints, strict=True)),
        "added_to_faces": int(merged.came_to("added")[:, of_face(merged.skeleton)].sum()),
    }


def people_rows(merged: Merged) -> Rows:
    """What became of people, in words, and of how many."""
    numbers = counts(merged)
    rows = [(text, numbers["people"][verdict]) for verdict, text in PEOPLE.items()]
    rows.insert(1, ("of these with sides exchanged", numbers["sides_exchanged"]))
    return rows


def joint_rows(merged: Merged, words: Sequence[str]) -> Rows:
    """What became of joints, in words in which the teachers are called ``words``, and of how many."""
    numbers = counts(merged)
    rows = [(text, numbers["joints"][outcome]) for outcome, text in _meanings(words).items()]
    if len(words) > 1:
        rows.insert(-1, ("of these to faces", numbers["added_to_faces"]))
    return rows


def _meanings(words: Sequence[str]) -> dict[Outcome, str]:
    """The outcomes that there can be, in words."""
    one: dict[Outcome, str] = {"untouched": "label stays: nothing was asked of it"}
    if words:
        one |= {
            "unsure": "label stays: far from the teachers, who are not sure",
            "first": f"label moved to the mean with {words[0]}",
            "dropped": "label dropped: far from the teachers, of whom one is sure",
        }
    if len(words) > 1:
        one |= {
            "second": f"label moved to the mean with {words[1]}",
            "both": f"label moved to the mean with {words[0]} and {words[1]}",
            "overruled": "label overruled: the teachers agree on another place",
            "added": "label added where there was none",
        }
    one["unlabelled"] = "no label, before and after"
    order: list[Outcome] = [
        "untouched", "unsure", "both", "first", "second", "overruled", "dropped", "added", "unlabelled",
    ]  # fmt: skip
    return {outcome: one[outcome] for outcome in order if outcome in one}


def tables(merged: Merged, words: Sequence[str]) -> "list[Table]":
    """People, joints, and what became of the labels of each joint."""
    from rich.table import Table
    from rich.text import Text

    found = []
    what = ("people", f"joints of {merged.skeleton.name}")
    for title, rows in zip(what, (people_rows(merged), joint_rows(merged, words)), strict=True):
        size = len(merged) if title == "people" else merged.outcomes.size
        table = Table(title=Text(f"{size:,} {title}"))
        table.add_column(Text(title))
        table.add_column("count", justify="right")
        for text, number in rows:
            table.add_row(Text(f"  {text}" if text.startswith("of these") else text), f"{number:,}")
        found.append(table)
    headings: dict[Outcome, str] = {"both": "with both", "first": "with 1st", "second": "with 2nd"}
    columns: list[Outcome] = [outcome for outcome in _meanings(words) if outcome not in ("untouched", "unlabelled")]
    each = Table("joint", title="labels by joint")
    for outcome in columns:
        each.add_column(headings.get(outcome, outcome), justify="right")
    for k, joint in enumerate(merged.skeleton.joints):
        numbers = [int(merged.came_to(outcome)[:, k].sum()) for outcome in columns]
        if any(numbers):
            each.add_row(Text(joint), *(f"{number:,}" for number in numbers))
    return [*found, each] if columns else found
