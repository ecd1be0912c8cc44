"""What an evaluation says, for a terminal, for files, and for a model's card."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.engines.card import ModelCard, Score
from leanpose.measure.evaluation import Evaluation
from leanpose.measure.metrics.pck import pck_curve
from leanpose.measure.reliability import draw_reliability
from leanpose.measure.worst import draw_worst

if TYPE_CHECKING:
    from rich.table import Table


def write_report(evaluations: Sequence[Evaluation], out: Path, title: str) -> None:
    """Write into ``out`` ``evaluation.json``, and ``curve.png`` (PCK over thresholds), ``worst.png``, and
    ``reliability.png`` (what scores and uncertainties are worth) where joints can be judged so."""
    report = {"title": title, "results": [e.to_dict() for e in evaluations]}
    write_whole(out / "evaluation.json", json.dumps(report, indent=2).encode())
    _draw_curves(evaluations, out / "curve.png", title)
    draw_worst(evaluations[0], out / "worst.png")
    measured = [(e.protocol.split(",")[0], e.reliability) for e in evaluations if e.reliability]
    if measured:
        draw_reliability(measured, out / "reliability.png", title)


def table(evaluations: Sequence[Evaluation]) -> "Table":
    """The figures for a terminal: one column a protocol; PCK by row of the published tables, then the means."""
    from rich.table import Table

    first = evaluations[0]
    shown = Table(
        f"{first.measured.name}\nof the {first.measured.reference}",
        *(e.protocol.replace(", ", "\n") for e in evaluations),
        title=f"{len(first.samples)} people",
    )
    rows = [e.measured.rows() for e in evaluations]
    for name in rows[0]:
        shown.add_row(name, *(_percent(row[name]) for row in rows))
    shown.add_section()
    shown.add_row(
        first.figures[0].label, *(f"{_percent(e.mean)} ± {_percent(e.spread)}" for e in evaluations), style="bold"
    )
    for i, figure in enumerate(first.figures[1:], start=1):
        shown.add_row(figure.label, *(_percent(e.figures[i].value) for e in evaluations))
    return shown


def group_table(evaluation: Evaluation) -> "Table | None":
    """The figures by group of joints for a terminal, with intervals and counts; None where there is no such group."""
    from rich.table import Table

    groups = evaluation.joint_groups
    if not groups:
        return None
    labels = [figure.label for figure in next(iter(groups.values())).figures.values()]
    shown = Table(
        "joints", "labelled", *(label.replace(" of the ", "\nof the ") for label in labels),
        title=evaluation.protocol.split(",")[0], caption="with 95 % intervals, and the labelled joints behind each",
    )  # fmt: skip
    for name, group in groups.items():
        cells = [
            f"{_percent(f.value)} ({_percent(f.low)} to {_percent(f.high)})\n{f.joints} joints"
            for f in group.figures.values()
        ]
        shown.add_row(name, f"{group.joints} of\n{group.people} people", *cells)
    return shown


def record_scores(card: Path, evaluations: Sequence[Evaluation], data: str, command: str) -> None:
    """Replace the scores of a card file by the main figures, each with its protocol and the command behind it."""
    scores = [score for evaluation in evaluations for score in main_scores(evaluation, data, command)]
    replace(ModelCard.load(card), scores=tuple(scores)).save(card)


def main_scores(evaluation: Evaluation, data: str, command: str) -> list[Score]:
    """The main figure, and PCK of the limb joints where it is the mean of all, with intervals.

    A figure that is not defined on the data is no score.

    Args:
        data: what to call the data in a metric's name.
        command: that measures them again.
    """
    main = evaluation.figures[0]
    found = [(main, evaluation.interval)]
    for figure in evaluation.figures[1:]:
        if figure.key == f"{main.key} limbs":
            limbs = evaluation.joint_groups.get("limbs")
            same = limbs.figures[main.key] if limbs else None
            found.append((figure, (same.low, same.high) if same else (math.nan, math.nan)))
    return [
        score_of(f"{figure.label}, {data}", figure.value, interval, evaluation.protocol, command)
        for figure, interval in found
        if math.isfinite(figure.value)
    ]


def score_of(metric: str, value: float, interval: tuple[float, float], protocol: str, command: str) -> Score:
    """A score as cards have it, to a hundredth."""
    known = all(map(math.isfinite, interval))
    return Score(
        metric, round(value, 2), protocol, command, (round(interval[0], 2), round(interval[1], 2)) if known else None
    )


def _percent(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _draw_curves(evaluations: Sequence[Evaluation], path: Path, title: str) -> None:
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    measured = evaluations[0].measured
    end = 2.5 * measured.threshold
    thresholds = np.linspace(0, end, 101)
    for evaluation in evaluations:
        distances = evaluation.measured.counted
        distances = distances[:, ~np.isnan(distances).all(axis=0)]
        known = distances.shape[1] > 0
        curve = 100 * pck_curve(distances, thresholds).mean(axis=1) if known else np.full_like(thresholds, np.nan)
        name = evaluation.protocol.split(",")[0]
        axes.plot(thresholds, curve, label=f"{name}: {measured.name} {_percent(evaluation.measured.mean())}")
    axes.axvline(measured.threshold, color="0.7", linewidth=1)
    axes.set(
        xlabel=f"threshold in {measured.unit}", ylabel=f"{measured.prefix} (%)", title=title,
        xlim=(0, end), ylim=(0, 100),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
