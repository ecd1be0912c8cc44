"""Which joints count, what makes them right, and the diagram."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.datasets.readers import Sample
from leanpose.measure import evaluate, write_report
from leanpose.measure.reliability import Reliability, draw_reliability, measure_reliability
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14, MPII16

People = Callable[..., list[Sample]]


def _poses(samples: list[Sample], moved: np.ndarray, scores: np.ndarray, radii: np.ndarray | None) -> list[Poses]:
    """Answers that lie ``moved`` (N, K) pixels to the right of the labels."""
    return [
        Poses(
            sample.keypoints[None] + np.stack((by, 0 * by), axis=-1), scores[i][None], sample.box[None], np.ones(1),
            sample.skeleton, (120, 160), uncertainties=None if radii is None else radii[i][None],
        )
        for i, (sample, by) in enumerate(zip(samples, moved, strict=True))
    ]  # fmt: skip


def test_joints_are_right_within_a_fifth_of_the_torso(people: People) -> None:
    """The torso is 50 px. A joint that is not labelled, or was not found, or whose person was not, is not judged."""
    samples = people(3)
    labelled = np.ones(14, bool)
    labelled[1] = False
    samples[0] = replace(samples[0], labelled=labelled)
    moved = np.tile(np.where(np.arange(14) < 7, 9.9, 10.1), (3, 1))
    moved[0, 0] = np.nan
    scores, radii = np.tile(np.linspace(0.05, 0.7, 14), (3, 1)), np.full((3, 14), 10.0)
    poses: list[Poses | None] = [*_poses(samples, moved, scores, radii)]
    poses[2] = None
    found = measure_reliability(samples, poses, LSP14)
    assert found is not None
    assert found.what == "PCK@0.2 of the torso"
    kept = np.concatenate((np.arange(2, 14), 14 + np.arange(14)))
    assert found.people.tolist() == (kept // 14).tolist()
    np.testing.assert_allclose(found.scores, scores.reshape(-1)[kept])
    np.testing.assert_array_equal(found.right, kept % 14 < 7)
    np.testing.assert_allclose(found.errors, moved.reshape(-1)[kept], rtol=1e-4)
    figures = {figure.key: figure.value for figure in found.figures()}
    assert figures["within 1"] == pytest.approx(100 * 12 / 26)
    assert figures["within 2"] == 100
    assert figures["brier"] == pytest.approx(100 * np.mean((found.scores - found.right) ** 2))


def test_people_without_a_torso_are_not_judged(people: People) -> None:
    samples = people(1, COCO17, "coco")
    labelled = np.ones(17, bool)
    labelled[COCO17.index("right_hip")] = False
    samples = [replace(samples[0], labelled=labelled)]
    poses = _poses(samples, np.zeros((1, 17)), np.ones((1, 17)), None)
    assert measure_reliability(samples, [*poses], COCO17) is None
    assert measure_reliability(samples, [None], COCO17) is None


def test_a_joint_made_of_two_is_as_sure_as_the_less_sure_one(people: People) -> None:
    samples = people(1, MPII16, "mpii")
    radii, scores = np.full((1, 17), 3.0), np.full((1, 17), 0.9)
    radii[0, COCO17.index("left_shoulder")], scores[0, COCO17.index("left_shoulder")] = 8, 0.4
    answer = people(1, COCO17, "coco")
    found = measure_reliability(samples, [*_poses(answer, np.zeros((1, 17)), scores, radii)], COCO17)
    assert found is not None
    assert found.radii is not None
    # the pelvis, the other limb joints, the thorax between the shoulders, the left one
    between = [np.hypot(3, 3) / 2, *[3.0] * 11, np.hypot(3, 8) / 2, 8]
    np.testing.assert_allclose(sorted(found.radii), between, rtol=1e-6)
    assert sorted(found.scores)[:2] == pytest.approx([0.4] * 2)


def test_an_evaluation_says_what_scores_are_worth(
    people: People, answering: Callable[..., Any], tmp_path: Path
) -> None:
    """All joints are right and score 0.7: an error of 0.3, and a Brier score of 0.09."""
    samples = people(4)
    result = evaluate(answering(samples, [np.column_stack((s.keypoints, np.full(14, 0.7))) for s in samples]), samples)
    figures = {figure.key: figure.value for figure in result.figures}
    assert figures["ece"] == pytest.approx(30)
    assert figures["brier"] == pytest.approx(9)
    assert "within 1" not in figures
    write_report([result], tmp_path, "made up")
    (entry,) = json.loads((tmp_path / "evaluation.json").read_text())["results"]
    assert entry["ece"] == pytest.approx(30)
    (held,) = entry["reliability"]["bins"]
    assert (held["joints"], held["right"], held["score"]) == (56, 1, pytest.approx(0.7))
    assert held["interval 95 %"][0] < 1
    assert "uncertainty" not in entry["reliability"]
    assert (tmp_path / "reliability.png").exists()


def test_the_diagram_has_a_second_half_for_uncertainties(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(200)
    one = Reliability("PCK@0.2 of the torso", scores, rng.random(200) < scores, rng.exponential(5, 200), None, scores)
    with_radii = replace(one, radii=np.full(200, 5.0))
    assert [count for count, *_ in with_radii.radius_curve()] == [20] * 10
    for name, measured in (("half", [("a", one)]), ("whole", [("a", one), ("b", with_radii)])):
        draw_reliability(measured, tmp_path / f"{name}.png", "made up")
    half, whole = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("half", "whole"))
    assert half is not None
    assert whole is not None
    assert whole.shape[1] == 2 * half.shape[1]
    for picture in (half, whole[:, half.shape[1] :]):
        assert picture.std() > 5
