"""Estimators, detectors, streams and thread pools in processes of every kind: an answer or a ForkError, in time.

    python benchmarks/campaign_forks.py

The parent uses each engine with two threads and then starts processes by fork, spawn and forkserver, in which what it
hands over, or something new, finds people. A fault is another answer than the parent's, another error than a ForkError
in a forked process, one that does not name spawn, or a process that has not ended in time. Exit status 1 where there is
one.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from campaign_table import Row, Table
from leanpose import PoseEstimator
from leanpose.core.errors import ForkError
from leanpose.engines import installed_engines

IMAGE = np.random.default_rng(0).integers(0, 255, (140, 100, 3), dtype=np.uint8)
BOX = [[20.0, 10.0, 80.0, 130.0]]
MOST = 60.0  # seconds of a process; reached only where something hangs


def estimator(engine: PoseEstimator) -> Any:
    return engine(IMAGE, boxes=BOX).keypoints


def estimators(engine: PoseEstimator) -> Any:
    return np.concatenate([poses.keypoints for poses in engine.estimate_pairs([(IMAGE, BOX)] * 3)])


def new_one(engine: PoseEstimator) -> Any:
    return PoseEstimator("nano", engine.engine.name, threads=2)(IMAGE, boxes=BOX).keypoints


def detector(engine: PoseEstimator) -> Any:
    return engine(IMAGE).boxes


def stream(engine: PoseEstimator) -> Any:
    return np.concatenate([poses.keypoints for poses in engine.stream([IMAGE] * 5, whole_image=True)])


def thread_pool(engine: PoseEstimator) -> Any:
    with ThreadPoolExecutor(4) as pool:
        return np.concatenate(list(pool.map(estimator, [engine] * 8)))


def grandchild(engine: PoseEstimator) -> Any:
    return _answer("fork", estimator, engine, MOST / 2)


TRIALS: tuple[Callable[[PoseEstimator], Any], ...] = (
    estimator, estimators, new_one, detector, stream, thread_pool, grandchild,
)  # fmt: skip


def _child(connection: Connection, function: Callable[[PoseEstimator], Any], engine: PoseEstimator) -> None:
    try:
        connection.send(function(engine))
    except Exception as error:  # what the parent is to judge
        connection.send(error)


def _answer(method: str, function: Callable[[PoseEstimator], Any], engine: PoseEstimator, seconds: float) -> Any:
    """What the function returned or raised in a process of its own, or a TimeoutError."""
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, function, engine))
    process.start()
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(seconds) else TimeoutError(f"no answer in {seconds:.0f} s")
        process.join(seconds)
        return TimeoutError("it does not end") if process.is_alive() else answer
    except EOFError:
        return RuntimeError(f"it ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()


def judge(method: str, engine: str, answer: Any, expected: Any) -> str | None:
    """What is wrong with an answer in words."""
    if isinstance(answer, ForkError) and method != "spawn" and "spawn" in str(answer):
        return None if engine == "openvino" else f"refused: {answer}"
    if isinstance(answer, Exception):
        return f"{type(answer).__name__}: {answer!s:.150}"
    return None if np.array_equal(answer, expected, equal_nan=True) else "another answer than the parent's"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    table = Table()
    names = [name for name in ("onnxruntime", "openvino") if name in installed_engines()]
    engines = {name: PoseEstimator("nano", name, threads=2) for name in names}
    expected = {
        (name, function): estimator(engine) if function is grandchild else function(engine)
        for name, engine in engines.items()
        for function in TRIALS
    }
    for method in multiprocessing.get_all_start_methods():
        for name, engine in engines.items():
            faults, slowest, refused = [], 0.0, 0
            for function in TRIALS:
                start = time.monotonic()
                answer = _answer(method, function, engine, MOST)
                forked = method if function is not grandchild else "fork"
                fault = judge(forked, name, answer, expected[name, function])
                faults += [f"{method}, {name}, {function.__name__}: {fault}"] if fault else []
                refused += isinstance(answer, ForkError)
                slowest = max(slowest, time.monotonic() - start)
            table.add(Row(f"{method}, {name}", len(TRIALS), refused, slowest, faults=faults))
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
