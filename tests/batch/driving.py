"""A run in a process of its own, that can be killed, and what came of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from leanpose.batch.configuration import Cutting
from leanpose.batch.processes import Processes
from leanpose.batch.run import plan, run
from leanpose.batch.work import Job

from .simulated import opening

ROOT = Path(__file__).parents[2]


class Driver:
    """The process of a run."""

    def __init__(self, pictures: Path, out: Path, delay: float, images: int, runner: str) -> None:
        arguments = [str(pictures), str(out), str(delay), str(images), runner]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}  # for Ray's workers
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.batch.driving", *arguments], cwd=ROOT, env=environment
        )
        self.pid = self._process.pid

    def workers(self) -> list[int]:
        """The processes that look at pictures, by Linux's word."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            if entry.name.isdigit() and fields[1] == str(self.pid) and b"spawn_main" in command:
                found.append(int(entry.name))
        return found

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def drive(
    pictures: Path, out: Path, delay: float = 0.0, images: int = 10, runner: str = "processes"
) -> Iterator[Driver]:
    """A run with two workers, of processes or on Ray, under way inside the ``with`` block."""
    driver = Driver(pictures, out, delay, images, runner)
    try:
        yield driver
    finally:
        driver.kill()


def rows_by_file(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of all results by their file; each file of results is read whole."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((out / "poses").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            found.setdefault(row["file"], []).append(row)
    return dict(sorted(found.items()))


def compare(calm: dict[str, list[dict[str, Any]]], found: dict[str, list[dict[str, Any]]]) -> None:
    """Holds results against those of an undisturbed run, row by row: nothing lost, nothing twice."""
    assert found.keys() == calm.keys()
    for file, rows in calm.items():
        assert found[file] == rows, file


if __name__ == "__main__":
    sources, folder, wait, number, kind = sys.argv[1:]
    planned = plan([sources], Path(folder), {"model": "simulated"}, Cutting(int(number), 1.0, 0.4))
    found: Any = Processes(2)
    if kind == "ray":
        from leanpose.batch.ray_runner import OnRay

        found = OnRay(2)
    for _ in run(planned, Job(Path(folder), "simulated", opening(delay=float(wait))), found):
        pass
