"""The command ``evaluate``: what it decides itself, and the packaged model on real people of every kind of dataset."""

import csv
import json
import shutil
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from typer.testing import CliRunner, Result

from leanpose.cli import app
from leanpose.cli.evaluate import evaluate, measuring_command
from leanpose.core.decode import METHODS
from leanpose.datasets.readers import read_samples

ENGINE = ["--engine", "onnxruntime", "--no-flip-test"]


def _run(*words: object, model: object = "small") -> Result:
    return CliRunner().invoke(app, ["evaluate", str(model), *map(str, words), *ENGINE], env={"COLUMNS": "200"})


def test_every_decode_method_is_offered() -> None:
    offered = typing.get_type_hints(evaluate)["decode"]
    literal = next(kind for kind in typing.get_args(offered) if kind is not type(None))
    assert typing.get_args(literal) == METHODS


def test_the_command_in_a_card_measures_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what was not left at its default, and no folder of this machine."""
    monkeypatch.setenv("LEANPOSE_DATA", "/my/data/")
    given = {"flip_test": False, "decode": "soft", "precision": "bf16", "hrnet_pckh01": True, "nms": 0.8}
    command = measuring_command("small", ["lsp:/my/data/lsp", "pack:/else.npz"], "val", "openvino", given)
    assert command == (
        "leanpose evaluate small --data lsp:$LEANPOSE_DATA/lsp --data pack:/else.npz --part val --engine openvino "
        "--no-flip-test --decode soft --precision bf16 --hrnet-pckh01 --nms 0.8"
    )
    given = {"flip_test": True, "decode": None, "precision": "auto", "hrnet_pckh01": False, "nms": 0.9}
    assert measuring_command("m", ["lsp:x"], "test", "auto", given).endswith("--part test --engine auto")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--save-scores"], "--save-scores: give the .onnx file"),
        (["--decode", "guess"], "'argmax', 'quarter', 'taylor'"),
        (["--submission", "answers.txt"], "answers.txt: a submission is COCO results (.json)"),
        (["--part", "test"], "nobody to evaluate is in the part test of pack:"),
        (["--part", "val", "--metric", "pckh"], "PCKh needs head sizes"),
        (["--skeleton", "nosuch"], "unknown skeleton 'nosuch'"),
        (["--nms", "2"], "nms"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(made_pack: Path, words: list[str], message: str) -> None:
    result = _run("--data", f"pack:{made_pack}", *words)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.fixture
def some_lsp(data_root: Path, tmp_path: Path) -> Path:
    """The first 16 images of LSP, of which two are the validation part."""
    folder = tmp_path / "lsp"
    folder.mkdir()
    (folder / "images").symlink_to(data_root / "lsp_dataset/images")
    savemat(folder / "joints.mat", {"joints": loadmat(data_root / "lsp_dataset/joints.mat")["joints"][..., :16]})
    return folder


def test_lsp_runs_under_both_box_protocols(some_lsp: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "report", tmp_path / "lsp.mat"
    result = _run("--data", f"lsp:{some_lsp}", "--part", "val", "--out", out, "--submission", file)
    assert result.exit_code == 0, result.output
    for words in ("boxes hull", "boxes centre", "PCK@0.2 mean of joints", "±", "flip test off", "2 people"):
        assert words in result.output
    report = json.loads((out / "evaluation.json").read_text())
    assert [r["people"] for r in report["results"]] == [2, 2]
    assert report["results"][0]["pck@0.2"] > 60  # a working model; both stand upright
    assert all((out / name).stat().st_size > 10_000 for name in ("curve.png", "worst.png"))
    # the submission, counted again by hand, is what was printed
    samples = read_samples([f"lsp:{some_lsp}"], "val")
    joints = loadmat(file)["joints"]
    assert joints.shape == (3, 14, 2)
    right = []
    for i, sample in enumerate(samples):
        torso = np.linalg.norm(sample.keypoints[9] - sample.keypoints[2])
        right += list(np.linalg.norm(joints[:2, :, i].T - 1 - sample.keypoints, axis=1) <= 0.2 * torso)
    assert report["results"][0]["pck@0.2"] == pytest.approx(100 * np.mean(right))


@pytest.fixture
def some_coco(data_root: Path, tmp_path: Path) -> Path:
    """Six images of the COCO sample, one of which is not at hand."""
    document: dict[str, Any] = json.loads((data_root / "coco_sample/person_keypoints_sample.json").read_text())
    document["images"] = document["images"][:6]
    known = {image["id"] for image in document["images"]}
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] in known]
    file = tmp_path / "six.json"
    file.write_text(json.dumps(document))
    folder = tmp_path / "images"
    folder.mkdir()
    for image in document["images"][1:]:
        shutil.copy(data_root / "coco_sample/images" / image["file_name"], folder)
    return file


def test_coco_runs_with_the_joints_that_both_have(some_coco: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    of_lsp = Path(__file__).parents[2] / "weights/small_lsp.onnx"
    words = ("--data", f"coco:{some_coco},whole=test", "--submission", file, "--out", tmp_path / "report")
    result = _run(*words, model=of_lsp)
    assert result.exit_code == 1, result.output  # an image is absent
    for words in ("12 of the 17 joints of coco17", "AP75", "sigmas of coco17", "areas of the annotations", "left out"):
        assert words in result.output
    entries = json.loads(file.read_text())
    people = json.loads(some_coco.read_text())
    absent = people["images"][0]["id"]
    assert len(entries) == sum(a["image_id"] != absent and a["num_keypoints"] > 0 for a in people["annotations"])
    assert absent not in {entry["image_id"] for entry in entries}
    figures = json.loads((tmp_path / "report/evaluation.json").read_text())["results"][0]
    assert figures["groups"]["head"] is None
    assert 0 <= figures["interval 95 %"]["low"] <= figures["ap"] <= figures["interval 95 %"]["high"] <= 100


def test_coco_runs_from_detected_boxes(some_coco: Path, tmp_path: Path) -> None:
    """Every person's box twice, a little apart: the second answer is dropped, and people are found all the same."""
    people = json.loads(some_coco.read_text())
    labelled = [a for a in people["annotations"] if a["num_keypoints"] and a["image_id"] != people["images"][0]["id"]]
    detections = [
        {"image_id": a["image_id"], "category_id": 1, "bbox": [b + d for b in a["bbox"]], "score": 0.9 - d}
        for a in labelled
        for d in (0, 1e-3)
    ]
    boxes, file = tmp_path / "boxes.json", tmp_path / "results.json"
    boxes.write_text(json.dumps(detections))
    words = ["--data", f"coco:{some_coco},whole=test,boxes={boxes}", "--submission", file, "--out", tmp_path / "report"]
    result = _run(*words)
    for expected in ("boxes detected", "OKS NMS 0.9", "AP50"):
        assert expected in result.output
    assert len(json.loads(file.read_text())) == len(labelled)
    figures = json.loads((tmp_path / "report/evaluation.json").read_text())["results"][0]
    assert figures["people"] == len(labelled)
    _run(*words, "--nms", 1)
    assert len(json.loads(file.read_text())) == 2 * len(labelled)


def test_mpii_runs_with_head_sizes_and_without(data_root: Path, tmp_path: Path) -> None:
    sample, heads, file = data_root / "mpii_sample/test_mpii.json", tmp_path / "gt_valid.mat", tmp_path / "pred.mat"
    people = json.loads(sample.read_text())
    corners = np.array([(person["joints"][8], person["joints"][9]) for person in people])  # neck and head top
    savemat(heads, {"headboxes_src": np.moveaxis(corners, 0, -1)})
    data = f"mpii:{sample},whole=test"
    result = _run("--data", f"{data},heads={heads}", "--submission", file, "--hrnet-pckh01")
    assert result.exit_code == 0, result.output
    for words in (
        "PCKh@0.5",
        "PCKh@0.11 (HRNet's @0.1)",
        "boxes of centre and scale",
        "interpolated pelvis and thorax",
    ):
        assert words in result.output
    assert loadmat(file)["preds"].shape == (5, 16, 2)
    result = _run("--data", data)
    assert result.exit_code == 2
    assert "gt_valid.mat" in result.output
    result = _run("--data", data, "--metric", "pck", "--submission", tmp_path / "table.csv")
    assert result.exit_code == 0
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert len(rows) == 5 * 16
    assert rows[0]["file"] == people[0]["image"]
