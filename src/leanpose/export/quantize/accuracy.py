"""What a smaller model loses: both models on the same people, engine by engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leanpose.engines import installed_engines
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure import Evaluation, Options, evaluate
from leanpose.measure.datasets import Data
from leanpose.measure.estimation import Progress
from leanpose.measure.intervals import percentile_interval
from leanpose.measure.timing.statistics import Ratio, ratio
from leanpose.measure.timing.turns import Call, take_turns

ROUNDS, CALLS = 12, 3
ROUNDING = 1e-9  # of sums: a loss of exactly what is allowed is allowed


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model before and after, on one engine.

    Attributes:
        engine: and what it computes in, such as ``"openvino bf16"``.
        before, after: measured on the same people.
        seconds: median time of one crop, before and after.
        time: of one crop, after over before, both timed in turn; a hint, as the machine has other work.
    """

    engine: str
    before: Evaluation
    after: Evaluation
    seconds: tuple[float, float]
    time: Ratio

    @property
    def change(self) -> float:
        """Of the main figure, in points; negative for a loss."""
        return self.after.mean - self.before.mean

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the change: the same resamples of people (of images for AP) before and after."""
        return percentile_interval(self.after.resampled - self.before.resampled)


class Judge:
    """Measures models on one set of people.

    Args:
        data: as :func:`leanpose.measure.datasets.read_data` reads it.
        engine: to measure on; ``"auto"`` for every one that is installed, because a file that is right on one may be
            wrong on another.
        options, flip_test: as in ``leanpose evaluate``.
    """

    def __init__(
        self,
        data: Data,
        engine: str = "auto",
        options: Options | None = None,
        flip_test: bool = True,
        progress: Callable[[str], Progress | None] = lambda _: None,
    ) -> None:
        self._data = data
        self._options = options
        self._flip_test = flip_test
        self._progress = progress
        self.engines = installed_engines() if engine == "auto" else [engine]

    def measure(self, model: Path, engine: str | None = None) -> Evaluation:
        """The figures of a model, on the first engine if none is named."""
        return self._evaluate(self._open(model, engine or self.engines[0]))

    def compare(self, before: Path, after: Path) -> list[Comparison]:
        """Both models, engine by engine."""
        return [self._compare(self._open(before, engine), self._open(after, engine)) for engine in self.engines]

    def _open(self, model: Path, engine: str) -> PoseEstimator:
        return PoseEstimator(model, engine, flip_test=self._flip_test, detector=None)

    def _evaluate(self, estimator: PoseEstimator) -> Evaluation:
        what = f"{estimator.card.name} on {estimator.engine.name}"
        return evaluate(
            estimator, self._data.samples, "labels", self._progress(what), self._options, self._data.ground_truth,
            self._data.people,
        )  # fmt: skip

    def _compare(self, before: PoseEstimator, after: PoseEstimator) -> Comparison:
        figures = self._evaluate(before), self._evaluate(after)
        before.flip_test = after.flip_test = False  # from here on only timed
        crop = np.random.default_rng(0).integers(0, 256, (1, *before.card.input_hw, 3), np.uint8)
        calls = [Call("before", lambda: before.infer(crop)), Call("after", lambda: after.infer(crop))]
        timings = take_turns(calls, ROUNDS, CALLS).timings
        return Comparison(
            f"{before.engine.name} {before.engine.precision}",
            *figures,
            (timings["before"].median, timings["after"].median),
            ratio(timings["after"], timings["before"]),
        )


def losses(comparisons: Sequence[Comparison], max_drop: float) -> list[Comparison]:
    """Those that lose more than ``max_drop`` points, or whose figure is not a number."""
    return [c for c in comparisons if not -c.change <= max_drop + ROUNDING]
