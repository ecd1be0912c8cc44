"""Pictures of many requests, looked at together by one thread.

The thread begins as soon as there is a picture, so that a single client never waits for others. Pictures that come
while it looks at the first ones join them, up to the size of a batch; it waits for one, for a bounded time, only
where several clients are there. Answers are given one by one, as the estimator has them.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.errors import BoxError, ImageError, LeanposeError
from leanpose.core.geometry import image_box
from leanpose.estimate.estimator import PoseEstimator
from leanpose.media.images import read_image
from leanpose.pose.poses import Poses
from leanpose.serve.limits import Limits
from leanpose.serve.metrics import Metrics
from leanpose.serve.problems import Problem


@dataclass(eq=False)
class Job:
    """A picture that somebody waits for.

    Attributes:
        data: of its file.
        boxes: of its people, ``None`` where the detector is to look.
        whole_image: take the picture as one person's box.
        poses: what is waited for, in the model's joints.
        times: seconds of stages that are over.
    """

    data: bytes
    boxes: list[list[float]] | None = None
    whole_image: bool = False
    poses: "Future[Poses]" = field(default_factory=Future)
    times: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.perf_counter)

    def end_stage(self, name: str) -> None:
        now = time.perf_counter()
        self.times[name] = now - self.since
        self.since = now


class Batcher:
    """One model's queue, and what takes from it in the worker's thread.

    Attributes:
        arriving: requests whose picture is still being read; the thread waits for these, if for any.
    """

    def __init__(self, estimator: PoseEstimator, worker: Executor, limits: Limits, metrics: Metrics) -> None:
        """``worker`` has a single thread, which several models and the videos share."""
        self.arriving = 0
        self._estimator = estimator
        self._worker = worker
        self._limits = limits
        self._metrics = metrics
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._running = False
        self._last = 0  # pictures of the batch before

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Takes a picture in; its answer, or the error, comes into ``job.poses``.

        A cancelled future takes it out of the queue, unless the engine already has it.
        """
        with self._changed:
            self._jobs.append(job)
            self._metrics.queue.inc()
            self._changed.notify()
            if self._running:
                return
            self._running = True
        self._worker.submit(self._run)

    def drop(self, job: Job) -> None:
        """Frees the place of a picture that nobody waits for."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                self._metrics.queue.dec()
        job.poses.cancel()

    def _run(self) -> None:
        """One batch; others, and the videos, then have their turn."""
        underway: deque[Job] = deque()
        try:
            pairs = self._pairs(underway)
            for poses in self._estimator.model_poses(pairs, on_error=lambda _, error: _refuse(underway.pop(), error)):
                job = underway.popleft()
                job.end_stage("estimate")
                job.poses.set_result(poses)
        except Exception as error:  # whatever it is, nobody is left waiting and the thread goes on
            for job in underway or filter(None, [self._take(0)]):  # or it would come to the same picture for ever
                job.poses.set_exception(error)
        with self._changed:
            self._running = bool(self._jobs)
            if not self._running:
                return
        self._worker.submit(self._run)

    def _pairs(self, underway: "deque[Job]") -> "Iterator[tuple[np.ndarray, ArrayLike | None]]":
        """Pictures that can be read, with their boxes; their jobs go into ``underway``, in order."""
        taken = 0
        while taken < self._limits.max_batch:
            job = self._take(taken)
            if job is None:
                break
            if not job.poses.set_running_or_notify_cancel():
                continue
            taken += 1
            job.end_stage("queue")
            try:
                image = open_image(job.data, self._limits)
            except Exception as error:  # such as too little memory, which is no reason to let it wait
                job.poses.set_exception(error)
                continue
            job.end_stage("decode")
            underway.append(job)
            yield image, image_box(*image.shape[:2]) if job.whole_image else job.boxes
        self._last = taken
        if taken:
            self._metrics.batch.observe(taken)

    def _take(self, taken: int) -> Job | None:
        with self._changed:
            if not self._jobs and self.arriving and (taken > 1 or self._last > 1):
                self._changed.wait(self._limits.batch_wait)
            if not self._jobs:
                return None
            self._metrics.queue.dec()
            return self._jobs.popleft()


def open_image(data: bytes, limits: Limits, thorough: bool = True) -> np.ndarray:
    """The picture (H, W, 3), BGR.

    Raises:
        Problem: when it cannot be used.
    """
    try:
        return read_image(data, limits.max_pixels, thorough=thorough).image
    except ImageError as error:
        text = str(error).replace("raise max_pixels", "ask for a larger --max-pixels")
        raise Problem("pixels" if "over the limit" in text else "image", text) from error


def _refuse(job: Job, error: LeanposeError) -> None:
    kind = "boxes" if isinstance(error, BoxError) and job.boxes is not None else "image"
    job.poses.set_exception(Problem(kind, str(error)))
