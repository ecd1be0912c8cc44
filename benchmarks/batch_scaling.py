"""leanpose batch against the plain loop: pictures a second of the loop, one process, two, and Ray.

    python benchmarks/batch_scaling.py FOLDER [--pictures 400] [--repeats 2] [--ray]

Pictures of the folder are taken again and again until there are enough. Each process has one thread. Starting processes
and loading models is counted in `whole`, and left out in `at work`: from the first picture done to the last.
"""

import argparse
import os
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
from leanpose.media import find_images


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--shard", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--ray", action="store_true")
    options = parser.parse_args()
    given = [str(path) for path in find_images(options.folder)]
    pictures = (given * (options.pictures // len(given) + 1))[: options.pictures]
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
            whole, at_work = (len(pictures) / seconds for seconds in way())
            print(f"{name:12} whole {whole:6.1f} pictures/s, at work {at_work:6.1f}", flush=True)


if __name__ == "__main__":
    main()
