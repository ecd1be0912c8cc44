"""Corrections in a terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
