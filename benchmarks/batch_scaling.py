"""leanpose batch against the plain loop: pictures a second of the loop, one process, two, and Ray.

    python benchmarks/batch_scaling.py FOLDER [--pictures 400] [--repeats 2] [--ray] [--video]

Pictures of the folder are taken again and again, under other names, until there are enough. Each process has one
thread. Starting processes and loading models is counted in `whole`, and left out in `at work`: from the first picture
done to the last. Seconds of CPU, of all processes but Ray's, are whole as well; on a busy machine they say more than
the clock. `--video` adds a film of 30 seconds, 640x480, of the man who moves in benchmarks/moving_picture.py.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.batch.configuration import Cutting
from leanpose.batch.estimators import Opening
from leanpose.batch.processes import Processes
from leanpose.batch.run import plan, run
from leanpose.batch.runner import Step
from leanpose.batch.work import Job
from leanpose.media import VideoWriter, find_images
from moving_picture import FPS, frames


def loop(pictures: list[str]) -> tuple[float, float]:
    """Seconds of the estimator alone, whole and at work."""
    began = time.perf_counter()
    found = Opening()().estimate_many(pictures)
    next(found)
    first = time.perf_counter()
    for _ in found:
        pass
    end = time.perf_counter()
    return end - began, end - first


def batch(pictures: list[str], runner: Any, shard: int) -> tuple[float, float]:
    """Seconds of a whole run, and of it from the first word about progress on."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "list.parquet"
        pq.write_table(pa.table({"path": pictures}), listed)
        began, first = time.perf_counter(), None
        job = Job(Path(folder) / "out", "small", Opening())
        told = 0
        for event in run(plan([str(listed)], job.out, {}, Cutting(shard)), job, runner):
            if isinstance(event, Step):
                if first is None:
                    first = time.perf_counter(), event.pictures
                told += event.pictures
        assert first is not None
        end = time.perf_counter()
        return end - began, (end - first[0]) * told / max(told - first[1], 1)


def cpu_seconds() -> float:
    """Of this process, and of those it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--shard", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--video", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = find_images(options.folder)
        for number in range(options.pictures):  # links, for shards of the same files are one shard
            source = given[number % len(given)].absolute()
            (Path(folder) / f"{number:06}{source.suffix}").symlink_to(source)
        measure([str(path) for path in find_images(folder)], options)
        if options.video:
            film = Path(folder) / "film.mp4"
            with VideoWriter(film, FPS) as writer:
                for image in frames(30 * FPS):
                    writer.write(image)
            before = cpu_seconds()
            whole, _ = batch([str(film)], Processes(1), 1)
            print(f"film         whole {30 * FPS / whole:6.1f} frames/s, CPU {cpu_seconds() - before:6.1f} s")


def measure(pictures: list[str], options: argparse.Namespace) -> None:
    """Prints a line for each way of looking at the pictures."""
    ways: dict[str, Any] = {
        "loop": lambda: loop(pictures),
        "1 process": lambda: batch(pictures, Processes(1), options.shard),
        "2 processes": lambda: batch(pictures, Processes(2), options.shard),
    }
    if options.ray:
        from leanpose.batch.ray_runner import OnRay

        ways |= {f"Ray, {n}": lambda n=n: batch(pictures, OnRay(n), options.shard) for n in (1, 2)}
    print(f"{options.pictures} pictures, load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
    for _ in range(options.repeats):
        for name, way in ways.items():
            before = cpu_seconds()
            whole, at_work = (len(pictures) / seconds for seconds in way())
            cpu = "" if name.startswith("Ray") else f", CPU {cpu_seconds() - before:6.1f} s"
            print(f"{name:12} whole {whole:6.1f} pictures/s, at work {at_work:6.1f}{cpu}", flush=True)


if __name__ == "__main__":
    main()
