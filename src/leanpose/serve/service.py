"""What all routes share: the models, the one thread that computes, and what is under way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from starlette.requests import Request

from leanpose.core.errors import SkeletonError
from leanpose.estimate.estimator import PoseEstimator
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, SKELETONS, Skeleton, skeleton_named, view_weights
from leanpose.serve.batching import Batcher, Job
from leanpose.serve.body import Held
from leanpose.serve.limits import Limits
from leanpose.serve.metrics import Metrics
from leanpose.serve.problems import ClientGoneError, Problem

Answer = TypeVar("Answer")
Estimators = Mapping[str, PoseEstimator]


@dataclass(frozen=True, eq=False)
class Served:
    """A model that is loaded, and its queue."""

    name: str
    estimator: PoseEstimator
    batcher: Batcher


class Service:
    """The state of one process.

    Attributes:
        limits, metrics, held: of all requests.
        worker: the one thread that computes, for pictures and videos in turn.
        painter: the one thread that draws.
        decoders: a thread for each video.
        models: by name; empty until :meth:`start` is done.
        stopping: whether no more work is taken in.
        videos: how many are under way.
    """

    def __init__(self, open_estimators: Callable[[], Estimators], limits: Limits) -> None:
        """``open_estimators`` gives the models by name, the first being that of requests which name none."""
        self.limits = limits
        self.metrics = Metrics()
        self.held = Held(limits.max_held, self.metrics)
        self.worker = ThreadPoolExecutor(1, "estimate")
        self.painter = ThreadPoolExecutor(1, "draw")
        self.decoders = ThreadPoolExecutor(limits.max_videos, "video")
        self.models: dict[str, Served] = {}
        self.stopping = False
        self.videos = 0
        self._open = open_estimators

    async def start(self) -> None:
        """Loads the models and lets each look at a picture: after it the first answer comes as soon as any."""
        estimators = await asyncio.get_running_loop().run_in_executor(self.worker, self._load)
        self.models = {
            name: Served(name, one, Batcher(one, self.worker, self.limits, self.metrics))
            for name, one in estimators.items()
        }

    def stop(self) -> None:
        """Ends the threads; what they were given before is done first."""
        self.stopping = True
        for pool in (self.worker, self.painter, self.decoders):
            pool.shutdown(wait=True)

    @property
    def ready(self) -> bool:
        return bool(self.models) and not self.stopping

    def model(self, name: str | None) -> Served:
        """The model of that name; of no name, the first.

        Raises:
            Problem: when there is none, or nothing is taken in now.
        """
        if self.stopping:
            raise Problem("stopping", "the service takes no more work: ask again in a moment, or ask another one")
        if not self.models:
            raise Problem("loading", "the models are being loaded: ask again in a moment")
        found = next(iter(self.models.values())) if name is None else self.models.get(name)
        if found is None:
            raise Problem("model", f"no model '{name!s:.60}' here: use one of {', '.join(self.models)}")
        return found

    def skeleton(self, served: Served, name: str | None, coco: bool = False) -> Skeleton:
        """The built-in skeleton of that name, if the model knows its joints; of no name, the model's.

        For COCO's formats it is coco17, where the model knows its joints.

        Raises:
            Problem: when there is none, or the model lacks a joint of it.
        """
        own = served.estimator.skeleton
        try:
            if name is not None and name != own.name:
                wanted = skeleton_named(name[:60])
                view_weights(served.estimator.card.skeleton, wanted)
                return wanted
            if name is None and coco:
                view_weights(served.estimator.card.skeleton, COCO17)
                return COCO17
        except SkeletonError as error:
            if name is not None:
                raise Problem("request", f"skeleton: {error} (here: {', '.join(SKELETONS)})") from error
        return own

    async def estimate(self, request: Request, served: Served, jobs: Sequence[Job]) -> list[Poses]:
        """The people of each picture, in the model's joints, for as long as the client waits.

        Raises:
            Problem: when the queue is full, a picture or its boxes cannot be used, or there is no answer in time.
            ClientGoneError: when nobody waits for it any more.
        """
        self.check_queue(len(jobs))
        for job in jobs:
            served.batcher.submit(job)
        try:
            waiting = asyncio.gather(*(asyncio.wrap_future(job.poses) for job in jobs))
            found = await self.unless_gone(request, waiting)
        finally:
            for job in jobs:
                served.batcher.drop(job)
        for job in jobs:
            for stage, seconds in job.times.items():
                self.metrics.stages.labels(stage).observe(seconds)
        self.metrics.people.inc(sum(len(poses) for poses in found))
        return found

    def check_queue(self, more: int) -> None:
        """Raises Problem where so many more pictures would be too many."""
        if sum(len(served.batcher) for served in self.models.values()) + more > self.limits.max_queue:
            raise Problem(
                "queue", f"{self.limits.max_queue} pictures wait already: try again in a second, or ask another service"
            )

    async def unless_gone(self, request: Request, answer: Awaitable[Answer]) -> Answer:
        """The answer, unless the client goes away before, or it takes too long."""
        waiting = asyncio.ensure_future(answer)
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait((waiting, gone), timeout=self.limits.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            if gone.done():
                raise ClientGoneError
            raise Problem(
                "late",
                f"no answer within {self.limits.answer_seconds:g} seconds: try again later, with a smaller picture",
            )
        finally:
            gone.cancel()
            waiting.cancel()
            waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # asyncio wants it looked at

    @contextmanager
    def arriving(self, served: Served) -> Iterator[None]:
        """While a request's picture is being read: the engine may wait for it."""
        served.batcher.arriving += 1
        start = time.perf_counter()
        try:
            yield
        finally:
            served.batcher.arriving -= 1
            self.metrics.stages.labels("upload").observe(time.perf_counter() - start)

    def _load(self) -> Estimators:
        estimators = self._open()
        for one in estimators.values():
            one(np.zeros((64, 64, 3), np.uint8), whole_image=True)
            if one.detector is not None:
                one.detector(np.zeros((480, 640, 3), np.uint8))
        return estimators


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
