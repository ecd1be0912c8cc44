"""``leanpose evaluate`` of a detector, on pictures whose people are bright blocks and a detector that finds those."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from leanpose.cli import app
from leanpose.datasets.readers.scenes import read_scenes
from leanpose.engines.detector_card import DetectorCard
from leanpose.engines.zoo import is_detector

from ..blobs import blob_detector

HW = (96, 128)
BLOCK = (20, 10, 60, 80)  # first and last column and row


def _run(model: Path, *words: object) -> Result:
    command = ["evaluate", str(model), *map(str, words), "--engine", "onnxruntime"]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def _picture(path: Path, brightness: int) -> None:
    image = np.zeros((*HW, 3), np.uint8)
    x1, y1, x2, y2 = BLOCK
    image[y1 : y2 + 1, x1 : x2 + 1, 1] = brightness
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return blob_detector(tmp_path / "blobs.onnx", threshold=0.7)


@pytest.fixture
def scenes(tmp_path: Path) -> str:
    """Forty pictures of a block each, every third too faint for the card's threshold."""
    x1, y1, x2, y2 = BLOCK
    images, annotations = [], []
    for number in range(40):
        _picture(tmp_path / "images" / f"{number:02}.png", 150 if number % 3 == 0 else 240)
        images.append({"id": number, "file_name": f"{number:02}.png", "width": HW[1], "height": HW[0]})
        box = [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": box})
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return f"boxes:{tmp_path / 'boxes.json'}"


@pytest.fixture
def backgrounds(tmp_path: Path) -> str:
    """200 pictures: blocks of 240 of 255 in six of the hundred that measure, and of 200 in all others that validate."""
    for number in range(200):
        _picture(tmp_path / "empty" / f"{number:03}.png", 200 if number >= 100 else 240 if number < 6 else 0)
    return f"backgrounds:{tmp_path / 'empty'}"


def test_the_figures_are_those_of_the_pictures(model: Path, scenes: str, backgrounds: str, tmp_path: Path) -> None:
    result = _run(model, "--data", scenes, "--data", backgrounds, "--out", tmp_path / "report", "--save-scores")
    assert result.exit_code == 0, result.output
    for words in (
        "AP50",
        "recall at 0.7",
        "false persons an image at 0.7",
        "worst of backgrounds: backgrounds/000.png",
    ):
        assert words in result.output
    report = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    people, empty = report["results"]
    names = [int(scene.name[-6:-4]) for scene in read_scenes([scenes], "test")]
    bright = sum(number % 3 > 0 for number in names)
    assert 0 < bright < len(names)
    assert people["recall"] == pytest.approx(100 * bright / len(names))
    assert people["AP"] == pytest.approx(100)
    assert empty["false per image"] == 0.06
    card = DetectorCard.load(model.with_suffix(".json"))
    assert [score.metric for score in card.scores] == [
        "AP50, boxes test",
        "recall, boxes test",
        "false persons an image, boxes test",
        "false persons an image, backgrounds test",
    ]
    assert card.scores[-1].value == 0.06
    assert "evaluate blobs --data" in card.scores[0].command


def test_a_threshold_of_ones_own(model: Path, scenes: str, tmp_path: Path) -> None:
    result = _run(model, "--data", scenes, "--threshold", 0.5, "--out", tmp_path / "report")
    assert "recall at 0.5" in result.output
    (people,) = json.loads((tmp_path / "report" / "evaluation.json").read_text())["results"]
    assert people["recall"] == 100


def test_a_threshold_is_chosen_on_val_alone(model: Path, backgrounds: str) -> None:
    result = _run(model, "--data", backgrounds, "--part", "val", "--choose-threshold")
    assert result.exit_code == 0, result.output
    assert "threshold 0.79: the lowest" in result.output  # 200 of 255 is 0.784
    result = _run(model, "--data", backgrounds, "--choose-threshold")
    assert result.exit_code == 2
    assert "choose with --part val" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--decode", "soft"], "--decode means nothing here"),
        (["--submission", "x.json"], "--submission means nothing here"),
        (["--threshold", "0.001"], "at least 0.01"),
        (["--data", "backgrounds:nowhere"], "nowhere does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(model: Path, scenes: str, words: list[str], message: str) -> None:
    result = _run(model, "--data", scenes, *words)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_pose_models_have_no_threshold_of_boxes(scenes: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", "small", "--data", scenes, "--threshold", "0.4"])
    assert result.exit_code == 2
    assert "--threshold means nothing here: small is a pose model" in result.output


def test_detectors_are_told_from_pose_models(model: Path, tmp_path: Path, dot_model: Any) -> None:
    assert is_detector(str(model))
    assert is_detector(f"yolox:{tmp_path / 'any.onnx'}")
    assert not is_detector("small")
    assert not is_detector(str(dot_model()))
    assert not is_detector(str(tmp_path / "absent.onnx"))
    model.with_suffix(".json").unlink()
    assert is_detector(str(model))  # another project's
