"""Evaluation: figures against hand counts and loops, for every protocol, and what is left out or refused."""

import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure import Options, evaluate
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
People = Callable[..., list[Sample]]
Answering = Callable[..., Any]
ARM = Skeleton("arm", ("left_elbow", "left_wrist", "right_elbow", "right_wrist"))


def _shifted(samples: list[Sample], shifts: list[float]) -> list[np.ndarray]:
    return [s.keypoints + np.array([shift, 0]) for s, shift in zip(samples, shifts, strict=True)]


def test_pck_counts_joints_within_a_fifth_of_the_torso(people: People, answering: Answering) -> None:
    samples = people(4)
    result = evaluate(answering(samples, _shifted(samples, [0, 9.9, 10.1, 40])), samples)
    figures = result.to_dict()
    assert figures["pck@0.2"] == pytest.approx(50) == result.mean
    assert figures["pck@0.1"] == pytest.approx(25)
    assert figures["epe px"] == pytest.approx((0 + 9.9 + 10.1 + 40) / 4, rel=1e-5)
    assert figures["nme"] == pytest.approx(100 * (0 + 9.9 + 10.1 + 40) / 4 / 50, rel=1e-5)
    assert figures["auc@0.2"] == pytest.approx(100 * (1 + 0.01 + 0 + 0) / 4, abs=0.01)
    assert set(figures["groups"]) == {"head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"}


def test_limb_mean_leaves_out_neck_and_head(people: People, answering: Answering) -> None:
    samples = people(1)
    answer = samples[0].keypoints.copy()
    answer[[LSP14.index("neck"), LSP14.index("head_top")]] += 500
    result = evaluate(answering(samples, [answer]), samples)
    assert result.limb_mean == 100
    assert result.mean == pytest.approx(100 * 12 / 14)


def test_unlabelled_joints_are_not_judged(people: People, answering: Answering) -> None:
    samples = people(2)
    wrist = LSP14.index("left_wrist")
    samples[0].labelled[wrist] = False
    answers = [s.keypoints.copy() for s in samples]
    answers[0][wrist] += 500
    assert evaluate(answering(samples, answers), samples).mean == 100


def test_people_and_joints_without_labels_make_no_noise(people: People, answering: Answering) -> None:
    samples = people(2)
    samples[0].labelled[:] = False
    samples[1].labelled[3:7] = False
    result = evaluate(answering(samples, _shifted(samples, [500, 0])), samples)
    assert result.mean == 100
    assert result.to_dict()["joints"]["left_ankle"] is None


def test_a_torso_that_is_not_labelled_is_no_reference_whatever_stands_there(
    people: People, answering: Answering
) -> None:
    samples = people(3)
    samples[0].labelled[LSP14.index("right_hip")] = False
    samples[0].keypoints[LSP14.index("right_hip")] = (1e4, 1e4)
    result = evaluate(answering(samples, _shifted(samples, [30, 0, 30])), samples)
    assert np.isnan(result.distances[0]).all()
    assert result.mean == pytest.approx(50)
    assert "1 people not judged by PCK@0.2" in result.protocol


def test_box_protocols(people: People, answering: Answering) -> None:
    samples = people(1)
    estimator = answering(samples, [samples[0].keypoints])
    assert evaluate(estimator, samples).protocol.startswith("boxes hull, ")
    centre = [79.5 - 71.2, 59.5 - 71.2, 79.5 + 71.2, 59.5 + 71.2]
    # a region of 178 px about the centre (79.5, 59.5) of a 160x120 image, before the padding of 1.25
    estimator.answers = defaultdict(lambda: samples[0].keypoints)
    assert evaluate(estimator, samples, "centre").protocol.startswith("boxes centre, ")
    assert estimator.boxes[0][0] == pytest.approx([20, 20, 100, 100])
    assert estimator.boxes[1][0] == pytest.approx(centre)


@pytest.mark.parametrize("seed", range(3))
def test_pckh_equals_a_loop_by_mpiis_rules(people: People, answering: Answering, seed: int) -> None:
    """Joints weigh as often as they are labelled; pelvis and thorax count for nothing; the head row is the head top."""
    rng = np.random.default_rng(seed)
    samples = [
        replace(s, head_size=float(rng.uniform(15, 40)), labelled=rng.random(16) < 0.7)
        for s in people(12, MPII16, "mpii", seed)
    ]
    answers = [s.keypoints + rng.normal(0, 12, (16, 2)) for s in samples]
    figures = evaluate(answering(samples, answers), samples, options=Options(hrnet_pckh01=True)).to_dict()
    for key, threshold in (("pckh@0.5", 0.5), ("pckh@0.1", 0.1), ("pckh@0.11", 0.11)):
        right = total = 0
        for sample, answer in zip(samples, answers, strict=True):
            for k, joint in enumerate(MPII16.joints):
                if sample.labelled[k] and joint not in ("pelvis", "thorax"):
                    total += 1
                    right += np.hypot(*(answer[k] - sample.keypoints[k])) <= threshold * (sample.head_size or 0)
        assert figures[key] == pytest.approx(100 * right / total)
    assert figures["interval 95 %"]["low"] < figures["pckh@0.5"] < figures["interval 95 %"]["high"]
    assert figures["groups"]["head"] == figures["joints"]["head_top"]
    assert figures["groups"]["knee"] == np.mean([figures["joints"][f"{side}_knee"] for side in ("left", "right")])


def test_pelvis_and_thorax_enter_neither_mean_nor_area_nor_interval(people: People, answering: Answering) -> None:
    samples = people(3, MPII16, "mpii", head_size=30.0)
    answers = [s.keypoints.copy() for s in samples]
    for answer in answers:
        answer[[MPII16.index("pelvis"), MPII16.index("thorax")]] += 500
    result = evaluate(answering(samples, answers), samples)
    figures = result.to_dict()
    assert (figures["pckh@0.5"], result.interval) == (100, (100, 100))
    assert figures["auc@0.5"] == pytest.approx(100, abs=1e-3)


def test_without_head_sizes_there_is_no_pckh_before_any_work(people: People, answering: Answering) -> None:
    samples = people(1, MPII16, "mpii")
    with pytest.raises(DatasetError, match=r"gt_valid\.mat.*--metric pck"):
        evaluate(answering([], [], MPII16), samples)
    result = evaluate(answering(samples, [samples[0].keypoints]), samples, options=Options("pck"))
    assert result.figures[0].key == "pck@0.2"


def test_own_skeletons_without_torso_are_measured_by_their_boxes(people: People, answering: Answering) -> None:
    """The longer side is 80: 3.9 px are within a twentieth, 4.1 are not."""
    samples = people(2, ARM, "csv")
    result = evaluate(answering(samples, _shifted(samples, [3.9, 4.1])), samples, options=Options("pck"))
    assert result.figures[0].key == "pck@0.05"
    assert result.mean == pytest.approx(50)
    assert "arm has no torso" in result.protocol


def test_joints_that_both_have_are_judged(people: People, answering: Answering) -> None:
    """A model of LSP's joints on COCO: the 12 limb joints count, the face does not, wherever it is put."""
    samples = people(2, COCO17, "coco")
    answers = []
    for sample, shift in zip(samples, (0, 500), strict=True):
        answer = np.full((14, 2), 7.0)
        for k, joint in enumerate(LSP14.joints):
            if joint in COCO17.joints:
                answer[k] = sample.keypoints[COCO17.index(joint)] + (shift, 0)
        answers.append(answer)
    result = evaluate(answering(samples, answers, LSP14), samples)
    assert "12 of the 17 joints of coco17: those of lsp14 by name" in result.protocol
    figures = result.to_dict()
    assert figures["ap"] == pytest.approx(50.495, abs=0.01)  # one of two found: recall 0 to 0.5, 51 of 101 points
    assert figures["groups"]["head"] is None
    assert figures["groups"]["knee"] == 50
    assert np.isnan(result.predicted[:, COCO17.index("nose")]).all()


def test_a_joint_between_two_is_interpolated_and_said(people: People, answering: Answering) -> None:
    samples = people(1, MPII16, "mpii", head_size=30.0)
    answer = np.random.default_rng(0).uniform(0, 100, (14, 2))
    result = evaluate(answering(samples, [answer], LSP14), samples)
    hips = [answer[LSP14.index(f"{side}_hip")] for side in ("left", "right")]
    assert result.predicted[0, MPII16.index("pelvis")] == pytest.approx(np.mean(hips, axis=0), rel=1e-5)
    assert "interpolated pelvis and thorax" in result.protocol


def test_joints_that_are_not_answered_are_wrong_not_left_out(people: People, answering: Answering) -> None:
    samples = people(2)
    answers = [samples[0].keypoints, np.full((14, 2), np.nan)]
    for metric, expected in (("pck", 50), ("oks", 100 * 51 / 101)):
        result = evaluate(answering(samples, answers), samples, options=Options(metric))  # type: ignore[arg-type]
        assert result.mean == pytest.approx(expected)


def test_the_order_of_people_survives_images_that_are_read_once(
    people: People, answering: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People of two images in turn: answers go to who they belong to, and each file is opened once."""
    samples = people(6)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(samples[0].image)  # type: ignore[arg-type]
    mixed = [replace(s, image=tmp_path / f"{'ab'[i % 2]}.png") for i, s in enumerate(samples)]
    opened = []
    read = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *mode: opened.append(path.name) or read(path, *mode))
    result = evaluate(answering(samples, _shifted(samples, [0, 40, 0, 0, 40, 0])), mixed)
    assert [bool(d.max() < 0.2) for d in result.distances] == [True, False, True, True, False, True]
    assert sorted(opened) == ["a.png", "b.png"]


def test_unreadable_images_and_senseless_boxes_are_named_and_left_out(
    people: People, answering: Answering, tmp_path: Path
) -> None:
    samples = people(4)
    estimator = answering(samples, _shifted(samples, [0, 0, 0, 40]))
    broken = [
        replace(samples[0], image=tmp_path / "absent.jpg"),
        replace(samples[1], image=b"no image"),
        replace(samples[2], box=np.array([500.0, 500, 600, 600])),
        samples[3],
    ]
    for metric in ("pck", "oks"):
        result = evaluate(estimator, broken, options=Options(metric))  # type: ignore[arg-type]
        assert len(result.samples) == 1
        assert result.mean == 0
        assert [name in message for name, message in zip(("made/0", "made/1", "made/2"), result.left_out, strict=True)]
        assert "absent.jpg" in result.left_out[0]
        assert result.to_dict()["left out"] == list(result.left_out)
    with pytest.raises(DatasetError, match=r"not one of 3 people can be used: made/0.*absent\.jpg"):
        evaluate(estimator, broken[:3])


def test_what_does_not_fit_is_refused(people: People, answering: Answering) -> None:
    with pytest.raises(DatasetError, match="nothing to evaluate"):
        evaluate(answering([], [], LSP14), [])
    samples = people(1)
    with pytest.raises(DatasetError, match=r"hands.*lsp14.*no joint in common"):
        evaluate(answering([], [], Skeleton("hands", ("left_thumb", "right_thumb"))), samples)
    boxes = [replace(s, labelled=np.zeros(14, bool)) for s in samples]
    with pytest.raises(DatasetError, match="measured by OKS"):
        evaluate(answering(samples, [samples[0].keypoints]), boxes)


def test_figures_that_are_not_defined_make_no_noise(people: People, answering: Answering) -> None:
    samples = people(1, ARM, "csv")
    samples[0].labelled[1:] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = evaluate(answering(samples, [samples[0].keypoints]), samples).to_dict()
    assert figures["ap"] == 100
    assert figures["arl"] is None
