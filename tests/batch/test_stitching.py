from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from leanpose import PoseEstimator
from leanpose.batch.configuration import Cutting
from leanpose.batch.listing import named
from leanpose.batch.planning import shards_of
from leanpose.batch.shard import Shard
from leanpose.batch.stitching import stitch
from leanpose.batch.table import read_counts
from leanpose.batch.work import Job, process

from ..videos import FindDots, write_key_frames
from .driving import rows_by_file
from .simulated import Simulated, opening

pytest.importorskip("av", reason="needs PyAV: pip install 'leanpose[video]'")
CUT = Cutting(10, 1.0, 0.4)


def _pieces(path: Path) -> list[Shard]:
    return list(shards_of([named(str(path))], "c", CUT))


def _look(pieces: list[Shard], job: Job, estimator: Any) -> None:
    for shard in pieces:
        process(shard, job, estimator)


def test_ids_go_through_the_video(tmp_path: Path) -> None:
    """In each piece the ids begin anew, in one of two orders; together each walker keeps one."""
    path = write_key_frames(tmp_path / "v.mp4", 130, 9)
    pieces, job = _pieces(path), Job(tmp_path / "out", "simulated", opening())
    assert len(pieces) >= 4
    assert {shard.start.frame % 2 for shard in pieces if shard.start} == {0, 1}
    _look(pieces, job, Simulated())
    assert not job.poses.exists()
    assert stitch(pieces, job)
    assert not list(job.pieces.iterdir())
    rows = [row for shard in pieces for row in pq.read_table(job.poses / shard.file_name).to_pylist()]
    assert [(row["frame"], row["person"]) for row in rows] == [(f, p) for f in range(130) for p in (0, 1)]
    for person in (0, 1):
        assert len({row["id"] for row in rows if row["person"] == person}) == 1
    assert {row["id"] for row in rows} == {1, 2}
    assert sum(read_counts(job.poses / shard.file_name).frames for shard in pieces) == 130
    assert sum(read_counts(job.poses / shard.file_name).people for shard in pieces) == 260


def test_ended_at_any_file_it_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_key_frames(tmp_path / "v.mp4", 100, 9)
    pieces, calm = _pieces(path), Job(tmp_path / "calm", "simulated", opening())
    _look(pieces, calm, Simulated())
    stitch(pieces, calm)
    for written in range(len(pieces) + 1):
        job = Job(tmp_path / f"out{written}", "simulated", opening())
        _look(pieces, job, Simulated())
        monkeypatch.setattr("leanpose.batch.stitching._write", _dies_after(written))
        try:
            stitch(pieces, job)
        except KeyboardInterrupt:
            assert len(list(job.poses.glob("*.parquet"))) == written
        monkeypatch.undo()
        assert stitch(pieces, job)
        assert rows_by_file(job.out) == rows_by_file(calm.out)


def _dies_after(count: int) -> Callable[..., None]:
    from leanpose.batch import stitching

    write, left = stitching._write, count

    def dying(path: Path, *arguments: Any) -> None:
        nonlocal left
        path.parent.mkdir(parents=True, exist_ok=True)
        if not left:
            raise KeyboardInterrupt
        left -= 1
        write(path, *arguments)

    return dying


def test_a_piece_that_is_missing_is_waited_for(tmp_path: Path) -> None:
    path = write_key_frames(tmp_path / "v.mp4", 100, 9)
    pieces, job = _pieces(path), Job(tmp_path / "out", "simulated", opening())
    _look(pieces[1:], job, Simulated())
    assert not stitch(pieces, job)
    assert len(list(job.pieces.iterdir())) == len(pieces) - 1


@dataclass(frozen=True)
class _Nobody:
    def __call__(self) -> Any:
        raise AssertionError


def test_in_pieces_as_whole(tmp_path: Path, dot_model: Callable[..., Path]) -> None:
    """A real estimator with its tracker and smoother finds the same people in pieces as in the whole video."""
    path = write_key_frames(tmp_path / "v.mp4", 80, 10)
    estimator = PoseEstimator(dot_model(), detector=FindDots(), engine="onnxruntime", threads=1)
    pieces, job = _pieces(path), Job(tmp_path / "out", "dots", _Nobody())
    _look(pieces, job, estimator)
    assert stitch(pieces, job)
    (whole,) = shards_of([named(str(path))], "c", Cutting(10, 0))
    calm = Job(tmp_path / "calm", "dots", _Nobody())
    process(whole, calm, estimator)
    rows = [row for shard in pieces for row in pq.read_table(job.poses / shard.file_name).to_pylist()]
    expected = pq.read_table(calm.poses / whole.file_name).to_pylist()
    assert [(r["frame"], r["id"]) for r in rows] == [(r["frame"], r["id"]) for r in expected]
    for row, other in zip(rows, expected, strict=True):
        np.testing.assert_allclose(np.array(row["keypoints"], float), np.array(other["keypoints"], float), atol=1.0)
