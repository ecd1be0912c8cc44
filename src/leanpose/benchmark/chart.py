"""Accuracy against time, and who is not beaten in both."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from leanpose.benchmark.result import Benchmark
from leanpose.benchmark.subjects import END_TO_END
from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.measure.timing.statistics import pareto_front


def draw_accuracy(benchmark: Benchmark, metric: str, accuracies: Mapping[str, float], path: Path) -> list[str]:
    """Draw each model at its median milliseconds, end to end, and its accuracy; a line joins the Pareto front.

    Args:
        accuracies: by label; models without one are not drawn.
        path: of the picture, .png.

    Returns:
        The labels of the front, by time.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    shown = [model for model in benchmark.models if model.label in accuracies]
    points = [(1000 * model.timings[END_TO_END].median, accuracies[model.label]) for model in shown]
    front = pareto_front(points)
    figure = new_figure(8, 5)
    axes = figure.subplots()
    axes.plot(*zip(*(points[i] for i in front), strict=True), color="#d1495b", linewidth=1.5, label="Pareto front")
    middle = float(np.sqrt(min(x for x, _ in points) * max(x for x, _ in points)))
    for i, (model, (x, y)) in enumerate(zip(shown, points, strict=True)):
        axes.plot(x, y, "o", color="#d1495b" if i in front else "#33658a")
        aside, side = (5, "left") if x <= middle else (-5, "right")
        above = 4 if i % 2 == 0 else -11  # neighbours at the same height do not cover each other
        axes.annotate(model.label, (x, y), (aside, above), textcoords="offset points", fontsize=8, ha=side)
    axes.set(xlabel="ms for one person, image to joints (median)", ylabel=metric, xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_title(benchmark.machine.get("model", ""), fontsize=9)
    axes.margins(x=0.2, y=0.15)
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="lower right")
    content = BytesIO()
    figure.savefig(content, dpi=120)
    write_whole(path, content.getvalue())
    return [shown[i].label for i in front]
