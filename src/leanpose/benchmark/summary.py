"""The figures of a benchmark: what is read off the timings of each model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leanpose.benchmark.result import Benchmark, Measured
from leanpose.benchmark.subjects import END_TO_END, MODEL
from leanpose.core.errors import BenchmarkError
from leanpose.measure.timing.statistics import Ratio, ratio


@dataclass(frozen=True)
class Figures:
    """Of one model; ``None`` where something was not measured.

    Attributes:
        label: of the model.
        median_ms, p95_ms: end to end, one person.
        model_ms: the network alone, median.
        times_first: end to end, over the first model of the run.
        outside: share of the way end to end that is not the network.
        of_products: multiply-adds per second over those of the machine's ceiling, the network alone.
        of_copy: the same of the bytes that must move at least.
        people: most people per second in a batch, in either mode of the engine.
        people_batch: size of that batch.
        start_s: from starting the process to the first answer, median.
        grown_mib: resident memory of the process over that of the bare interpreter, median.
        millijoules: of one answer, all that the processor took meanwhile.
    """

    label: str
    median_ms: float
    p95_ms: float
    model_ms: float | None
    times_first: Ratio
    outside: Ratio | None
    of_products: Ratio | None
    of_copy: Ratio | None
    people: float | None
    people_batch: int | None
    start_s: float | None
    grown_mib: float | None
    millijoules: float | None


def figures(benchmark: Benchmark) -> list[Figures]:
    """The figures of each model, in order."""
    return [_figures(benchmark, model) for model in benchmark.models]


def _figures(benchmark: Benchmark, model: Measured) -> Figures:
    whole, network = model.timings[END_TO_END], model.timings.get(MODEL)
    within = ratio(network, whole) if network else None
    batches = [*model.batches.items(), *model.streams.items()]
    people, batch = max(((size / timing.median, size) for size, timing in batches), default=(None, None))
    grown = [s.grown_mib for s in model.starts if s.grown_mib is not None]
    return Figures(
        model.label,
        1000 * whole.median,
        1000 * whole.p95,
        1000 * network.median if network else None,
        ratio(whole, benchmark.models[0].timings[END_TO_END]),
        Ratio(1 - within.value, 1 - within.high, 1 - within.low) if within else None,
        benchmark.share(model, MODEL),
        benchmark.share_of_copy(model, MODEL),
        people,
        batch,
        _median([s.total_s for s in model.starts]),
        _median(grown),
        None if model.joules is None else 1000 * model.joules,
    )


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


def accuracies(
    benchmark: Benchmark, metric: str | None = None, given: Mapping[str, float] | None = None
) -> tuple[str, dict[str, float]]:
    """One metric's name and its values by label, of the models' cards and of those that are given besides.

    Args:
        metric: beginning of its name in the cards; the one that most models have, if not given.
        given: values by label, or by the part of it before the first comma, which win over the cards'.

    Raises:
        BenchmarkError: when a given label is none of the run's, or no model has such a score.
    """
    cards: dict[str, dict[str, float]] = {}
    for model in benchmark.models:
        for score in model.scores:  # of two protocols the first
            if metric is None or score.metric.startswith(metric):
                cards.setdefault(score.metric, {}).setdefault(model.label, score.value)
    name = max(cards, key=lambda m: len(cards[m]), default=metric or "accuracy")
    values = dict(cards.get(name, {}))
    for key, value in (given or {}).items():
        labels = [m.label for m in benchmark.models if key in (m.label, m.label.partition(",")[0])]
        if not labels:
            measured = "; ".join(model.label for model in benchmark.models)
            raise BenchmarkError(f"a score for '{key}', which was not measured: {measured}")
        values |= dict.fromkeys(labels, value)
    if not values:
        raise BenchmarkError(f"no model has a score{f' {metric}' if metric else ''}: give scores as JSON")
    return name, values
