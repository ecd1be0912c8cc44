"""The counts add up, and tables tell what there can be with so many teachers."""

import re
from collections.abc import Callable
from io import StringIO

import numpy as np
from hypothesis import given, settings
from rich.console import Console

from leanpose.datasets.merging import Merged, Rules, Word, merge
from leanpose.datasets.merging.table import counts, joint_rows, people_rows, tables
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import BODY19

from .test_laws import PEOPLE, _draw, seeds


@given(seeds)
@settings(max_examples=20)
def test_everybody_and_every_joint_is_counted_once(seed: int) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)
    numbers = counts(merged)
    assert sum(numbers["people"].values()) == PEOPLE
    assert sum(numbers["joints"].values()) == PEOPLE * 19
    after = np.isfinite(merged.keypoints[..., 0]).sum()
    assert after == sum(n for name, n in numbers["joints"].items() if name not in ("unlabelled", "dropped"))
    for rows, total in ((people_rows(merged), PEOPLE), (joint_rows(merged, ["a", "b"]), PEOPLE * 19)):
        assert sum(number for text, number in rows if not text.startswith("of these")) == total


def test_tables_name_the_teachers(person: Callable[..., Sample], word: Callable[..., Word]) -> None:
    labels = person({"left_wrist": (1.0, 0.0)})
    merged = merge([labels], [word(), word()], Rules(), BODY19)
    shown = _shown(merged, ["[heavy]", "thunder"])
    assert "label moved to the mean with [heavy] and thunder" in shown
    assert re.search(r"left_wrist +│", shown)
    rows = dict(joint_rows(merged, ["[heavy]", "thunder"]))
    assert rows["label overruled: the teachers agree on another place"] == 1
    assert (rows["label added where there was none"], rows["of these to faces"]) == (5, 5)
    alone = _shown(merge([labels], [word()], Rules(), BODY19), ["thunder"])
    assert "overruled" not in alone
    assert "dropped: far from the teachers" in alone
    assert "moved" not in _shown(merge([labels], [], Rules(), BODY19), [])


def _shown(merged: Merged, words: list[str]) -> str:
    console = Console(width=120, file=StringIO())
    for table in tables(merged, words):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]
