"""Pictures that several pages share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.plotting import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: "Figure", out: Path, name: str) -> str:
    """Write ``NAME.png`` into ``out`` and return that name; the same figure gives the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / f"{name}.png", dpi=110, metadata={"Software": None})
    return f"{name}.png"


def draw_scores(scores: Mapping[str, Sequence[float]], metric: str) -> "Figure":
    """One line a row of the table: a dot per seed, a bar at their mean."""
    figure = new_figure(7, 0.8 + 0.45 * len(scores))
    axes = figure.subplots()
    for line, values in enumerate(scores.values()):
        axes.plot(values, [line] * len(values), "o", color="#33658a", alpha=0.7)
        axes.plot([float(np.mean(values))] * 2, [line - 0.25, line + 0.25], color="#d1495b", linewidth=2)
    axes.set(yticks=range(len(scores)), yticklabels=list(scores), xlabel=metric, ylim=(len(scores) - 0.5, -0.5))
    axes.grid(axis="x", alpha=0.3)
    return figure


def draw_differences(differences: Mapping[str, tuple[float, float, float]], metric: str) -> "Figure":
    """One line a variant: the difference to its baseline, with the ends of its interval."""
    figure = new_figure(8, 0.9 + 0.32 * len(differences))
    axes = figure.subplots()
    for line, (middle, low, high) in enumerate(differences.values()):
        colour = "#2e7d32" if low > 0 else "#d1495b" if high < 0 else "#777777"
        axes.plot([low, high], [line, line], color=colour, linewidth=2)
        axes.plot(middle, line, "o", color=colour)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(yticks=range(len(differences)), yticklabels=list(differences), xlabel=metric)
    axes.set_ylim(len(differences) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    return figure
