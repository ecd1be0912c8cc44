"""Fine-tuning on one's own people: from a trained network to a model of other joints, with a report.

Its recipe is made from the size of the set: hundreds to thousands of people, a short schedule, the heads alone for the
first epoch, an end when validation no longer improves.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from leanpose.core.errors import DatasetError, ModelError
from leanpose.core.files import write_whole
from leanpose.datasets.readers import Sample
from leanpose.engines.card import file_sha256
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure import Evaluation, Options, evaluate, record_scores
from leanpose.pose.skeleton_files import find_skeleton
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, collate
from leanpose.training.exported import export_checkpoint
from leanpose.training.finetune_report import Finetuned, write_finetune_report
from leanpose.training.onnx_weights import restore_statistics
from leanpose.training.people import training_people
from leanpose.training.recipes import Recipe, override
from leanpose.training.resuming import holds_training
from leanpose.training.run import train
from leanpose.training.trained import Trained, open_trained

FEWEST_PEOPLE = 20
FEWEST_STEPS, MOST_STEPS = 300, 3000
FEWEST_EPOCHS = 20  # looks at the held-out people, to choose the best weights among
STATISTICS_OF = 64  # crops


def finetune(
    data: list[str],
    out: Path,
    start_from: str = "small",
    skeleton: str | None = None,
    people: int | None = None,
    steps: int | None = None,
    frozen_epochs: int | None = 1,
    patience: int = 8,
    assignments: Sequence[str] = (),
    resume: bool = False,
    **options: Any,
) -> Finetuned:
    """Fine-tune a trained network on ``KIND:PATH`` datasets, measure it on held-out people, and export it.

    Writes into ``out``: the training, ``NAME.onnx`` with its card (``NAME`` is the folder's), ``report.md``,
    ``report.json``, and drawn examples of held-out people. Where no dataset has a validation part, a tenth of the
    training images is held out.

    Args:
        start_from: a packaged model, an ``.onnx`` or ``.safetensors`` with its card beside it, or a ``.ckpt``.
        skeleton: name or file of the joints to learn; None for those of the data.
        people: train on this many, a fixed draw; None for all.
        steps: of training, up to one more per epoch; None for a number that grows with the set.
        frozen_epochs: in which only the heads learn; None for all.
        patience: epochs without a better validation score that end the training; 0 for never.
        assignments: ``field=value`` changes to the recipe.
        options: ``workers``, ``accelerator``, ``devices``, ``progress``, as a training takes them.

    Raises:
        DatasetError: when there are too few people, or none is held out to validate on.
        ModelError: when there is nothing to start from.
        TrainingError: as a training raises it.
    """
    available, held_out = training_people(data, find_skeleton(skeleton) if skeleton else None)
    used = len(available) if people is None else min(people, len(available))
    if used < FEWEST_PEOPLE or not held_out:
        raise DatasetError(
            f"{', '.join(data)}: {used} people to train on and {len(held_out)} held out to validate on; fine-tuning "
            f"needs {FEWEST_PEOPLE} and 1. A set without parts is divided by its images' names: add images"
        )
    source = open_trained(start_from)
    recipe = replace(finetune_recipe(source.recipe, used, steps), skeleton=skeleton, patience=patience)
    frozen = recipe.epochs if frozen_epochs is None else frozen_epochs
    recipe = override(replace(recipe, people=used / len(available), frozen_epochs=frozen), list(assignments))
    weights = None if resume or holds_training(out) else _weights(start_from, source, recipe, available, out)
    best = train(recipe, data, out, resume=resume, start_from=weights, **options)
    model = out / f"{out.resolve().name}.onnx"
    card, _ = export_checkpoint(best, model)
    known = {entry.name for entry in card.data}
    card = replace(card, data=(*card.data, *(entry for entry in source.card.data if entry.name not in known)))
    card.save(model.with_suffix(".json"))
    after = evaluate(_estimator(str(model)), held_out, options=Options(metric="pck"))
    kinds = " and ".join(dict.fromkeys(spec.partition(":")[0] for spec in data))
    command = f"leanpose finetune --from {Path(start_from).name} on {used} people of {kinds}"
    record_scores(model.with_suffix(".json"), [after], f"{len(held_out)} held-out people of {kinds}", command)
    before = _before(start_from, held_out)
    return write_finetune_report(out, model, recipe, source.card, used, before, after)


def finetune_recipe(source: Recipe, people: int, steps: int | None = None) -> Recipe:
    """A recipe for a set of this many people, for the network, input and loss of the recipe it goes on from.

    Without ``steps`` their number grows with the root of the set's size: 420 for 100 people, 939 for 500. An epoch
    shows everyone once, or fewer people where the steps would otherwise make too few epochs to choose among.
    """
    batch = min(16, max(4, people // 8))
    steps = steps or min(MOST_STEPS, max(FEWEST_STEPS, round(42 * math.sqrt(people))))
    epochs = min(steps, max(FEWEST_EPOCHS, math.ceil(steps / (people // batch))))
    return Recipe(
        name=f"finetune of {source.name.removeprefix('finetune of ')}",
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
        lr=1e-3,
        body_lr=0.5,
        weight_decay=0.05,
        batch_size=batch,
        epochs=epochs,
        epoch_batches=math.ceil(steps / epochs),
        clip_norm=1.0,
        warmup_epochs=0.1,
        schedule="cosine",
        ema=0.99,
    )


def _weights(start_from: str, source: Trained, recipe: Recipe, people: Sequence[Sample], out: Path) -> Path:
    """A file of the weights to start with; of an ONNX model one made here, complete with BatchNorm statistics."""
    if Path(start_from).suffix in (".ckpt", ".safetensors"):
        return Path(start_from)
    if source.identities:
        restore_statistics(source.network, source.identities, _crops(recipe, people))
    weights = out / "start.safetensors"
    write_whole(weights, save(source.network.state_dict()), ModelError)
    replace(source.card, name=weights.stem, sha256=file_sha256(weights)).save(weights.with_suffix(".json"))
    return weights


def _crops(recipe: Recipe, people: Sequence[Sample]) -> torch.Tensor:
    """Normalised crops (B, 3, H, W) of people spread over the set, as the network will see them."""
    dataset = CropDataset(people, recipe.input_hw, recipe.padding, Augmentation())
    batch = collate([dataset[0, i] for i in range(0, len(people), math.ceil(len(people) / STATISTICS_OF))])
    if not len(batch["index"]):
        raise DatasetError(f"not one of the images looked at can be read: {batch['unreadable'][0]}")
    images = batch["images"] if recipe.color == "bgr" else batch["images"].flip(1)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (recipe.mean, recipe.std))
    return (images.float() - mean) / std


def _estimator(model: str) -> PoseEstimator:
    estimator = PoseEstimator(model)
    estimator.flip_test = estimator.card.skeleton.flippable
    return estimator


def _before(start_from: str, held_out: list[Sample]) -> Evaluation | None:
    """The network that was started from, on the same people; None where no engine runs it or it shares no joint."""
    if Path(start_from).suffix == ".safetensors":
        return None
    try:
        return evaluate(_estimator(start_from), held_out, options=Options(metric="pck"))
    except DatasetError:  # not one joint in common
        return None
