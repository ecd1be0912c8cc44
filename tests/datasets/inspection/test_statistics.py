"""Numbers against loops."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leanpose.datasets.inspection.images import ImageFacts
from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.statistics import distribution, statistics
from leanpose.datasets.readers import Sample

FACTS = ImageFacts(30, 40, b"", 0, np.zeros((16, 16), np.uint8))


def test_counts_are_those_of_a_loop(person: Callable[..., Sample]) -> None:
    rng = np.random.default_rng(0)
    samples: dict = {"train": [], "test": []}
    for i in range(50):
        labelled, hidden = rng.random(14) < 0.6, rng.random(14) < 0.3
        dataset, image = ("a", "b")[rng.integers(2)], Path(f"{rng.integers(30)}.jpg")
        part = ("train", "test")[rng.integers(2)]
        samples[part].append(person(i, dataset=dataset, image=image, labelled=labelled, occluded=hidden))
    everyone = [s for members in samples.values() for s in members]
    people = gather(samples)
    numbers = statistics(people, {0: FACTS, 1: "damaged"})
    assert numbers["people"] == 50
    assert numbers["images"] == len({s.image for s in everyone})
    assert numbers["images_read"] == 2
    rows = {(row["dataset"], row["part"]): row for row in numbers["counts"]}
    assert {key: row["people"] for key, row in rows.items()} == Counter(
        (s.dataset, part) for part, members in samples.items() for s in members
    )
    for (dataset, part), row in rows.items():
        members = [s for s in samples[part] if s.dataset == dataset]
        assert row["images"] == len({s.image for s in members})
        assert row["joints_per_person"] == pytest.approx(sum(int(s.labelled.sum()) for s in members) / len(members))
    per_person = Counter(int(s.labelled.sum()) for s in everyone)
    assert numbers["joints_per_person"] == [per_person[n] for n in range(15)]
    for k, row in enumerate(numbers["joints"]):
        labelled = [s for s in everyone if s.labelled[k]]
        assert row["labelled"] == len(labelled)
        assert row["occluded_share"] == pytest.approx(
            sum(bool(s.occluded[k]) for s in labelled if s.occluded is not None) / len(labelled)
        )


def test_hidden_joints_are_unknown_where_nobody_says(crowd: list[Sample]) -> None:
    numbers = statistics(gather({"train": crowd}), {})
    assert {row["occluded_share"] for row in numbers["joints"]} == {None}
    assert numbers["image_width"] is None
    wide = [replace(s, box=np.array([0.0, 0, 50, 25])) for s in crowd]
    assert statistics(gather({"train": wide}), {})["box_aspect"]["percentiles"]["50"] == 2


def test_distributions_count_everything() -> None:
    values = np.random.default_rng(0).exponential(size=1000)
    shown = distribution(values)
    assert shown is not None
    assert sum(shown["histogram"]["counts"]) == 1000
    assert len(shown["histogram"]["edges"]) == len(shown["histogram"]["counts"]) + 1
    ordered = np.sort(values)
    assert shown["percentiles"]["0"] == ordered[0]
    assert shown["percentiles"]["100"] == ordered[-1]
    assert ordered[499] <= shown["percentiles"]["50"] <= ordered[500]
    edges = np.array(shown["histogram"]["edges"])
    for i, count in enumerate(shown["histogram"]["counts"][:-1]):
        assert count == ((values >= edges[i]) & (values < edges[i + 1])).sum()


def test_one_value_and_none() -> None:
    assert distribution([]) is None
    shown = distribution([3.0])
    assert shown is not None
    assert sum(shown["histogram"]["counts"]) == 1
