"""The runner of one machine, whose processes are killed; at random moments in test_kills.py."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from leanpose.batch.configuration import Cutting
from leanpose.batch.processes import Processes
from leanpose.batch.run import Plan, alone, missing, plan, run, totals
from leanpose.batch.runner import Note
from leanpose.batch.work import Job, Outcome
from leanpose.core.errors import BatchError, ModelError

from .driving import compare, drive, rows_by_file
from .simulated import Simulated, opening, write_pictures


def _plan(folder: Path, out: Path, images: int = 10) -> Plan:
    return plan([str(folder)], out, {"model": "simulated"}, Cutting(images, 1.0, 0.4))


def _run(found: Plan, job: Job, workers: int = 2) -> list[object]:
    return list(run(found, job, Processes(workers)))


def test_two_processes_make_what_one_does(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 45, broken=(7,))
    found = {}
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        planned, job = _plan(tmp_path / "p", out), Job(out, "simulated", opening())
        outcomes = [event for event in _run(planned, job, workers) if isinstance(event, Outcome)]
        assert len(outcomes) == planned.shards == 5
        assert totals(planned, job).images == 44
        found[workers] = rows_by_file(out)
    compare(found[1], found[2])


def test_a_picture_that_ends_processes_is_found_and_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 25)
    planned, job = _plan(tmp_path / "p", tmp_path / "out"), Job(tmp_path / "out", "simulated", opening(deadly=13))
    notes = [event.text for event in _run(planned, job, 1) if isinstance(event, Note)]
    assert len(notes) == 4  # one where all went together, three where it was alone
    assert all("SIGKILL" in note for note in notes)
    rows = rows_by_file(tmp_path / "out")
    errors = {Path(file).name: mine[0]["error"] for file, mine in rows.items() if mine[0]["error"]}
    assert list(errors) == ["00013.png"]
    assert "3 processes died looking at it" in errors["00013.png"]
    assert len(rows) == 25


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 40)
    planned, job = _plan(tmp_path / "p", tmp_path / "out"), Job(tmp_path / "out", "simulated", opening())
    with closing(run(planned, job, Processes(1))) as events:
        first = next(event for event in events if isinstance(event, Outcome))
    left = {shard.id for shard in missing(planned, job)}
    assert first.shard not in left
    again = _plan(tmp_path / "p", tmp_path / "out")
    assert not again.new
    outcomes = [event for event in _run(again, job) if isinstance(event, Outcome)]
    assert {outcome.shard for outcome in outcomes} == left
    assert totals(again, job).images == 40


@pytest.mark.parametrize("killed", ["driver", "worker"])
def test_killed_and_begun_again_it_is_as_if_nothing_had_been(tmp_path: Path, killed: str) -> None:
    write_pictures(tmp_path / "p", 60, broken=(11,))
    job = Job(tmp_path / "calm", "simulated", opening())
    list(run(_plan(tmp_path / "p", tmp_path / "calm"), job, Processes(1)))
    out = tmp_path / "out"
    with drive(tmp_path / "p", out, delay=0.02) as driver:
        _wait_for(lambda: len(list((out / "poses").glob("[!.]*.parquet"))) >= 2 if (out / "poses").exists() else False)
        victim = driver.pid if killed == "driver" else driver.workers()[0]
        os.kill(victim, signal.SIGKILL)
        assert (driver.wait(60) == 0) == (killed == "worker")
    with drive(tmp_path / "p", out) as driver:
        assert driver.wait(60) == 0
    compare(rows_by_file(tmp_path / "calm"), rows_by_file(out))
    assert not list((out / "begun").iterdir())


def _wait_for(true: object) -> None:
    until = time.monotonic() + 30
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.02)


@dataclass(frozen=True)
class _NoModel:
    def __call__(self) -> Simulated:
        raise ModelError("no such model")


@dataclass(frozen=True)
class _Deadly:
    def __call__(self) -> Simulated:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def test_an_estimator_that_cannot_be_opened_ends_the_run(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 5)
    planned = _plan(tmp_path / "p", tmp_path / "out")
    with pytest.raises(ModelError, match="no such model"):
        _run(planned, Job(tmp_path / "out", "simulated", _NoModel()), 1)
    with pytest.raises(BatchError, match=r"5 processes in a row ended before .* by SIGKILL"):
        _run(planned, Job(tmp_path / "out", "simulated", _Deadly()), 1)


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 5)
    _plan(tmp_path / "p", tmp_path / "out")
    with pytest.raises(BatchError, match=r'another configuration .*"images": 10.*now.*"images": 11'):
        _plan(tmp_path / "p", tmp_path / "out", images=11)
    with pytest.raises(BatchError, match="holds other files"):
        _plan(tmp_path / "p", tmp_path / "p")


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        alone(tmp_path / "out"),
        pytest.raises(BatchError, match="another leanpose batch is at work"),
        alone(tmp_path / "out"),
    ):
        pass
    with alone(tmp_path / "out"):
        pass


def test_few_shards_are_asked_for_ahead(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 60)
    planned, job = _plan(tmp_path / "p", tmp_path / "out", images=2), Job(tmp_path / "out", "simulated", opening())
    asked = 0

    def counted() -> Iterator:
        nonlocal asked
        for shard in missing(planned, job):
            asked += 1
            yield shard

    done = 0
    for event in Processes(2).run(job, counted()):
        if isinstance(event, Outcome):
            done += 1
            assert asked <= done + 2
    assert done == asked == 30
