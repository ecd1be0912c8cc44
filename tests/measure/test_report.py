"""What is shown and kept: the table, the report's files, the scores of a card."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from leanpose.datasets.readers import Sample
from leanpose.engines.card import ModelCard
from leanpose.measure import Evaluation, Options, evaluate, record_scores, table, write_report
from leanpose.measure.intervals import pck_interval
from leanpose.measure.worst import draw_worst
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
People = Callable[..., list[Sample]]
Answering = Callable[..., Any]


def _result(people: People, answering: Answering, kind: str, metric: Any = None) -> Evaluation:
    skeletons = {"lsp": LSP14, "mpii": MPII16, "coco": COCO17, "csv": Skeleton("dots", ("a", "b"))}
    samples = people(3, skeletons[kind], kind, head_size=30.0)
    answers = [s.keypoints + np.array([shift, 0]) for s, shift in zip(samples, (0, 5, 30), strict=True)]
    return evaluate(answering(samples, answers), samples, options=Options(metric))


@pytest.mark.parametrize(
    ("kind", "metric"), [("lsp", None), ("mpii", None), ("coco", None), ("csv", None), ("csv", "pck")]
)
def test_every_protocol_has_its_table_and_its_files(
    people: People, answering: Answering, tmp_path: Path, kind: str, metric: str | None
) -> None:
    result = _result(people, answering, kind, metric)
    write_report([result], tmp_path, "made up")
    report: dict[str, Any] = json.loads((tmp_path / "evaluation.json").read_text())
    (entry,) = report["results"]
    assert entry["people"] == 3
    assert entry[entry["interval 95 %"]["figure"]] == pytest.approx(result.mean)
    assert entry["joints"].keys() == set(result.measured.skeleton.joints)
    for name in ("curve.png", "worst.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None
        assert picture.std() > 5
    text = io.StringIO()
    Console(file=text, width=150).print(table([result]))
    assert f"{result.figures[0].label} " in text.getvalue()
    assert f"{result.mean:.1f} ± {result.spread:.1f}" in text.getvalue()
    assert "made up" in text.getvalue()


def test_nobody_who_can_be_measured_is_a_report_without_figures(
    people: People, answering: Answering, tmp_path: Path
) -> None:
    """One ankle each: no torso to measure by."""
    samples = [replace(s, labelled=np.arange(14) == 0) for s in people(2)]
    result = evaluate(answering(samples, [s.keypoints for s in samples]), samples, options=Options())
    write_report([result], tmp_path, "one ankle each")
    assert np.isnan(result.mean)
    assert (tmp_path / "curve.png").exists()


def test_the_worst_come_first_and_those_not_found_last(people: People, answering: Answering, tmp_path: Path) -> None:
    """Of three people the first was not found: the last tile's left half is bare picture, its right half is not."""
    result = _result(people, answering, "lsp")
    missed = replace(result, poses=[None, *result.poses[1:]])
    missed.measured.values[0] = np.inf
    draw_worst(missed, tmp_path / "worst.png")
    sheet = cv2.imread(str(tmp_path / "worst.png"))
    assert sheet is not None
    tiles = [sheet[6:326, x : x + 640] for x in (6, 652, 1298)]
    assert tiles[2][140:180, 140:180].std() < 1
    assert tiles[2][:, 320:].std() > 5
    # 30 px wrong before 5 px: the farther the answer, the more its picture differs from that of the labels
    apart = [np.abs(tile[:, :320].astype(int) - tile[:, 320:]).mean() for tile in tiles[:2]]
    assert apart[0] > apart[1] > 0


def test_scores_of_a_card_are_the_main_figures(
    people: People, answering: Answering, dot_model: Callable[..., Path]
) -> None:
    card = dot_model().with_suffix(".json")
    result = _result(people, answering, "lsp")
    record_scores(card, [result], "lsp test", "leanpose evaluate dots")
    scores = ModelCard.load(card).scores
    assert [s.metric for s in scores] == ["PCK@0.2 mean of joints, lsp test", "PCK@0.2 mean of limb joints, lsp test"]
    assert [s.value for s in scores] == [round(result.mean, 2), round(result.limb_mean, 2)]
    assert [s.interval for s in scores] == [
        tuple(round(100 * end, 2) for end in pck_interval(distances, 0.2))
        for distances in (result.distances, result.distances[:, [j not in ("neck", "head_top") for j in LSP14.joints]])
    ]
    record_scores(card, [_result(people, answering, "coco")], "coco test", "leanpose evaluate dots")
    assert [s.metric for s in ModelCard.load(card).scores] == ["AP, coco test"]
