"""LPN's iterative training: the whole schedule again and again, each round from the best weights of the one before."""

from dataclasses import replace
from itertools import pairwise

from lab.reproduce.plots import save_figure
from lab.reproduce.result import Claim, Result, Row
from lab.reproduce.trainings import Setting, score
from leanpose.core.plotting import new_figure
from leanpose.training.iterative import train_rounds
from leanpose.training.recipes import ablation_lsp

PAPER = "Zhang et al., Simple and lightweight human pose estimation, arXiv 1911.10346"
ROUNDS = 4  # the authors ran seven


def iterative(setting: Setting) -> Result:
    """Train LPN-50 for several rounds, and measure the best weights of each on the test part."""
    recipe = setting.budget.recipe(replace(ablation_lsp(), model="lpn_50", rounds=ROUNDS), 0)
    folder = setting.work / "lpn_rounds-s0"
    started = (folder / "round1").exists()
    train_rounds(recipe, list(setting.data), folder, resume=started, workers=0, progress=False)
    rows, scores, metric = [], [], ""
    for number in range(1, ROUNDS + 1):
        metric, value = score(setting, folder / f"round{number}" / "best.ckpt")
        scores.append(value)
        gain = {"gain": [value - scores[-2]]} if number > 1 else {}
        rows.append(Row(f"round {number}", {}, {metric: [value], **gain}))
    gains = [after - before for before, after in pairwise(scores)]
    claim = Claim(
        "training again from the best weights of the round before gains accuracy",
        "cannot tell" if any(gain <= 0 for gain in gains) else "agrees",
        "gains by round: " + ", ".join(f"{gain:+.1f}" for gain in gains),
    )
    figure = new_figure(6, 3.5)
    axes = figure.subplots()
    axes.plot(range(1, ROUNDS + 1), scores, "o-", color="#33658a")
    axes.set(xlabel="round", ylabel=metric, xticks=range(1, ROUNDS + 1))
    axes.grid(alpha=0.3)
    notes = [
        "Every round repeats the whole schedule, so that a later one has also trained longer in all: the gain over one "
        "schedule of the same total length is not measured here.",
        "The paper's per-round scores are not published; its authors ran seven rounds of 150 epochs.",
        "One sequence of rounds: how far another seed would differ is not known.",
    ]
    picture = save_figure(figure, setting.out, setting.name)
    described = setting.described(recipe)
    return Result(
        setting.name, "Iterative training", f"{PAPER}, iterative training", rows, [claim], described, [picture], notes
    )  # fmt: skip
