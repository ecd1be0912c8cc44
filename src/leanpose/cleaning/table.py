"""Corrections in a terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leanpose.cleaning.trial import Outcome
from leanpose.readers import Sample
from leanpose.readers.corrections import ACTIONS, Correction

if TYPE_CHECKING:
    from rich.table import Table


def table(samples: Sequence[Sample], corrections: Sequence[Sequence[Correction]]) -> "Table":
    """How many labels of each joint have a correction of each kind."""
    from rich.table import Table

    count = Counter((c.joint, c.action) for found in corrections for c in found)
    people = Counter(action for found in corrections for action in {c.action for c in found})
    labels = Counter(
        joint for s in samples for joint, known in zip(s.skeleton.joints, s.labelled, strict=True) if known
    )
    result = Table("joint", title=f"corrections of {len(samples):,} people")
    for heading in ("labels", *ACTIONS):
        result.add_column(heading, justify="right")
    for joint in dict.fromkeys(joint for s in samples for joint in s.skeleton.joints):
        result.add_row(joint, f"{labels[joint]:,}", *(f"{count[joint, action]:,}" for action in ACTIONS))
    result.add_section()
    totals = [sum(n for (_, a), n in count.items() if a == action) for action in ACTIONS]
    result.add_row("all", f"{labels.total():,}", *(f"{n:,}" for n in totals))
    result.add_row("people", f"{len(samples):,}", *(f"{people[action]:,}" for action in ACTIONS))
    return result


def trial_table(outcomes: Sequence[Outcome]) -> "Table":
    """What became of planted errors, and of the labels around them, in per cent."""
    from rich.table import Table

    result = Table("error", title="planted errors, %: labels with one, and those around them")
    for heading in ("labels", "mended", "masked", "left", "others", "lost", "spoiled"):
        result.add_column(heading, justify="right")
    for o in outcomes:
        left = max(0.0, 1 - o.mended - o.masked) if o.joints else 0.0
        shares = [f"{100 * share:.1f}" for share in (o.mended, o.masked, left)] if o.joints else ["-"] * 3
        around = (f"{100 * o.lost:.2f}", f"{100 * o.spoiled:.2f}")
        result.add_row(o.kind, f"{o.joints:,}", *shares, f"{o.others:,}", *around)
    return result
