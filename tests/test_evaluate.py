"""Evaluation: figures against hand counts, boxes by their protocols, and what the report holds."""

import json
import types
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.errors import DatasetError
from leanpose.evaluate import evaluate, write_report
from leanpose.pose import Poses
from leanpose.readers import Sample
from leanpose.skeleton import COCO17, LSP14, Skeleton


class ShiftedTruth:
    """Stands for an estimator: answers each sample's own labels, shifted by a known amount per sample."""

    def __init__(self, samples: list[Sample], shifts: list[float], skeleton: Skeleton = LSP14) -> None:
        self.card = types.SimpleNamespace(skeleton=skeleton, padding=1.25)
        self.answers = [s.keypoints + np.array([shift, 0]) for s, shift in zip(samples, shifts, strict=True)]
        self.boxes: list[np.ndarray] = []

    def describe(self) -> str:
        return "made up"

    def estimate_pairs(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[Poses]:
        for answer, (image, boxes) in zip(self.answers, pairs, strict=True):
            self.boxes.append(boxes)
            yield Poses(answer[None], np.ones((1, 14)), boxes, np.ones(1), LSP14, image.shape[:2])


def _samples(count: int) -> list[Sample]:
    """People whose torso is exactly 50 px long."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(count):
        keypoints = rng.uniform(20, 100, size=(14, 2))
        keypoints[LSP14.index("left_shoulder")] = (40, 30)
        keypoints[LSP14.index("right_hip")] = (70, 70)
        labelled = np.ones(14, bool)
        image = cv2.imencode(".png", np.full((120, 160, 3), 80, np.uint8))[1].tobytes()
        box = np.array([20.0, 20, 100, 100])
        samples.append(Sample("made", f"made/{i}", image, keypoints, labelled, box, LSP14))
    return samples


def test_pck_counts_joints_within_a_fifth_of_the_torso() -> None:
    samples = _samples(4)
    result = evaluate(ShiftedTruth(samples, [0, 9.9, 10.1, 40]), samples)  # type: ignore[arg-type]
    figures = result.to_dict()
    assert figures["pck@0.2"] == pytest.approx(50)
    assert figures["pck@0.1"] == pytest.approx(25)
    assert figures["epe px"] == pytest.approx((0 + 9.9 + 10.1 + 40) / 4, rel=1e-5)
    assert figures["auc@0.2"] == pytest.approx(100 * (1 + 0.01 + 0 + 0) / 4, abs=0.01)
    assert set(figures["groups"]) == {"head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"}


def test_limb_mean_leaves_out_neck_and_head() -> None:
    samples = _samples(1)
    estimator = ShiftedTruth(samples, [0])
    for joint in ("neck", "head_top"):
        estimator.answers[0][LSP14.index(joint)] += 500
    result = evaluate(estimator, samples)  # type: ignore[arg-type]
    assert result.limb_mean == 100
    assert result.mean == pytest.approx(100 * 12 / 14)


def test_unlabelled_joints_are_not_judged() -> None:
    samples = _samples(2)
    samples[0].labelled[LSP14.index("left_wrist")] = False
    estimator = ShiftedTruth(samples, [0, 0])
    estimator.answers[0][LSP14.index("left_wrist")] += 500
    assert evaluate(estimator, samples).mean == 100  # type: ignore[arg-type]


def test_box_protocols() -> None:
    samples = _samples(1)
    estimator = ShiftedTruth(samples, [0])
    evaluate(estimator, samples, "hull")  # type: ignore[arg-type]
    evaluate(estimator, samples, "centre")  # type: ignore[arg-type]
    hull, centre = (boxes[0] for boxes in estimator.boxes)
    assert hull == pytest.approx([20, 20, 100, 100])
    # a region of 178 px about the centre (79.5, 59.5) of a 160x120 image, before the padding of 1.25
    assert centre == pytest.approx([79.5 - 71.2, 59.5 - 71.2, 79.5 + 71.2, 59.5 + 71.2])


def test_report_holds_every_figure_and_two_pictures(tmp_path: Path) -> None:
    samples = _samples(3)
    results = [evaluate(ShiftedTruth(samples, [0, 5, 30]), samples, boxes) for boxes in ("hull", "centre")]  # type: ignore[arg-type]
    write_report(results, tmp_path, "made up on made")
    report: dict[str, Any] = json.loads((tmp_path / "evaluation.json").read_text())
    assert [r["people"] for r in report["results"]] == [3, 3]
    assert report["results"][0]["pck@0.2"] == pytest.approx(200 / 3)
    assert report["results"][0]["joints"].keys() == set(LSP14.joints)
    for name in ("curve.png", "worst.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None
        assert picture.std() > 5


def test_people_and_joints_without_labels_make_no_noise_in_the_report(tmp_path: Path) -> None:
    samples = _samples(2)
    samples[0].labelled[:] = False
    samples[1].labelled[3:7] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = evaluate(ShiftedTruth(samples, [500, 0]), samples)  # type: ignore[arg-type]
        write_report([result], tmp_path, "made up")
    assert result.mean == 100


def test_what_does_not_fit_is_refused() -> None:
    samples = _samples(1)
    with pytest.raises(DatasetError, match="nothing to evaluate"):
        evaluate(ShiftedTruth([], []), [])  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"coco17.*lsp14"):
        evaluate(ShiftedTruth(samples, [0], COCO17), samples)  # type: ignore[arg-type]
