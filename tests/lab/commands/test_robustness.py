"""The command ``robustness`` with the packaged model, on made people and on the picture that everybody has."""

import json
import shlex
from pathlib import Path

import cv2
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from leanpose.cli import app

ROOT = Path(__file__).parents[3]


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, ["robustness", *map(str, words)], env={"COLUMNS": "200"})


def test_models_side_by_side_and_their_reports(made_pack: Path, tmp_path: Path) -> None:
    out = [f"--out={tmp_path / name}" for name in ("r.json", "r.md", "r.html")]
    choice = ["--part", "val", "--people", 3, "--only", "grey", "--only", "shifted-20", "--engine", "onnxruntime"]
    result = _run("small", "small", "--data", f"pack:{made_pack}", *choice, *out)
    assert result.exit_code == 0, result.output
    for words in ("3 people", "as they are", "grey", "shifted-20", "PCK@0.2 of the torso"):
        assert words in result.output
    report = json.loads((tmp_path / "r.json").read_text())
    first, second = report["subjects"]
    assert first == second
    assert "flip test off" in first["protocol"]
    assert report["joints"] == 3 * 14
    assert [effect["name"] for effect in first["effects"]] == ["grey", "shifted-20"]
    again = _run("--from", tmp_path / "r.json", "--out", tmp_path / "again.md")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.md").read_text() == (tmp_path / "r.md").read_text()


def test_a_photo_is_drawn_without_data(tmp_path: Path) -> None:
    words = ["--image", ROOT / "examples/cameraman.png", "--box", "0,62,332,511", "--engine", "onnxruntime"]
    result = _run(*words, "--only", "turned", "--picture", tmp_path / "p.png")
    assert result.exit_code == 0, result.output
    picture = cv2.imread(str(tmp_path / "p.png"))
    assert picture is not None
    assert picture.std() > 20


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name them with --data"),
        (["--data", "PACK", "--part", "test"], "nobody here has a labelled joint"),
        (["--data", "PACK", "--part", "val", "--only", "fog"], "unknown distortion 'fog'"),
        (["--data", "PACK", "--part", "val", "--out", "report.txt"], "a report ends in .json"),
        (["--data", "PACK", "--part", "val", "--picture", "p.png", "--person", "eve"], "nobody here is called 'eve'"),
        (["--image", "none.png"], "say where to with --picture"),
        (["--image", "none.png", "--picture", "p.png"], "none.png: no such file"),
        (["--image", "none.png", "--picture", "p.png", "--box", "1,2"], "--box 1,2"),
        (["--from", "none.json"], "none.json is not what"),
        (["--from", "none.json", "--data", "PACK"], "leave out models"),
        (["--from", "none.json", "--only", "grey"], "leave out models"),
        (["--from", "none.json", "--people", "5"], "leave out models"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(made_pack: Path, words: list[str], message: str) -> None:
    result = _run(*(f"pack:{made_pack}" if word == "PACK" else word for word in words))
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_the_page_names_options_that_there_are() -> None:
    """Every line that runs it, in docs/robustness.md."""
    page = (ROOT / "docs/robustness.md").read_text()
    lines = [line.strip().partition("#")[0] for line in page.splitlines() if line.startswith("    leanpose robustness")]
    assert len(lines) > 3
    command = get_command(app).commands["robustness"]  # type: ignore[attr-defined]
    for line in lines:
        assert command.make_context("robustness", shlex.split(line)[2:])


def test_real_people_lose_by_blur_and_not_by_colour(data_root: Path, tmp_path: Path) -> None:
    """Sixteen of LSP: what a strong blur takes away is far beyond chance."""
    words = ["--part", "val", "--people", 16, "--only", "blurred-4", "--only", "grey", "--engine", "onnxruntime"]
    result = _run("small", "--data", f"lsp:{data_root / 'lsp_dataset'}", *words, "--out", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    (subject,) = json.loads((tmp_path / "r.json").read_text())["subjects"]
    blur, grey = subject["effects"]
    assert blur["high"] < -20
    assert grey["low"] > -20
