from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from leanpose.batch.configuration import Cutting
from leanpose.batch.listing import named
from leanpose.batch.planning import shards_of
from leanpose.batch.shard import Shard
from leanpose.batch.table import Counts, poses_of, read_counts, read_skeleton
from leanpose.batch.work import Job, process
from leanpose.core.errors import BatchError, EngineError

from ..videos import write_video
from .simulated import DOTS, Simulated, answer, opening, people_of, write_pictures


def _shard(paths: list[Path]) -> Shard:
    (shard,) = shards_of(map(named, map(str, paths)), "c", Cutting())
    return shard


def _job(folder: Path) -> Job:
    return Job(folder / "out", "simulated", opening())


def _rows(job: Job, shard: Shard) -> list[dict]:
    return pq.read_table(job.poses / shard.file_name).to_pylist()


def test_rows_are_the_people_of_each_picture(tmp_path: Path) -> None:
    shard, job = _shard(write_pictures(tmp_path / "p", 9)), _job(tmp_path)
    outcome = process(shard, job, Simulated())
    rows = _rows(job, shard)
    assert (
        outcome.counts
        == Counts(images=9, people=sum(map(people_of, range(9))))
        == read_counts(job.poses / shard.file_name)
    )
    for grey in range(9):
        mine = [row for row in rows if row["file"] == shard.files[grey]]
        assert [row["person"] for row in mine] == (list(range(people_of(grey))) or [None])
        found, expected = poses_of(mine, read_skeleton(job.poses / shard.file_name)), answer(grey)
        for name in ("keypoints", "scores", "boxes", "box_scores", "uncertainties"):
            given = getattr(found, name)
            if given is not None:
                np.testing.assert_array_equal(given, getattr(expected, name))
        assert found.skeleton == DOTS
        assert found.image_hw == (8, 8)
    assert rows[1]["keypoints"][:2] == [None, None]  # of a joint that was not found
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)


@pytest.mark.parametrize("greedy", [None, 4])
def test_what_cannot_be_used_is_a_row_in_its_place(tmp_path: Path, greedy: int | None) -> None:
    paths = write_pictures(tmp_path / "p", 9, broken=(0, 3, 8))
    shard, job = _shard([*paths, tmp_path / "p" / "gone.png"]), _job(tmp_path)
    outcome = process(shard, job, Simulated(greedy=greedy, fault=5))
    errors = {Path(row["file"]).name: row["error"] for row in _rows(job, shard) if row["error"]}
    wanted = {"00000.png": "cut off", "00003.png": "cut off", "00008.png": "cut off", "gone.png": "no such file"}
    wanted |= {"00005.png": "ZeroDivisionError: division by zero"} | ({"00004.png": "MemoryError"} if greedy else {})
    assert errors.keys() == wanted.keys()
    assert all(wanted[name] in error for name, error in errors.items())
    assert outcome.counts.failures == len(wanted)
    assert outcome.counts.images == 10 - len(wanted)
    assert [row["file"] for row in _rows(job, shard)] == sorted(row["file"] for row in _rows(job, shard))


def test_a_file_that_changed_is_not_the_one_that_was_planned(tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "p", 3)
    shard, job = _shard(paths), _job(tmp_path)
    paths[1].write_bytes(paths[1].read_bytes() + b"more")
    process(shard, job, Simulated())
    assert [row["file"] for row in _rows(job, shard) if "changed since" in (row["error"] or "")] == [str(paths[1])]
    assert read_counts(job.poses / shard.file_name) == Counts(images=2, people=2, failures=1)


def test_done_is_done(tmp_path: Path) -> None:
    shard, job = _shard(write_pictures(tmp_path / "p", 5)), _job(tmp_path)
    first = process(shard, job, Simulated())
    before = (job.poses / shard.file_name).stat()
    again = process(shard, job, Simulated(fault=1))
    assert again.counts == first.counts
    assert (job.poses / shard.file_name).stat() == before


def test_ended_in_the_midst_nothing_is_there(tmp_path: Path) -> None:
    shard, job = _shard(write_pictures(tmp_path / "p", 5)), _job(tmp_path)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process(shard, job, Simulated(), stop)
    assert list(job.poses.iterdir()) == list((job.out / "begun").iterdir()) == []


class _Broken(Simulated):
    def estimate_pairs(self, pairs, *, on_error=None):
        raise EngineError("the engine is broken")
        yield


def test_what_is_not_for_the_file_ends_the_run(tmp_path: Path) -> None:
    shard, job = _shard(write_pictures(tmp_path / "p", 5)), _job(tmp_path)
    with pytest.raises(EngineError, match="engine is broken"):
        process(shard, job, _Broken())
    assert list(job.poses.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    shard, job = _shard(write_pictures(tmp_path / "p", 5)), _job(tmp_path)
    job.out.mkdir()
    (job.out / "poses").write_text("a file")
    with pytest.raises(BatchError, match=r"cannot write .*the same command goes on"):
        process(shard, job, Simulated())


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    shard, job = _shard(write_pictures(tmp_path / "p", 200)), _job(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(BatchError, match="make room"):
            process(shard, job, Simulated())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(job.poses.iterdir()) == []
    process(shard, job, Simulated())
    assert len({row["file"] for row in _rows(job, shard)}) == 200


def test_a_video_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    shard, job = _shard([path]), _job(tmp_path)
    outcome = process(shard, job, Simulated())
    rows = _rows(job, shard)
    assert rows[-1]["error"]
    assert outcome.counts.failures == 1
    frames = [row["frame"] for row in rows if row["error"] is None and row["person"] == 0]
    assert frames == list(range(len(frames)))
    whole = write_video(tmp_path / "w.mkv", 60)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    shard = _shard([whole])
    counts = process(shard, job, Simulated()).counts
    assert 0 < counts.frames < 60
    assert counts.failures == 1
