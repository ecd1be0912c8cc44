"""Which models are served, and how they are opened in each worker."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from leanpose.core.errors import ModelError
from leanpose.engines import Mode, Precision
from leanpose.engines.zoo import find_detector, find_model
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.estimator import PoseEstimator


@dataclass(frozen=True)
class OpenEstimators:
    """Opens models by packaged names or paths; a plain value, so that it can be handed to other processes.

    Attributes:
        models: as :class:`leanpose.PoseEstimator` takes them; the first is that of requests which name none.
        detector: shared by them, ``None`` for nobody.
        engine, precision, threads, mode: as :func:`leanpose.engines.create_engine` takes them.
    """

    models: Sequence[str] = ("small",)
    detector: str | None = "person"
    detector_threshold: float | None = None
    engine: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    mode: Mode = "latency"

    def check(self) -> None:
        """Looks whether all files are there, without loading them.

        Raises:
            ModelError: when a model is missing, damaged or named twice.
        """
        names = [find_model(model)[1].name for model in self.models]
        double = next((name for name in names if names.count(name) > 1), None)
        if double:
            raise ModelError(f"model '{double}' is served twice: leave one out")
        if self.detector is not None:
            find_detector(self.detector)

    def __call__(self) -> dict[str, PoseEstimator]:
        """The estimators by the names of their cards; errors as :class:`leanpose.PoseEstimator` has."""
        finder = self.detector and PersonDetector(
            self.detector, self.engine, self.precision, self.threads, self.detector_threshold
        )
        opened = [
            PoseEstimator(
                model, self.engine, self.precision, threads=self.threads, detector=finder or None, mode=self.mode
            )
            for model in self.models
        ]
        return {one.card.name: one for one in opened}


def threads_of_a_worker(workers: int) -> int | None:
    """CPU threads for each of several workers; ``None``, which is all, for a single one."""
    if workers == 1:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // workers)
