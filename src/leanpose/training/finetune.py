"""Fine-tuning on one's own people: from a trained network to a model of other joints, with a report.

Its recipe is made from the size of the set: hundreds to thousands of people, a short schedule, the heads alone for the
first epoch, an end when validation no longer improves.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from leanpose import zoo
from leanpose.card import ModelCard
from leanpose.checkpoint import load_checkpoint
from leanpose.data.augment import Augmentation
from leanpose.errors import DatasetError, ModelError
from leanpose.estimator import PoseEstimator
from leanpose.evaluate import Evaluation, Options, evaluate, write_report
from leanpose.export import export_checkpoint
from leanpose.files import write_whole
from leanpose.readers import Sample, read_samples
from leanpose.skeleton_files import find_skeleton
from leanpose.training.iterative import validation_curve
from leanpose.training.recipes import Recipe, override
from leanpose.training.run import train

FEWEST_PEOPLE = 20
FEWEST_STEPS, MOST_STEPS = 300, 3000
PACKAGED_WEIGHTS = {"small": "softgate_1x128_lsp"}
EXAMPLES = 16


@dataclass(frozen=True)
class Finetuned:
    """What a fine-tuning leaves: the exported model, its report, and validation PCK in percent before and after.

    ``before`` is None where the network that it started from knows none of the joints or cannot be run as it is.
    """

    model: Path
    report: Path
    before: float | None
    after: float


def finetune(
    data: list[str],
    out: Path,
    start_from: str = "small",
    skeleton: str | None = None,
    people: int | None = None,
    steps: int | None = None,
    frozen_epochs: int = 1,
    patience: int = 8,
    assignments: Sequence[str] = (),
    resume: bool = False,
    **options: Any,
) -> Finetuned:
    """Fine-tune a trained network on ``KIND:PATH`` datasets, measure it on the held-out part, and export it.

    Writes into ``out``: the training, ``NAME.onnx`` with its card (``NAME`` is the folder's), ``report.md``,
    ``report.json``, and drawn examples of held-out people.

    Args:
        start_from: a packaged model, or a ``.ckpt`` or ``.safetensors`` (with its card beside it).
        skeleton: name or file of the joints to learn; None for those of the data.
        people: train on this many, a fixed draw; None for all.
        steps: of training; None for a number that grows with the set.
        frozen_epochs: in which only the heads learn.
        patience: epochs without a better validation score that end the training; 0 for never.
        assignments: ``field=value`` changes to the recipe.
        options: ``workers``, ``accelerator``, ``devices``, ``progress``, as a training takes them.

    Raises:
        DatasetError: when there are too few people, or none is held out to validate on.
        ModelError: when there is nothing to start from.
        TrainingError: as a training raises it.
    """
    joints = find_skeleton(skeleton) if skeleton else None
    available = read_samples(data, "train", joints)
    held_out = read_samples(data, "val", joints)
    used = len(available) if people is None else min(people, len(available))
    if used < FEWEST_PEOPLE or not held_out:
        raise DatasetError(
            f"{', '.join(data)}: {used} people to train on and {len(held_out)} held out to validate on; fine-tuning "
            f"needs {FEWEST_PEOPLE} and 1. A set without parts is divided by its images' names: add images"
        )
    weights = weights_of(start_from)
    recipe = replace(finetune_recipe(source_recipe(weights), used, steps), skeleton=skeleton)
    recipe = replace(recipe, people=used / len(available), frozen_epochs=frozen_epochs, patience=patience)
    recipe = override(recipe, list(assignments))
    best = train(recipe, data, out, resume=resume, start_from=None if resume else weights, **options)
    model = out / f"{out.resolve().name}.onnx"
    export_checkpoint(best, model)
    measure = Options(metric="pck")
    after = evaluate(_estimator(str(model)), held_out, options=measure)
    before = _before(start_from, held_out, measure)
    report = _write_report(out, recipe, start_from, used, held_out, before, after)
    return Finetuned(model, report, before.mean if before else None, after.mean)


def finetune_recipe(source: Recipe, people: int, steps: int | None = None) -> Recipe:
    """A recipe for a set of this many people, for the network, input and loss of the recipe it goes on from.

    Without ``steps`` their number grows with the root of the set's size: 420 for 100 people, 939 for 500.
    """
    batch = min(16, max(4, people // 8))
    steps = steps or min(MOST_STEPS, max(FEWEST_STEPS, round(42 * math.sqrt(people))))
    return Recipe(
        name="finetune",
        model=source.model,
        model_args=source.model_args,
        input_hw=source.input_hw,
        padding=source.padding,
        sigma=source.sigma,
        loss=source.loss,
        color=source.color,
        mean=source.mean,
        std=source.std,
        head_init="zero",
        augmentation=Augmentation(rotation=30, scale=0.25, shift=0.04, flip=0.5, colour=0.2, occlusion=0.2),
        optimizer="adamw",
        lr=5e-4,
        weight_decay=0.05,
        batch_size=batch,
        epochs=max(1, round(steps / (people // batch))),
        clip_norm=1.0,
        warmup_epochs=0.1,
        schedule="cosine",
        ema=0.99,
    )


def weights_of(start_from: str) -> Path:
    """The weights to start from: of a packaged model those that the repository keeps beside the package.

    Raises:
        ModelError: when there are none.
    """
    if start_from not in PACKAGED_WEIGHTS:
        path = Path(start_from)
        if path.suffix not in (".ckpt", ".safetensors") or not path.exists():
            raise ModelError(f"--from {start_from}: give a .ckpt or .safetensors, or {', '.join(PACKAGED_WEIGHTS)}")
        return path
    weights = zoo.FOLDER.parents[2] / "weights" / f"{PACKAGED_WEIGHTS[start_from]}.safetensors"
    if not weights.exists():
        raise ModelError(
            f"--from {start_from}: the weights to train on from are in the repository, weights/{weights.name}, and not "
            "part of the installed package: name them by their path"
        )
    return weights


def source_recipe(weights: Path) -> Recipe:
    """How a network was trained, as far as its file says: all of it in a checkpoint, what the card has otherwise.

    Raises:
        ModelError: when there is neither.
    """
    if weights.suffix == ".ckpt":
        return load_checkpoint(weights).recipe
    card = ModelCard.load(weights.with_suffix(".json"))
    return Recipe(
        name=card.recipe, model=card.architecture, input_hw=card.input_hw, padding=card.padding, sigma=card.sigma,
        loss="cross_entropy", color=card.color, mean=card.mean, std=card.std, epochs=1,
    )  # fmt: skip


def _estimator(model: str) -> PoseEstimator:
    estimator = PoseEstimator(model)
    estimator.flip_test = estimator.card.skeleton.flippable
    return estimator


def _before(start_from: str, held_out: list[Sample], measure: Options) -> Evaluation | None:
    """The network that was started from, on the same people; None where it cannot run or shares no joint."""
    if start_from not in PACKAGED_WEIGHTS and Path(start_from).suffix != ".ckpt":
        return None
    try:
        return evaluate(_estimator(start_from), held_out, options=measure)
    except DatasetError:  # not one joint in common
        return None


def _write_report(
    out: Path, recipe: Recipe, start_from: str, used: int, held_out: list[Sample],
    before: Evaluation | None, after: Evaluation,
) -> Path:  # fmt: skip
    write_report([after], out, f"{out.name}: {len(held_out)} held-out people")
    curve = validation_curve(out)
    rows = after.to_dict()["joints"]
    earlier = before.to_dict()["joints"] if before else {}
    figures = {
        "from": start_from,
        "people": used,
        "held out": len(held_out),
        "epochs": len(curve),
        "planned epochs": recipe.epochs,
        "validation curve": list(curve),
        "before": before.to_dict() if before else None,
        "after": after.to_dict(),
    }
    write_whole(out / "report.json", json.dumps(figures, indent=2).encode())
    name = after.figures[0].label

    def percent(value: float | None) -> str:
        return "" if value is None or not np.isfinite(value) else f"{value:.1f}"

    lines = [f"| {joint} | {percent(earlier.get(joint))} | {percent(value)} |" for joint, value in rows.items()]
    unknown = "the network it started from knows none of these joints, or cannot run as it is"
    stopped = "" if len(curve) == recipe.epochs else f", ended early of {recipe.epochs}"
    page = f"""# {out.name}

Fine-tuned from `{start_from}` on {used} people, {len(curve)} epochs{stopped}.
Measured on {len(held_out)} held-out people.

| {name} | before | after |
|---|---|---|
| **all** | {percent(before.mean if before else None)} | {percent(after.mean)} ± {percent(after.spread)} |
{chr(10).join(lines)}

Before: {before.protocol if before else unknown}.

After: {after.protocol}.

![the people it finds hardest, prediction left, labels right](worst.png)

![PCK by threshold](curve.png)
"""
    write_whole(out / "report.md", page.encode())
    return out / "report.md"
