"""From labelled images to joints on a picture by commands alone, on a small made dataset."""

import json
from pathlib import Path

import cv2
import numpy as np
from typer.testing import CliRunner

from leanpose.cli import app

SMALL = [
    "model=softgate_1x64", 'model_args={"width":16}', "input_hw=[64,64]", "early_share=0", "epochs=2", "batch_size=4",
]  # fmt: skip


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_train_resume_export_evaluate_predict(tmp_path: Path, made_pack: Path) -> None:
    run, onnx = tmp_path / "run", tmp_path / "mine.onnx"
    train = [
        "train",
        "softgate_lsp",
        "--data",
        f"pack:{made_pack}",
        "--out",
        run,
        "--workers",
        0,
        "--accelerator",
        "cpu",
    ]
    train += [word for field in SMALL for word in ("--set", field)]
    _run(*train, "--stop-after", 1)
    _run(*train, "--resume")
    assert (run / "last.ckpt").is_file()

    assert "differs from the checkpoint" in _run("export", run / "last.ckpt", "--out", onnx)
    card = json.loads(onnx.with_suffix(".json").read_text())
    assert (card["name"], card["architecture"], card["epochs"]) == ("mine", "softgate_1x64", 2)

    evaluate = ["--data", f"pack:{made_pack}", "--part", "val"]
    shown = _run("evaluate", onnx, *evaluate, "--out", tmp_path / "report", "--save-scores")
    assert "mean of joints" in shown
    report = json.loads((tmp_path / "report/evaluation.json").read_text())
    scores = json.loads(onnx.with_suffix(".json").read_text())["scores"]
    assert scores[0]["value"] == round(report["results"][0]["pck@0.2"], 2)
    assert scores[0]["command"].startswith("leanpose evaluate mine ")
    # the exported model measures like the checkpoint it came from
    _run("evaluate", run / "last.ckpt", *evaluate, "--out", tmp_path / "report2")
    of_checkpoint = json.loads((tmp_path / "report2/evaluation.json").read_text())
    assert abs(of_checkpoint["results"][0]["auc@0.2"] - report["results"][0]["auc@0.2"]) < 2

    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (80, 60, 3), np.uint8))
    _run("predict", picture, "--box", "5,5,50,70", "--model", onnx, "--out", tmp_path / "out")
    document = json.loads((tmp_path / "out/poses.json").read_text())
    assert len(document["images"][0]["people"][0]["keypoints"]) == 14


def test_show_prints_the_resolved_recipe() -> None:
    shown = json.loads(_run("train", "softgate_lsp", "--data", "lsp:x", "--set", "augmentation.rotation=12", "--show"))
    assert shown["augmentation"]["rotation"] == 12
    assert shown["model"].startswith("softgate")


def test_what_is_wrong_is_said_in_one_line() -> None:
    for words, message in (
        (["train", "nosuch", "--data", "lsp:x"], "unknown recipe 'nosuch'"),
        (["train", "softgate_lsp", "--data", "lsp:/nowhere/at/all"], "does not exist"),
        (["export", "/nowhere/at/all.ckpt"], "no such checkpoint"),
        (["evaluate", "nosuch", "--data", "lsp:/nowhere/at/all"], "nosuch"),
    ):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2
        assert message in result.output
        assert "Traceback" not in result.output
