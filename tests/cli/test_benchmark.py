"""``leanpose benchmark``, at its smallest."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from leanpose.benchmark import ceilings
from leanpose.benchmark.result import Benchmark
from leanpose.cli import app


def _run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["benchmark", *map(str, words)], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.fixture
def measured(dot_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """What a quick run prints, and its folder."""
    monkeypatch.setattr(ceilings, "PRODUCTS", ())
    folder = tmp_path / "out"
    code, shown = _run(dot_model(), "--engine", "onnxruntime", "--quick", "--batch", 2, "--starts", 0, "--out", folder)
    assert code == 0, shown
    return shown, folder


def test_a_quick_look_writes_everything_but_a_plot_of_nothing(measured: tuple[str, Path]) -> None:
    shown, folder = measured
    for text in ("dots, onnxruntime f32", "f32 product", "Throughput", "batch 2", "no plot: no model has a score"):
        assert text in shown
    assert "Start-up" not in shown
    done = Benchmark.load(folder / "benchmark.json")
    assert done.models[0].timings["end to end"].calls == 6
    assert list(done.models[0].batches) == [2]
    assert "| dots, onnxruntime f32 |" in (folder / "benchmark.md").read_text()
    assert not (folder / "accuracy.png").exists()


def test_an_earlier_run_is_drawn_with_scores(measured: tuple[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "scores.json").write_text(json.dumps({"dots": 55}))
    earlier = measured[1] / "benchmark.json"
    code, shown = _run("--from", earlier, "--scores", tmp_path / "scores.json", "--out", tmp_path / "again")
    assert code == 0, shown
    assert "nobody beats dots, onnxruntime f32" in shown
    assert (tmp_path / "again" / "accuracy.png").stat().st_size > 5000
    assert Benchmark.load(tmp_path / "again" / "benchmark.json") == Benchmark.load(earlier)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch", "--quick"], "unknown"),
        (["small", "--engine", "tpu"], "unknown engine 'tpu'"),
        (["small", "--precision", "f64"], "unknown precision 'f64'"),
        (["small", "--input", "256"], "as in 256x192"),
        (["small", "--box", "1,2,3"], "as in 40,20,180,400"),
        (["small", "--box", "1,2,3,4"], "give the picture"),
        (["small", "--image", "nowhere.jpg"], "nowhere.jpg"),
        (["small", "--scores", "nowhere.json"], "nowhere.json: cannot be read"),
        (["small", "--video", "nowhere.mp4"], "nowhere.mp4"),
        (["small", "--video", "x.mp4", "--image", "x.jpg"], "--image goes with --video synthetic"),
        (["--from", "nowhere.json"], "nowhere.json: cannot be read"),
        (["small", "--quick", "--peer", "movenet:nowhere.pb"], "no .pb file at nowhere.pb"),
        (["small", "--quick", "--mediapipe-python", "/nowhere/python"], "no Python interpreter at /nowhere/python"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str) -> None:
    code, shown = _run(*words)
    assert code == 2
    assert message in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("content", ["[1]", '{"small": "good"}', '{"small": true}', "{"])
def test_scores_that_are_no_numbers_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(content)
    code, shown = _run("small", "--scores", tmp_path / "scores.json")
    assert code == 2
    assert "scores.json" in shown


def test_the_page_names_options_that_there_are() -> None:
    """Every line that runs it, in docs/benchmark.md."""
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text()
    lines = [line.strip().partition("#")[0] for line in page.splitlines() if line.startswith("    leanpose benchmark")]
    assert len(lines) > 8
    command = get_command(app).commands["benchmark"]  # type: ignore[attr-defined]
    for line in lines:
        assert command.make_context("benchmark", shlex.split(line)[2:])
