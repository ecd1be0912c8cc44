"""``leanpose export``: which options go together, and what is said."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from leanpose.cli import app


def _run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["export", *map(str, words)], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name one checkpoint"),
        (["a.ckpt", "b.ckpt"], "name one checkpoint"),
        (["nano"], "is an ONNX file already"),
        (["mine.onnx"], "is an ONNX file already"),
        (["a.ckpt", "--overwrite"], "--overwrite does not go with --to onnx"),
        (["nano", "--to", "triton"], "name it with --out"),
        (["nano", "--to", "triton", "--out", "x", "--no-fold"], "--no-fold does not go with --to triton"),
        (["nano", "--to", "ovms", "--out", "x", "--runtime", "y"], "--runtime does not go with --to ovms"),
        (["nano", "small", "--to", "openvino", "--out", "x"], "one model"),
        (["--web", "x", "--to", "triton"], "--web DIR is short for"),
        (["--web", "x", "--out", "y"], "--web DIR is short for"),
        (["--to", "triton", "--out", "x"], "name the models"),
    ],
)
def test_what_does_not_go_together_is_said(words: list[str], said: str) -> None:
    code, shown = _run(*words)
    assert code == 2
    assert said in shown


def test_models_go_to_a_server(tmp_path: Path) -> None:
    code, shown = _run("nano", "--to", "triton", "--out", tmp_path / "repository")
    assert code == 0
    assert "nano, read again by onnxruntime" in shown
    assert (tmp_path / "repository" / "nano" / "1" / "model.onnx").is_file()


def test_the_page_without_its_runtime_says_what_to_do(tmp_path: Path) -> None:
    code, shown = _run("--web", tmp_path / "page", "--runtime", tmp_path)
    assert code == 2
    assert "unpack onnxruntime-web" in shown
    assert not (tmp_path / "page").exists()
