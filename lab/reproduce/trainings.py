"""Trainings behind the tables: each row and seed once, whichever table asks for it, resumed where it stopped."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.reproduce.budget import Budget
from leanpose.core.errors import DatasetError
from leanpose.core.files import write_whole
from leanpose.datasets.readers import read_samples
from leanpose.engines.card import file_sha256
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure import evaluate
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.iterative import train_rounds
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """What a reproduction runs on.

    Attributes:
        name: of the reproduction.
        data: ``KIND:PATH`` specs; their training part trains, their test part measures.
        budget: of each training.
        work: folder of the trainings, shared by all reproductions.
        out: folder of pages and figures.
        checkpoint: a trained network to look into, where the reproduction needs one and trains none.
        train: whether to train also what is only counted otherwise.
        only: the parts of a study that are trained now; all if empty.
    """

    name: str
    data: Sequence[str]
    budget: Budget
    work: Path
    out: Path
    checkpoint: Path | None = None
    train: bool = False
    only: Sequence[str] = ()

    def described(self, recipe: Recipe | None = None) -> dict[str, str]:
        """Data, budget, recipe and the command, for the page."""
        kinds = " and ".join(dict.fromkeys(spec.partition(":")[0] for spec in self.data))
        named = [f"--data {kind}:DIR" for kind in kinds.split(" and ") if kind]
        command = " ".join((f"leanpose reproduce {self.name}", *named)) + " --train" * self.train
        if recipe is None:
            return {"data": kinds, "command": f"`{command}`"} if kinds else {"command": f"`{command}`"}
        b = self.budget
        batches = f",batches={b.batches}" * (b.batches > 0)
        return {
            "data": kinds,
            "budget": f"{b}",
            "recipe": f"`{recipe.name}`: {recipe.loss}, {recipe.optimizer} {recipe.lr:g}, batch {recipe.batch_size}",
            "command": f"`{command} --budget epochs={b.epochs},side={b.side},people={b.people:g},"
            f"seeds={b.seeds}{batches}`",
        }


@dataclass(frozen=True)
class Arm:
    """One of the variants that a table compares.

    Attributes:
        slug: names its trainings' folders; the same slug means the same training in every table.
        label: of its row.
        model: registry name; the recipe's if empty.
        model_args: constructor arguments.
        published: printed figures by column.
        changes: recipe fields besides the network.
        length: schedules of the budget's length that its training takes.
        corrected: whether it learns from the labels that ``corrections=FILE`` in the data corrects.
    """

    slug: str
    label: str
    model: str = ""
    model_args: dict[str, Any] | None = None
    published: dict[str, float] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    length: int = 1
    corrected: bool = False

    def recipe(self, base: Recipe) -> Recipe:
        """``base`` with this variant's network and changes."""
        return replace(
            base, model=self.model or base.model, model_args={**base.model_args, **(self.model_args or {})},
            epochs=base.epochs * self.length, **self.changes,
        )  # fmt: skip


def trained(setting: Setting, arm: Arm, base: Recipe, seed: int, start_from: Path | None = None) -> Path:
    """The checkpoint of one arm and seed, trained to the end of the budget; nothing is trained twice.

    The last weights, not the best on some part, so that nothing is chosen by a score; of several rounds, each but the
    first starts with the best weights of the one before.

    Args:
        start_from: whose weights the network starts with, as :func:`leanpose.training.run.train` takes it.

    Raises:
        TrainingError: when the folder holds a training under another budget.
    """
    recipe = arm.recipe(setting.budget.recipe(base, seed))
    folder = setting.work / f"{arm.slug}-s{seed}"
    last = last_checkpoint(folder, recipe)
    if not last.exists() or not read_checkpoint(last).finished:
        LOG.info("training %s, seed %d", arm.label, seed)
    options: dict[str, Any] = {"workers": 0, "progress": False}
    if recipe.rounds > 1:
        started = (folder / "round1").exists()
        train_rounds(recipe, list(setting.data), folder, resume=started, start_from=start_from, **options)
        return last
    start_from = None if last.exists() else start_from
    train(recipe, list(setting.data), folder, resume=last.exists(), start_from=start_from, **options)
    return last


def last_checkpoint(folder: Path, recipe: Recipe) -> Path:
    """Where a training of ``recipe`` in ``folder`` leaves its last weights."""
    return folder / (f"round{recipe.rounds}/last.ckpt" if recipe.rounds > 1 else "last.ckpt")


def score(setting: Setting, checkpoint: Path) -> tuple[str, float]:
    """The column's name and the main score in percent of a checkpoint on the test part; kept beside it.

    Raises:
        DatasetError: when a person of the test part cannot be measured.
    """
    kept = checkpoint.with_name("score.json")
    sha256 = file_sha256(checkpoint)
    if kept.exists() and (stored := json.loads(kept.read_text()))["sha256"] == sha256:
        return stored["metric"], stored["value"]
    samples = read_samples(setting.data, "test")
    evaluation = evaluate(PoseEstimator(str(checkpoint), flip_test=True), samples)
    kinds = " and ".join(dict.fromkeys(sample.dataset for sample in samples))
    if evaluation.left_out:
        raise DatasetError(f"a table needs every person of the test part: {'; '.join(evaluation.left_out)}")
    metric = f"{kinds} test {evaluation.figures[0].label}"
    kept_values = {"sha256": sha256, "metric": metric, "protocol": evaluation.protocol, "value": evaluation.mean}
    write_whole(kept, json.dumps(kept_values, indent=2).encode())
    return metric, evaluation.mean
