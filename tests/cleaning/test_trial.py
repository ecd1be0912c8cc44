"""The trial: what it plants, and how it counts what became of it."""

from collections.abc import Callable

import numpy as np
import pytest

from leanpose.cleaning import Rules, Support, find_corrections
from leanpose.cleaning.trial import KINDS, outcomes, plant
from leanpose.geometry import hull_box
from leanpose.readers import Sample
from leanpose.readers.corrections import Correction
from leanpose.skeleton import LSP14

Make = Callable[..., Sample]


def test_each_error_changes_what_it_says(person: Make, places: np.ndarray) -> None:
    counts = {"none": {0}, "sides": {12}, "limbs": {4, 6, 8, 10}, "pair": {2}, "limb": {2}, "joint": {1}, "hidden": {1}}
    planted = plant([person()] * 40)
    assert len(planted) == 40 * len(KINDS)
    for one in planted:
        assert int(one.joints.sum()) in counts[one.kind]
        moved = (one.sample.keypoints != places).any(axis=1)
        assert np.array_equal(moved, one.joints & (one.kind != "hidden"))
        assert np.array_equal(one.sample.labelled, ~one.joints | (one.kind != "hidden"))
        assert np.array_equal(one.sample.box, hull_box(one.sample.keypoints, one.sample.labelled))
        if one.kind in ("sides", "limbs", "pair", "limb"):  # the same places under other names
            assert sorted(map(tuple, one.sample.keypoints)) == sorted(map(tuple, places))
    ends = {frozenset(LSP14.joints[k] for k in np.flatnonzero(p.joints)) for p in planted if p.kind == "limb"}
    assert ends == {
        frozenset({f"{s}_{a}", f"{s}_{b}"})
        for s in ("left", "right")
        for a, b in (("hip", "ankle"), ("shoulder", "wrist"))
    }


def test_nothing_is_planted_into_people_of_few_labels(person: Make) -> None:
    people = [person(without=LSP14.joints[labels:]) for labels in (1, 2, 3)] * 5
    planted = plant(people)
    assert {one.kind for one in planted} == set(KINDS)
    assert all(one.truth.labelled.sum() == 3 for one in planted)


def test_somebody_who_knows_mends_all_and_nobody_mends_nothing(person: Make, witness: Callable[..., Support]) -> None:
    planted = plant([person()] * 5, seed=1)
    samples = [p.sample for p in planted]
    found = find_corrections(samples, witness(samples), Rules(sides=6, add=0.9))
    for outcome in outcomes(planted, found):
        assert (outcome.mended, outcome.masked, outcome.lost, outcome.spoiled) == (float(outcome.joints > 0), 0, 0, 0)
    for outcome in outcomes(planted, [[] for _ in planted]):
        assert (outcome.mended, outcome.masked) == (0, float(outcome.kind == "hidden"))
        assert outcome.joints + outcome.others == 5 * 14


def test_shares_are_counted(person: Make) -> None:
    planted = [p for p in plant([person()] * 2) if p.kind == "none"]
    spoiled = [Correction("neck", "move", (500.0, 500.0)), Correction("head_top", "mask", None)]
    (outcome,) = outcomes(planted, [spoiled, []])
    assert (outcome.kind, outcome.joints, outcome.others) == ("none", 0, 28)
    assert outcome.lost == pytest.approx(1 / 28)
    assert outcome.spoiled == pytest.approx(1 / 28)
