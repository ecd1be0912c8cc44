"""The runner on Ray Data: one machine or a cluster, whose machines see the sources and the results at the same paths.

A shard stays what it is on one machine: an actor calls :func:`leanpose.batch.work.process`, which writes the shard's
file and leaves alone what is there. So neither a task that Ray does again nor a driver that is begun again needs a
checkpoint of Ray's: its CheckpointConfig would be a second word on what is done. Either runner goes on where the other
one was.
"""

import logging
import os
import pickle
import socket
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from leanpose.batch.planning import write_manifest
from leanpose.batch.runner import Note, Step
from leanpose.batch.shard import Shard
from leanpose.batch.work import Job, Outcome, process
from leanpose.core.errors import BatchError, LeanposeError

TODO = "todo.parquet"  # of a run on Ray: the rows of the manifest that have no results yet


class Looking:
    """The actor: holds the estimator, and looks at one shard after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._estimator: Any = None

    def __call__(self, rows: pa.Table) -> pa.Table:
        """An outcome, or the error that ends the run, for each row of a manifest, pickled."""
        found: list[Outcome | LeanposeError] = []
        for row in rows.to_pylist():
            try:
                if self._estimator is None:
                    self._estimator = self._job.opening()
                found.append(process(Shard.from_row(row), self._job, self._estimator))
            except LeanposeError as error:  # raised here, Ray would do it again, and show its own frames with it
                found.append(error)
        return pa.table({"outcome": pa.array([pickle.dumps(each) for each in found], pa.binary())})


@dataclass
class OnRay:
    """Runs shards in Ray Data's actors.

    Attributes:
        workers: actors; ``None`` for as many as there are cores for.
        threads: CPU threads of each, for which it takes as many of Ray's CPUs. ONNX Runtime does not heed what Ray sets
            in OMP_NUM_THREADS: the estimator of the job has to be opened with as many.
        address: of a cluster, such as ``"auto"``; ``None`` starts Ray on this machine, and ends it afterwards.
    """

    workers: int | None = None
    threads: int = 1
    address: str | None = None

    def run(self, job: Job, shards: Iterator[Shard]) -> Generator[Step | Note | Outcome, None, None]:
        """As :class:`leanpose.batch.runner.Runner` says; steps come shard by shard.

        Raises:
            BatchError: besides, when the cluster cannot be reached, or Ray gives up.
        """
        first = next(shards, None)
        if first is None:
            return
        todo = job.out / TODO
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray tells its makers of its use
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray  # pyright: ignore[reportMissingImports]
        import ray.data  # pyright: ignore[reportMissingImports]
        import ray.exceptions  # pyright: ignore[reportMissingImports]

        write_manifest(todo, _with(first, shards))
        self._start(ray)
        try:
            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False
            size = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1) - 1) // self.threads)
            rows = ray.data.read_parquet(str(todo)).repartition(target_num_rows_per_block=1)  # a shard a task
            outcomes = rows.map_batches(
                Looking, fn_constructor_args=(job,), batch_size=1, batch_format="pyarrow", num_cpus=self.threads,
                compute=ray.data.ActorPoolStrategy(size=size),
            )  # fmt: skip
            for row in outcomes.iter_rows():
                outcome = pickle.loads(row["outcome"])
                if isinstance(outcome, LeanposeError):
                    raise outcome
                yield Step(outcome.counts.images + outcome.counts.frames)
                yield outcome
        except ray.exceptions.RayError as error:
            raise BatchError(
                f"Ray gave up: {str(error)[:500]}: what is done stays, and the same command goes on"
            ) from error
        finally:
            ray.shutdown()
            todo.unlink(missing_ok=True)

    def _start(self, ray: Any) -> None:
        # What reads the manifest needs a CPU of Ray's beside those of the actors, or nothing ever starts.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        here = {
            "num_cpus": (self.workers or max(1, cores // self.threads)) * self.threads + 1,
            "include_dashboard": False,
        }
        try:
            _knock(self.address)
            ray.init(self.address, logging_level=logging.ERROR, log_to_driver=False, **({} if self.address else here))
        except (OSError, ValueError, RuntimeError) as error:
            where = "" if self.address is None else f" at {self.address}"
            raise BatchError(
                f"Ray cannot be reached{where}: {error}: start it there, with: ray start --head"
            ) from error
        for name in ("ray.data", "ray._private"):
            logging.getLogger(name).setLevel(logging.ERROR)


def _knock(address: str | None) -> None:
    """Raises OSError where nobody listens at ``host:port``: Ray itself would try again for many minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _with(first: Shard, others: Iterator[Shard]) -> Iterator[Shard]:
    yield first
    yield from others
