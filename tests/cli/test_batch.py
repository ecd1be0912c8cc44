"""`leanpose batch` as a user runs it, with the packaged models."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from leanpose import PoseEstimator
from leanpose.batch.table import poses_of, read_skeleton
from leanpose.cli import app

PHOTO = Path(__file__).parents[2] / "examples" / "cameraman.png"
OPTIONS = ["--model", "nano", "--engine", "onnxruntime", "--deterministic", "--workers", "1"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(PHOTO.read_bytes())
    (folder / "cut.png").write_bytes(PHOTO.read_bytes()[:5000])
    (folder / "notes.doc").write_text("x")
    return folder


def _batch(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["batch", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_folder_and_what_comes_after(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = _batch(pictures, "--out", out, "--shard-images", 2, *OPTIONS)
    assert status == 1, said
    for words in ("4 files in 2 shards", "left out: 1 files of kinds not read here (1 .doc)", "images 3, people 3",
                  "failed: ", "1 failure: the row with an error"):  # fmt: skip
        assert words in said.replace("\n", " ")
    expected = PoseEstimator("nano", "onnxruntime", deterministic=True, threads=1)(PHOTO)
    paths = sorted((out / "poses").glob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    good = [row for row in rows if row["error"] is None]
    assert [Path(row["file"]).name for row in sorted(good, key=lambda row: row["file"])] == ["0.png", "1.png", "2.png"]
    for row in good:
        found = poses_of([row], read_skeleton(paths[0]))
        np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=0.01)
        assert row["model"] == "nano"

    assert _batch(pictures, "--out", out, "--shard-images", 2, *OPTIONS)[0] == 1  # nothing is left to do
    status, said = _batch(pictures, "--out", out, "--shard-images", 2, *OPTIONS, "--flip-test")
    assert (status, "flip_test: false, now true" in said.replace("\n", " ")) == (2, True)

    assert _batch("merge", out, "--to", tmp_path / "all.json") == (0, f"{tmp_path / 'all.json'}: images 3, people 3\n")
    status, said = _batch("merge", out, "--to", tmp_path / "set")
    assert (status, "rows 4 in 1 file, partitioned by kind" in said) == (0, True)
    assert _batch("merge", out, "--to", tmp_path / "x.csv")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["x", "--no-track", "--two-pass"], "--two-pass needs to know who is who"),
        (["x", "--piece", "4"], "twice as long"),
        (["x", "--tiles", "many"], "--tiles"),
        (["x", "--model", "none"], "none"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, arguments: list[str], says: str) -> None:
    status, said = _batch(*arguments, "--out", tmp_path / "out")
    assert (status, says in said.replace("\n", " ")) == (2, True), said


def test_ctrl_c_ends_it_in_good_order(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:03}.png").write_bytes(PHOTO.read_bytes())
    command = [sys.executable, "-m", "leanpose", "batch", str(folder), "--out", str(tmp_path / "out"), *OPTIONS]
    started = subprocess.Popen([*command, "--shard-images", "4"], stderr=subprocess.PIPE, text=True)
    poses = tmp_path / "out" / "poses"
    until = time.monotonic() + 60
    while not poses.exists() or not list(poses.glob("[!.]*.parquet")):
        assert time.monotonic() < until
        assert started.poll() is None
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "the same command goes on there" in said
    assert "Traceback" not in said
    assert not list((tmp_path / "out" / "begun").iterdir())
    assert all(path.suffix == ".parquet" and not path.name.startswith(".") for path in poses.iterdir())
