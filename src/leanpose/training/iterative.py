"""Iterative training (LPN): the whole schedule again and again, each round from the best weights of the one before."""

import csv
import json
import logging
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from leanpose.core.errors import TrainingError
from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.recipes import Recipe
from leanpose.training.resuming import LAST, holds_training
from leanpose.training.run import train

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """A finished round: its folder's best checkpoint, and validation PCK in percent after each of its epochs."""

    best: Path
    curve: tuple[float, ...]


def train_rounds(recipe: Recipe, data: list[str], out: Path, resume: bool = False, **options: Any) -> list[Round]:
    """Train ``recipe.rounds`` rounds into ``out/round1``, ``out/round2`` and so on.

    Every round is an ordinary training of the whole schedule, learning rate included, with the next seed. Writes
    ``rounds.json`` and ``rounds.png``, the curve of all rounds.

    Args:
        resume: go on in whichever round ``out`` stopped; finished rounds are left as they are.
        options: ``workers``, ``accelerator``, ``devices``, ``progress``, ``compiled`` and, for the first round,
            ``start_from``; as :func:`leanpose.training.run.train` takes them.

    Raises:
        TrainingError: when ``out`` holds rounds and ``resume`` is off, or a round there is of another recipe; and as
            a training raises it.
    """
    if (out / "round1").exists() and not resume:
        raise TrainingError(f"{out} already holds rounds: resume them, or name another folder")
    start_from = options.pop("start_from", None)
    rounds: list[Round] = []
    for number in range(1, recipe.rounds + 1):
        folder = out / f"round{number}"
        last = folder / LAST
        this = replace(recipe, rounds=1, seed=recipe.seed + number - 1)
        LOG.info("round %d of %d", number, recipe.rounds)
        begun = holds_training(folder)
        best = train(this, data, folder, resume=begun, start_from=None if begun else start_from, **options)
        if not read_checkpoint(last).finished:
            raise TrainingError(f"{folder} stopped before its last epoch: resume {out} to go on there")
        rounds.append(Round(best, validation_curve(folder)))
        start_from = best
        _write(rounds, out)
    return rounds


def validation_curve(folder: Path) -> tuple[float, ...]:
    """Validation PCK by epoch of a training, over all its starts; what a later start repeated counts as it was then."""
    by_epoch: dict[int, float] = {}
    for log in sorted((folder / "logs").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:])):
        for row in csv.DictReader(log.read_text().splitlines()):
            if row.get("val_pck"):
                by_epoch[int(row["epoch"])] = float(row["val_pck"])
    return tuple(by_epoch[epoch] for epoch in sorted(by_epoch))


def _write(rounds: list[Round], out: Path) -> None:
    best = [max(entry.curve) for entry in rounds]
    gains = [None, *(after - before for before, after in pairwise(best))]
    table = [
        {"round": number, "best val_pck": score, "gain": gain, "curve": list(entry.curve)}
        for number, (score, gain, entry) in enumerate(zip(best, gains, rounds, strict=True), start=1)
    ]
    write_whole(out / "rounds.json", json.dumps(table, indent=2).encode())
    figure = new_figure(7, 4)
    axes = figure.subplots()
    done = 0
    for number, entry in enumerate(rounds, start=1):
        epochs = range(done + 1, done + len(entry.curve) + 1)
        axes.plot(epochs, entry.curve, "o-", markersize=3, label=f"round {number}: best {best[number - 1]:.1f}")
        done += len(entry.curve)
    axes.set(xlabel="epoch, rounds one after another", ylabel="validation PCK (%)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out / "rounds.png", dpi=110)
