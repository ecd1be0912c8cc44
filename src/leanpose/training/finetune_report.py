"""What a fine-tuning says of itself: a page, its figures as JSON, and pictures."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.engines.card import ModelCard
from leanpose.measure import Evaluation, write_report
from leanpose.measure.metrics.pck import mean_over_joints
from leanpose.training.iterative import validation_curve
from leanpose.training.recipes import Recipe


@dataclass(frozen=True)
class Finetuned:
    """What a fine-tuning leaves: the exported model, its report, and PCK of held-out people in percent.

    ``before`` and ``after_known`` are of the joints that the network knew before, ``after`` is of all; the two are
    None where it knew none or no engine runs its file.
    """

    model: Path
    report: Path
    before: float | None
    after_known: float | None
    after: float


def write_finetune_report(
    out: Path, model: Path, recipe: Recipe, source: ModelCard, people: int, before: Evaluation | None, after: Evaluation
) -> Finetuned:
    """Write ``report.md``, ``report.json``, ``training.png`` and the pictures of an evaluation into ``out``."""
    held_out = len(after.samples)
    write_report([after], out, f"{out.resolve().name}: {held_out} held-out people")
    curve = validation_curve(out)
    _draw_training(curve, out / "training.png")
    skeleton = after.measured.skeleton
    earlier = np.full(len(skeleton), np.nan) if before is None else before.per_joint
    known = ~np.isnan(earlier)
    at_first = mean_over_joints(earlier) if known.any() else None
    of_known = mean_over_joints(after.per_joint[known]) if known.any() else None
    done = Finetuned(model, out / "report.md", at_first, of_known, after.mean)
    figures = {
        "from": source.name,
        "people": people,
        "held out": held_out,
        "epochs": len(curve),
        "planned epochs": recipe.epochs,
        "batches of an epoch": recipe.epoch_batches,
        "batch size": recipe.batch_size,
        "validation curve": list(curve),
        "mean of known joints before": at_first,
        "mean of known joints after": of_known,
        "mean": after.mean,
        "before": before.to_dict() if before else None,
        "after": after.to_dict(),
    }
    write_whole(out / "report.json", json.dumps(figures, indent=2).encode())
    rows = [
        f"| {joint} | {'carried over' if joint in source.skeleton.joints else 'new'} "
        f"| {_percent(earlier[k])} | {_percent(after.per_joint[k])} |"
        for k, joint in enumerate(skeleton.joints)
    ]
    if of_known is not None:
        rows.insert(0, f"| **{known.sum()} joints it knew** | | {_percent(at_first)} | {_percent(of_known)} |")
    stopped = "" if len(curve) == recipe.epochs else f", ended early of {recipe.epochs}"
    unknown = "the network it started from knew none of these joints, or no engine runs its file"
    lines = "\n".join(rows)
    page = f"""# {out.resolve().name}

Fine-tuned from `{source.name}` ({source.architecture}) on {people} people: {len(curve)} epochs{stopped}, each of
{recipe.epoch_batches or "all"} batches of {recipe.batch_size}. Measured on {held_out} held-out people, by whom the best
epoch was chosen too: expect a little less on others.

| {after.figures[0].label} | weights | before | after |
|---|---|---|---|
| **all** | | | {_percent(after.mean)} ± {_percent(after.spread)} |
{lines}

Before: {before.protocol if before else unknown}.

After: {after.protocol}.

Use it: `leanpose predict --model {model.name} ...`

![validation over the epochs](training.png)

![the people it finds hardest, prediction left, labels right](worst.png)

![PCK by threshold](curve.png)
"""
    write_whole(done.report, page.encode())
    return done


def _percent(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.1f}"


def _draw_training(curve: tuple[float, ...], path: Path) -> None:
    figure = new_figure(6, 3.5)
    axes = figure.subplots()
    axes.plot(range(1, len(curve) + 1), curve, "o-", markersize=3, color="#33658a")
    best = int(np.argmax(curve))
    axes.plot(best + 1, curve[best], "o", color="#d1495b", label=f"kept: {curve[best]:.1f}")
    axes.set(xlabel="epoch", ylabel="validation PCK (%), no flip test")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)
