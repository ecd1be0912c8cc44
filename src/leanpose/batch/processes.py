"""The runner of one machine: processes, each with an estimator, each looking at one shard after the other."""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from leanpose.batch.runner import Note, Step
from leanpose.batch.shard import Shard
from leanpose.batch.work import Job, Outcome, process
from leanpose.core.errors import BatchError, LeanposeError

STILLBORN = 5  # processes in a row that die before they have done anything, after which none more is started
STEP_SECONDS = 0.2  # from one word about progress to the next; each also finds out whether anybody still listens
PATIENCE = 10.0  # seconds that a process has to end by itself
READY = "ready"


@dataclass
class Processes:
    """Runs shards in processes of this machine.

    Attributes:
        workers: how many.
    """

    workers: int = 1
    _waiting: deque[Shard] = field(default_factory=deque)
    _stillborn: int = 0

    def run(self, job: Job, shards: Iterator[Shard]) -> Generator[Step | Note | Outcome, None, None]:
        """As :class:`leanpose.batch.runner.Runner` says."""
        working: dict[Connection, _Worker] = {}
        try:
            while True:
                while len(working) < self.workers and (shard := self._next(shards)) is not None:
                    worker = _Worker.start(job)
                    working[worker.connection] = worker
                    worker.give(shard)
                if not working:
                    return
                for connection in wait(list(working), timeout=1.0):
                    assert isinstance(connection, Connection)
                    worker = working[connection]
                    try:
                        message = connection.recv()
                    except (EOFError, ConnectionResetError):
                        del working[connection]
                        yield self._died(worker)
                        continue
                    if isinstance(message, LeanposeError):
                        raise message
                    if message == READY:
                        self._stillborn = 0
                        continue
                    yield message
                    if isinstance(message, Outcome):
                        worker.shard = None
                        shard = self._next(shards)
                        if shard is None:
                            del working[connection]
                            worker.end()
                        else:
                            worker.give(shard)
        finally:
            for worker in working.values():
                worker.connection.close()  # which it notices with the next picture
            for worker in working.values():
                worker.end()

    def _next(self, shards: Iterator[Shard]) -> Shard | None:
        return self._waiting.popleft() if self._waiting else next(shards, None)

    def _died(self, worker: "_Worker") -> Note:
        """Has somebody else do what a process did not end."""
        worker.end()
        self._stillborn += 1
        how = _how(worker.process.exitcode)
        if self._stillborn == STILLBORN:
            raise BatchError(
                f"{STILLBORN} processes in a row ended before they had loaded the models, the last one {how}: try "
                "fewer --workers, or leanpose predict with one of the files, which may say why"
            )
        if worker.shard is None:
            return Note(f"a process ended, {how}")
        self._waiting.append(worker.shard)
        return Note(f"a process ended, {how}, at {worker.shard.files[0]} or near it: once more, in another one")


def workers_by_default(threads: int) -> int:
    """Processes with so many threads for which this machine has cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)


def _how(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"with status {exit_code}"
    with suppress(ValueError):
        name = signal.Signals(-exit_code).name
        return f"by {name}" + (", as the kernel does where memory is short" if name == "SIGKILL" else "")
    return f"by signal {-exit_code}"


@dataclass
class _Worker:
    process: Any
    connection: Connection
    shard: Shard | None = None

    @classmethod
    def start(cls, job: Job) -> "_Worker":
        # Not fork: the threads of engines and decoders are not in a forked process.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        started = context.Process(target=work, args=(theirs, job), daemon=True)
        started.start()
        theirs.close()
        return cls(started, ours)

    def give(self, shard: Shard) -> None:
        self.shard = shard
        with suppress(BrokenPipeError, ConnectionResetError):  # that it died is seen by who listens
            self.connection.send(shard)

    def end(self) -> None:
        self.connection.close()
        self.process.join(PATIENCE)
        for harder in (self.process.terminate, self.process.kill):
            if self.process.exitcode is None:
                harder()
                self.process.join(PATIENCE)


def work(connection: Connection, job: Job) -> None:
    """What a process does: opens the estimator, then a shard at a time until nobody gives it one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; who started this one ends it
    signal.signal(signal.SIGTERM, _stop)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # who started it is no more, or wants no more
        try:
            estimator = job.opening()
            connection.send(READY)
            while True:
                shard = connection.recv()
                with _Progress(connection) as progress:
                    outcome = process(shard, job, estimator, progress.step)
                connection.send(outcome)
        except LeanposeError as error:
            connection.send(error)


def _stop(*_: object) -> None:
    raise SystemExit(1)  # and on its way what was half written is taken away


class _Progress:
    """Tells of pictures, not of each at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._count, self._told = connection, 0, time.monotonic()

    def step(self, count: int) -> None:
        self._count += count
        if time.monotonic() - self._told >= STEP_SECONDS:
            self._tell()

    def _tell(self) -> None:
        if self._count:
            self._connection.send(Step(self._count))
        self._count, self._told = 0, time.monotonic()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None:
            self._tell()
