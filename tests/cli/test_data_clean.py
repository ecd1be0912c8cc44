"""``leanpose data clean`` from pictures of dots to corrected samples, with models that know where the dots are."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.media import load_image
from leanpose.readers import read_samples
from leanpose.readers.corrections import read_corrections

JOINTS = ("nose", "neck", "head_top")


@pytest.fixture
def spec(tmp_path: Path, dots: Callable[..., np.ndarray]) -> str:
    """Ten pictures of three dots. Of the second nose and neck are exchanged, of the third the head top lies off."""
    rng = np.random.default_rng(0)
    lines = ["file,x1,y1,x2,y2," + ",".join(f"{joint}_{c}" for joint in JOINTS for c in "xyv") + ",part"]
    for i in range(10):
        places = (np.array([(40, 40), (100, 60), (60, 120)]) + rng.uniform(-8, 8, (3, 2))).round(1)
        cv2.imwrite(str(tmp_path / f"{i}.png"), dots(160, 140, [tuple(p) for p in places], sigma=3.0))
        labels = places[[1, 0, 2]] if i == 1 else places
        if i == 2:
            labels = np.array([*places[:2], (100, 130)])
        numbers = ",".join(f"{x},{y},2" for x, y in labels.tolist())
        lines.append(f"{i}.png,10,10,130,150,{numbers},train")
    (tmp_path / "people.csv").write_text("\n".join(lines))
    (tmp_path / "joints.json").write_text(json.dumps({"name": "dots", "joints": JOINTS, "flips": []}))
    return f"csv:{tmp_path / 'people.csv'},skeleton={tmp_path / 'joints.json'}"


def test_planted_errors_are_found_mended_and_shown(tmp_path: Path, spec: str, dot_model: Callable[..., Path]) -> None:
    model = dot_model(mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0), decode="taylor")
    truth = read_samples([spec], "train")
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    words = [
        "data",
        "clean",
        "--data",
        spec,
        "--out",
        str(out),
        "--report",
        str(page),
        "--engine",
        "onnxruntime",
    ]
    result = CliRunner().invoke(
        app, [*words, "--fold-model", str(model), "--fold-model", str(model), "--judge", str(model)]
    )
    assert result.exit_code == 0, result.output
    assert "2 of 10 people have corrections" in result.output
    found = {name: {c.joint: c.action for c in joints} for name, (_, joints) in read_corrections(out).items()}
    assert found == {
        truth[1].name: {"nose": "swap", "neck": "swap"},
        truth[2].name: {"head_top": "move"},
    }
    mended = read_samples([f"{spec},corrections={out}"], "train")
    assert np.array_equal(mended[1].keypoints, truth[1].keypoints[[1, 0, 2]])
    assert np.array_equal(mended[2].keypoints[:2], truth[2].keypoints[:2])
    dot = load_image(tmp_path / "2.png")[..., 2].astype(float)
    centre = [float((dot * axis).sum() / dot.sum()) for axis in np.indices(dot.shape)[::-1]]
    assert np.linalg.norm(mended[2].keypoints[2] - centre) < 2
    text = page.read_text()
    assert text.count("<img") == 4
    assert "move head_top" in text
    assert "http" not in text.replace("http-equiv", "")


def test_errors_are_planted_into_the_part_to_choose_by(
    tmp_path: Path, spec: str, dot_model: Callable[..., Path]
) -> None:
    table = tmp_path / "people.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:7], *(line.replace(",train", ",val") for line in lines[7:])]))
    model = str(dot_model(mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0), decode="taylor"))
    words = [
        "data",
        "clean",
        "--data",
        spec,
        "--out",
        str(tmp_path / "c.json"),
        "--engine",
        "onnxruntime",
    ]
    words += ["--fold-model", model, "--fold-model", model, "--trial", spec]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.replace("│", " ").splitlines()]
    found = {row[0]: row[1:] for row in rows if len(row) == 8}
    assert found["none"] == ["0", "-", "-", "-", "12", "0.00", "0.00"]
    assert "sides" not in found  # these joints have none
    count, mended, masked, left, *others = found["joint"]
    assert (count, others) == ("4", ["8", "0.00", "0.00"])
    assert float(mended) >= 75
    assert float(mended) + float(masked) + float(left) == pytest.approx(100, abs=0.2)


def test_nobody_to_clean_is_said(tmp_path: Path, spec: str) -> None:
    table = tmp_path / "people.csv"
    table.write_text(table.read_text().replace(",train", ",test"))
    result = CliRunner().invoke(app, ["data", "clean", "--data", spec])
    assert result.exit_code == 2
    assert "nothing to clean: nobody is in the train part" in result.output


def test_nobody_to_plant_errors_into_is_said_before_anything_is_trained(tmp_path: Path, spec: str) -> None:
    runs = tmp_path / "runs"
    result = CliRunner().invoke(app, ["data", "clean", "--data", spec, "--trial", spec, "--runs", str(runs)])
    assert result.exit_code == 2
    assert "nobody to plant errors into: nobody with enough labels is in the val part" in result.output
    assert not runs.exists()
