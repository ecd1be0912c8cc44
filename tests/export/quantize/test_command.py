"""``leanpose quantize``: what it prints, writes and refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from leanpose.cli import app
from leanpose.engines.card import ModelCard
from leanpose.export.quantize import run as quantize_run


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, ["quantize", *map(str, words)], env={"COLUMNS": "200"})


def test_before_and_after_are_printed_and_the_card_has_what_was_measured(
    dot_network: Path, dot_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANPOSE_DATA", str(dot_pack.parent))
    out = tmp_path / "dots8.onnx"
    result = _run(
        dot_network, "--data", f"pack:{dot_pack}", "--out", out, "--calibration", 6, "--keep-float", "heads",
        "--no-flip-test", "--method", "onnxruntime", "--engine", "onnxruntime",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for words in ("8 people", "100.00", "+0.00", "size: ", "time ratio", "6 people of pack train; in float: heads"):
        assert words in result.output
    card = ModelCard.load(out.with_suffix(".json"))
    assert card.precision == "int8"
    assert card.calibration is None  # fitted on other answers
    assert {score.value for score in card.scores} == {100}
    assert card.scores[0].metric.endswith("pack val")
    assert card.scores[0].command == (
        "leanpose evaluate dots8.onnx --data pack:$LEANPOSE_DATA/pack --part val --engine onnxruntime --no-flip-test"
    )
    words = card.scores[0].command.replace("$LEANPOSE_DATA", str(dot_pack.parent)).replace("dots8.onnx", str(out))
    again = CliRunner().invoke(app, words.split()[1:], env={"COLUMNS": "200"})
    assert again.exit_code == 0, again.output
    assert "100.0" in again.output


def test_a_loss_is_printed_and_refused(
    dot_network: Path, dot_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = quantize_run.calibration_crops
    monkeypatch.setattr(quantize_run, "calibration_crops", lambda *words: crops(*words) * 1e-3)
    out = tmp_path / "dots8.onnx"
    result = _run(
        dot_network, "--data", f"pack:{dot_pack}", "--out", out, "--keep-float", "none", "--max-drop", 0,
        "--no-flip-test", "--method", "onnxruntime", "--engine", "onnxruntime",
    )  # fmt: skip
    assert result.exit_code == 1, result.output
    assert "100.00" in result.stdout
    assert "at most 0 are allowed: not written" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dots.json", "dots.onnx"]


def test_half_precision_needs_no_data(dot_network: Path, tmp_path: Path) -> None:
    result = _run(dot_network, "--fp16", "--out", tmp_path / "half.onnx")
    assert result.exit_code == 0, result.output
    assert "3 weight tensors" in result.output
    card = ModelCard.load(tmp_path / "half.json")
    assert card.precision == "f16"
    assert card.calibration == ModelCard.load(dot_network.with_suffix(".json")).calibration  # the same answers


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x.onnx"], "name them with --data KIND:PATH"),
        (["--out", "x.bin", "--fp16"], "name the file NAME.onnx"),
        (["--out", "x.onnx", "--keep-float", "auto", "--keep-float", "heads"], "auto and none stand alone"),
        (["--out", "x.onnx", "--data", "PACK", "--part", "test"], "would be chosen on the test people"),
        (["--out", "x.onnx", "--data", "PACK", "--ranges", "entropy"], "--method onnxruntime"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(dot_network: Path, dot_pack: Path, words: list[str], message: str) -> None:
    result = _run(dot_network, *(word.replace("PACK", f"pack:{dot_pack}") for word in words))
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
