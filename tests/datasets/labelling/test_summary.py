"""What is counted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.labelling.people import Rules
from leanpose.datasets.labelling.summary import BANDS, summarise


def record(*people):
    return {"file_name": "a", "width": 1, "height": 1, "people": list(people)}


def one(confidences, least, side=90, score=0.9):
    shown = [2 if c >= least else 0 for c in confidences]
    box = {"bbox": [0, 0, 1, side], "score": score}
    return box | {"confidences": confidences, "keypoints": [v for seen in shown for v in (1, 1, seen)]}


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), max_size=6))
def test_counted_one_by_one(people):
    summary = summarise([record(*(one(confidences, 0.2) for confidences in people)), record()])
    joints = [c for confidences in people for c in confidences]
    for low, high, count in zip(BANDS, (np.inf, *BANDS), summary.joints, strict=False):
        assert count == sum(max(low, 0.2) <= c < high for c in joints)
    assert summary.left_out == sum(c < 0.2 for c in joints)
    assert summary.with_joints == sum(max(confidences) >= 0.2 for confidences in people)
    assert (summary.pictures, summary.people) == (2, len(people))
    assert summary.empty == 1 + (not people)


def test_people_who_were_not_looked_at_have_no_joints_left_out():
    summary = summarise([record({"bbox": [0, 0, 1, 1], "score": 0.9}, one([0.0, 0.0], 0.2))])
    assert (summary.people, summary.with_joints, summary.left_out, sum(summary.joints)) == (2, 0, 0, 0)


def test_people_without_joints_are_counted_by_why():
    people = [
        one([0.9, 0.1], 0.2),  # who has one
        one([0.0, 0.0], 0.2, side=39),
        one([0.0, 0.0], 0.2, side=39, score=0.1),  # small first
        one([0.0, 0.0], 0.2, score=0.49),
        one([0.0, 0.1], 0.2),
        one([0.0, 0.0], 0.2),
        one([0.0, 0.0], 0.2, side=40, score=0.5),
    ]
    summary = summarise([record(*people[:4]), record(*people[4:])], Rules(joints_from=0.5, min_side=40, least=0.2))
    assert list(summary.without.values()) == [2, 1, 1, 2]
    assert [why.split("(")[-1] for why in list(summary.without)[:3]] == ["--min-side)", "--joints-from)", "--least)"]
    assert sum(summary.without.values()) == summary.people - summary.with_joints
