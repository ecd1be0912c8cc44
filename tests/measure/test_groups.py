"""Figures by group of joints: against hand counts and a loop over drawn people."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from leanpose.datasets.readers import Sample
from leanpose.measure import Options, evaluate, group_table
from leanpose.measure.intervals import bootstrap_weights, resampled_mean
from leanpose.pose.skeleton import BODY19, COCO17, LSP14, MPII16, Skeleton

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
People = Callable[..., list[Sample]]
Answering = Callable[..., Any]
FACE = [COCO17.index(joint) for joint in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


def test_groups_are_counted_by_hand(people: People, answering: Answering) -> None:
    """Torso 50 px, box 80: the face 9 px off is right by the torso (10) and wrong by the box (4), limbs by 3 are both.

    The second person shows no torso and one eye; that person's joints count for the box alone.
    """
    samples = people(2, COCO17, "coco")
    samples[1].labelled[:] = False
    samples[1].labelled[[COCO17.index("left_eye"), COCO17.index("left_hip")]] = True
    answers = [s.keypoints + np.array([3.0, 0]) for s in samples]
    for answer in answers:
        answer[FACE] += (6, 0)
    answers[1][COCO17.index("left_hip")] = np.nan
    groups = evaluate(answering(samples, answers), samples).joint_groups
    assert list(groups) == ["face", "limbs"]
    face, limbs = groups["face"], groups["limbs"]
    assert (face.people, face.joints, limbs.people, limbs.joints) == (2, 6, 2, 13)
    found = {name: (figure.value, figure.joints) for name, figure in face.figures.items()}
    assert list(found) == ["pck@0.2", "nme torso", "pck@0.05", "nme box", "epe px"]
    assert found["pck@0.2"] == (100, 5)
    assert found["pck@0.05"] == (0, 6)
    assert found["epe px"] == (pytest.approx(9, rel=1e-5), 6)
    assert found["nme torso"] == (pytest.approx(18, rel=1e-5), 5)
    found = {name: (figure.value, figure.joints) for name, figure in limbs.figures.items()}
    assert found["pck@0.2"] == (100, 12)
    # the hip that is not answered is wrong; it is one of twelve joints, right for one of two people
    assert found["pck@0.05"] == (pytest.approx(100 * (11 + 0.5) / 12), 13)
    assert found["epe px"] == (pytest.approx(3, rel=1e-5), 12)


@pytest.mark.parametrize(
    ("skeleton", "kind", "names", "keys"),
    [
        (BODY19, "coco", ["face", "limbs", "head and neck"], ["pck@0.2", "pck@0.05"]),
        (LSP14, "lsp", ["limbs", "head and neck"], ["pck@0.2", "pck@0.05"]),
        (MPII16, "mpii", ["limbs", "head and neck"], ["pckh@0.5", "pck@0.2", "pck@0.05"]),
        (Skeleton("arms", ("left_elbow", "right_elbow")), "csv", ["limbs"], ["pck@0.05"]),
        (Skeleton("dots", ("a", "b")), "csv", [], []),
    ],
)
def test_groups_and_references_follow_the_joints(
    people: People, answering: Answering, skeleton: Skeleton, kind: str, names: list[str], keys: list[str]
) -> None:
    samples = people(3, skeleton, kind, head_size=30.0)
    result = evaluate(answering(samples, [s.keypoints for s in samples]), samples)
    assert list(result.joint_groups) == names
    for group in result.joint_groups.values():
        assert [key for key in group.figures if key.startswith("pck")] == keys
        assert {f.value for key, f in group.figures.items() if key.startswith("pck")} == {100}
    assert json.loads(json.dumps(result.to_dict()))["joint groups"].keys() == set(names)
    assert (group_table(result) is None) == (not names)


def test_joints_that_the_model_does_not_know_are_no_group(people: People, answering: Answering) -> None:
    samples = people(2, COCO17, "coco")
    result = evaluate(answering(samples, [np.zeros((14, 2))] * 2, LSP14), samples)
    assert list(result.joint_groups) == ["limbs"]
    assert result.joint_groups["limbs"].joints == 24


def test_the_table_says_the_interval_and_how_many_joints(people: People, answering: Answering) -> None:
    samples = people(6, LSP14)
    answers = [s.keypoints + np.array([20.0 * (i % 2), 0]) for i, s in enumerate(samples)]
    result = evaluate(answering(samples, answers), samples, options=Options("pck"))
    figure = result.joint_groups["limbs"].figures["pck@0.2"]
    assert figure.low < figure.value == 50 < figure.high
    text = io.StringIO()
    Console(file=text, width=200).print(group_table(result))
    for words in (f"50.0 ({figure.low:.1f} to {figure.high:.1f})", "72 joints", "6 people", "12 joints", "10.0 ("):
        assert words in text.getvalue()


def test_the_mean_of_resamples_equals_a_loop_over_drawn_people() -> None:
    rng = np.random.default_rng(2)
    values = rng.uniform(0, 30, (12, 5))
    values[rng.random((12, 5)) < 0.3] = np.nan
    values[0, 0] = np.inf
    expected = []
    for weights in bootstrap_weights(12, 40, seed=4):
        drawn = np.repeat(values, weights, axis=0)
        expected.append(drawn[np.isfinite(drawn)].mean())
    assert resampled_mean(values, 40, seed=4) == pytest.approx(expected)
    assert np.isnan(resampled_mean(np.full((3, 2), np.nan), 5)).all()
