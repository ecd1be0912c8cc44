"""Counters and histograms for Prometheus."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # a folder in which several workers count together
_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STAGES = ("upload", "queue", "decode", "estimate", "answer")


class Metrics:
    """What the service counts. With several workers, :meth:`text` is about all of them.

    Attributes:
        requests: by route and status.
        seconds: of whole requests, by route.
        stages: seconds by stage: ``upload``, ``queue``, ``decode``, ``estimate`` (the wait for others of the batch,
            too), ``answer``.
        batch: pictures that the engine was given in one go.
        people: found.
        frames: of videos.
        errors: by kind, see :data:`leanpose.serve.problems.KINDS`; ``gone`` counts clients that did not wait.
        queue: pictures that wait.
        videos: under way.
        held: bytes of request bodies in memory.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        one = {"registry": self._registry, "namespace": "leanpose"}
        now = {**one, "multiprocess_mode": "livesum"}
        self.requests = Counter("requests", "Requests by route and status", ["route", "status"], **one)
        self.seconds = Histogram(
            "request_seconds", "Seconds of whole requests by route", ["route"], buckets=_TIMES, **one
        )
        self.stages = Histogram("stage_seconds", "Seconds of pictures by stage", ["stage"], buckets=_TIMES, **one)
        self.batch = Histogram("batch_size", "Pictures in one go", buckets=(1, 2, 4, 8, 16, 32, 64), **one)
        self.people = Counter("people", "People found", **one)
        self.frames = Counter("frames", "Frames of videos", **one)
        self.errors = Counter("errors", "Requests that failed, by kind", ["kind"], **one)
        self.queue = Gauge("queue_length", "Pictures that wait for the engine", **now)
        self.videos = Gauge("videos", "Videos under way", **now)
        self.held = Gauge("held_bytes", "Bytes of request bodies in memory", **now)
        for stage in STAGES:
            self.stages.labels(stage)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        every = CollectorRegistry()
        MultiProcessCollector(every)
        return generate_latest(every)
