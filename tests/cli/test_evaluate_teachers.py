"""``leanpose evaluate`` on other projects' networks."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from leanpose.cli import app
from leanpose.pose.skeleton import COCO17

from ..estimate.teachers import networks


def _run(model: object, *words: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", str(model), *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """One picture of one person whose joints of every third kind lie on a red dot, and nowhere else."""
    import cv2

    y, x = np.mgrid[:200, :160]
    image = np.zeros((200, 160, 3), np.uint8)
    image[..., 2] = 255 * np.exp(-((x - 70) ** 2 + (y - 90) ** 2) / 50)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/one.png"), image)
    keypoints = [value for k in range(17) for value in ((70, 90, 2) if k % 3 == 0 else (0, 0, 0))]
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [30, 20, 90, 150], "area": 9000.0, "iscrowd": 0}
    person |= {"keypoints": keypoints, "num_keypoints": 6}
    document = {
        "images": [{"id": 1, "file_name": "one.png", "width": 160, "height": 200}], "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }  # fmt: skip
    (tmp_path / "people.json").write_text(json.dumps(document))
    return tmp_path / "people.json"


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("layout", ["movenet", "heatmaps", "simcc"])
def test_every_layout_gives_the_tables_of_our_own_models(coco: Path, tmp_path: Path, layout: str, named: bool) -> None:
    path = getattr(networks, layout)(tmp_path / "net.onnx")
    spec = f"{layout}:{path}" if named else path
    words = ("--data", f"coco:{coco},whole=test", "--engine", "onnxruntime", "--out", tmp_path / "out")
    result = _run(spec, *words, "--submission", tmp_path / "answers.json")
    assert result.exit_code == 0, result.output
    for text in ("AP50", "boxes annotated", "model net", "engine onnxruntime f32", "flip test off", "PCK@0.05"):
        assert text in result.output
    (figures,) = json.loads((tmp_path / "out/evaluation.json").read_text())["results"]
    assert figures["ap"] == pytest.approx(100)
    (answer,) = json.loads((tmp_path / "answers.json").read_text())
    assert np.reshape(answer["keypoints"], (17, 3))[0, :2] == pytest.approx((70, 90), abs=0.5)


def test_two_joined_are_one_model(coco: Path, tmp_path: Path) -> None:
    one, two = networks.movenet(tmp_path / "one.onnx"), networks.simcc(tmp_path / "two.onnx")
    result = _run(f"{one}+{two}", "--data", f"coco:{coco},whole=test", "--engine", "onnxruntime")
    assert result.exit_code == 0, result.output
    assert "joined within 0.045 of the box with model two" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--decode", "taylor"], "--decode means nothing here"),
        (["--save-scores"], "--save-scores means nothing here"),
        (["--mode", "throughput"], "--mode means nothing here"),
        (["--threshold", "0.5"], "--threshold means nothing here"),
    ],
)
def test_what_means_nothing_for_others_is_refused(coco: Path, tmp_path: Path, words: list[str], message: str) -> None:
    path = networks.movenet(tmp_path / "net.onnx")
    result = _run(f"movenet:{path}", "--data", f"coco:{coco},whole=test", "--engine", "onnxruntime", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_is_said_in_one_line(coco: Path) -> None:
    result = _run("movenet:nowhere.pb", "--data", f"coco:{coco},whole=test")
    assert result.exit_code == 2
    assert "no .pb file at nowhere.pb" in result.output
