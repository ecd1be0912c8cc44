"""The memory of leanpose batch by the number of files: planned, and looked at by a simulated estimator.

    python benchmarks/batch_memory.py 10000 1000000

Each number runs in processes of its own; the list of the files is a Parquet file with their sizes, none of them exists.
A manifest has a row for each file (shards of one), to be planned, read back, and asked for what is missing; then the
same files are looked at in shards of 1,000 by an estimator that answers at once. Linux, for it reads /proc.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.batch.configuration import Cutting
from leanpose.batch.processes import Processes
from leanpose.batch.run import count_missing, plan, run, totals
from leanpose.batch.work import Job
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, Skeleton

AT_ONCE = 10_000


@dataclass
class Instant:
    """Two people in every picture, without looking; says the memory of its process in a file."""

    memory: Path
    skeleton: Skeleton = COCO17

    def estimate_pairs(self, pairs: Iterable[tuple[Any, Any]], *, on_error: Any = None) -> Iterator[Poses]:
        boxes = np.array([[0.0, 0, 50, 100], [50, 0, 100, 100]])
        found = Poses(np.full((2, 17, 2), 9.0), np.full((2, 17), 0.5), boxes, np.full(2, 0.9), COCO17, (100, 100))
        for path, _ in pairs:
            yield replace(found, source=path)
        self.memory.write_text(str(largest_memory()))

    def stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def largest_memory() -> int:
    """Megabytes that this process has had at once."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) // 1024


def write_list(path: Path, files: int) -> None:
    """A list of files that do not exist, with their sizes."""
    schema = pa.schema([("path", pa.string()), ("size", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, files, AT_ONCE):
            names = [f"/data/archive/{number:09d}.jpg" for number in range(start, min(start + AT_ONCE, files))]
            writer.write_table(pa.table({"path": names, "size": [100_000] * len(names)}, schema))


def measure(files: int, folder: Path, step: str) -> None:
    """One step in this process; prints its seconds and the largest memory of it and of its workers."""
    began = time.perf_counter()
    out = folder / step
    if step == "plan":
        found = plan([str(folder / "list.parquet")], out, {}, Cutting(images=1))
        shards, _ = count_missing(found, Job(out, "instant", partial(Instant, folder / "memory")))
        assert shards == found.shards == files
    else:
        found, job = (
            plan([str(folder / "list.parquet")], out, {}, Cutting(images=1000)),
            Job(out, "instant", partial(Instant, folder / "memory")),
        )
        for _ in run(found, job, Processes(1)):
            pass
        assert totals(found, job).images == files
    seconds = time.perf_counter() - began
    worker = f"{(folder / 'memory').read_text()} MB a worker" if step == "run" else ""
    print(f"{step:5} {files:>9,} files  {seconds:7.1f} s  {largest_memory():5} MB here  {worker}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=["plan", "run"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        measure(options.files[0], options.folder, options.step)
        return
    for files in options.files:
        with tempfile.TemporaryDirectory() as folder:
            write_list(Path(folder) / "list.parquet", files)
            for step in ("plan", "run"):
                command = [sys.executable, __file__, str(files), "--folder", folder, "--step", step]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
