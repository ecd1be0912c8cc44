"""Submission files, read back by other means."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure import Options, evaluate, write_submission
from leanpose.pose.skeleton import COCO17, LSP14, MPII16

People = Callable[..., list[Sample]]
Answering = Callable[..., Any]


def _answers(samples: list[Sample]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        np.column_stack((s.keypoints + rng.normal(0, 3, s.keypoints.shape), rng.uniform(0.3, 1, len(s.keypoints))))
        for s in samples
    ]


def test_coco_results(people: People, answering: Answering, tmp_path: Path) -> None:
    samples = people(3, COCO17, "coco")
    answers = _answers(samples)
    answers[1][0] = (np.nan, np.nan, 0)
    write_submission(evaluate(answering(samples, answers), samples), samples, tmp_path / "deep/r.json")
    entries = json.loads((tmp_path / "deep/r.json").read_text())
    assert [entry["image_id"] for entry in entries] == [1, 2, 3]
    for entry, answer in zip(entries, answers, strict=True):
        points = np.reshape(entry["keypoints"], (17, 3))
        assert points == pytest.approx(np.nan_to_num(answer), rel=1e-6)
        assert entry["score"] == pytest.approx(answer[answer[:, 2] > 0.2, 2].mean(), rel=1e-6)
        assert entry["category_id"] == 1
    assert entries[0]["bbox"] == pytest.approx([20.5, 20.5, 80, 80])  # from the corner, half a pixel before our zero


def test_mpii_keeps_a_row_for_everybody_in_matlab_pixels(people: People, answering: Answering, tmp_path: Path) -> None:
    samples = people(4, MPII16, "mpii", head_size=30.0)
    answers = _answers(samples)
    asked = [samples[0], replace(samples[1], image=b"broken"), *samples[2:]]
    write_submission(evaluate(answering(samples, answers), asked), asked, tmp_path / "pred.mat")
    preds = loadmat(tmp_path / "pred.mat")["preds"]
    assert preds.shape == (4, 16, 2)
    assert np.isnan(preds[1]).all()
    for i in (0, 2, 3):
        assert preds[i] - 1 == pytest.approx(answers[i][:, :2], rel=1e-6)


def test_lsp_is_the_datasets_own_layout(people: People, answering: Answering, tmp_path: Path) -> None:
    samples = people(3)
    answers = _answers(samples)
    write_submission(evaluate(answering(samples, answers), samples), samples, tmp_path / "lsp.mat")
    content = loadmat(tmp_path / "lsp.mat")
    assert content["joints"].shape == (3, 14, 3)
    for i, answer in enumerate(answers):
        points = content["joints"][:2, :, i].T - 1
        assert points == pytest.approx(answer[:, :2], rel=1e-6)
        assert content["scores"][:, i] == pytest.approx(answer[:, 2], rel=1e-6)


def test_csv_has_a_line_a_joint_and_numbers_the_people_of_an_image(
    people: People, answering: Answering, tmp_path: Path
) -> None:
    samples = people(3)
    (tmp_path / "a.png").write_bytes(samples[0].image)  # type: ignore[arg-type]
    shared = [replace(samples[0], image=tmp_path / "a.png"), samples[1], replace(samples[2], image=tmp_path / "a.png")]
    answers = _answers(samples)
    write_submission(evaluate(answering(samples, answers), shared), shared, tmp_path / "joints.csv")
    rows = list(csv.DictReader((tmp_path / "joints.csv").read_text().splitlines()))
    assert [(row["file"], row["person"]) for row in rows[::14]] == [("a.png", "0"), ("a.png", "1"), ("made/1", "0")]
    for start, answer in zip((0, 14, 28), (answers[0], answers[2], answers[1]), strict=True):
        found = [[float(row["x"]), float(row["y"])] for row in rows[start : start + 14]]
        assert np.array(found) == pytest.approx(answer[:, :2], rel=1e-6)
        assert [row["joint"] for row in rows[start : start + 14]] == list(LSP14.joints)


def test_what_has_no_format_is_refused(people: People, answering: Answering, tmp_path: Path) -> None:
    samples = people(1, COCO17, "coco")
    result = evaluate(answering(samples, _answers(samples)), samples, options=Options("pck"))
    with pytest.raises(DatasetError, match=r"\.txt: a submission is"):
        write_submission(result, samples, tmp_path / "joints.txt")
    with pytest.raises(DatasetError, match=r"only MPII and LSP.*coco17"):
        write_submission(result, samples, tmp_path / "joints.mat")
