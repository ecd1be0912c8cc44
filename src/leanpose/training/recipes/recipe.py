"""A recipe: everything a training depends on, as frozen data."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from leanpose.core.errors import RecipeError
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.targets import Loss
from leanpose.training.recipes.rules import RULES, Color, ConvInit, HeadInit, Optimizer, Schedule, Task, TeacherLoss

BGR_MEAN = (103.53, 116.28, 123.675)  # ImageNet's channel statistics, the field's custom
BGR_STD = (57.375, 57.12, 58.395)


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what input, towards what, and how.

    Attributes:
        name: the function that builds it.
        task: ``"pose"``, or ``"person"`` for a detector, which learns from scenes
            (:mod:`leanpose.datasets.readers.scenes`) and heeds neither padding, sigma, loss, skeleton nor teachers.
        model, model_args: registry name and constructor arguments.
        input_hw: crop height and width in pixels.
        early_input_hw, early_share: crop size for the first share of the epochs, where cheap steps teach most.
        padding: side of the crop over the side of the person's box.
        sigma: of the target Gaussians, in heatmap cells.
        loss: see :func:`leanpose.training.data.targets.heatmap_loss`.
        round_targets: whether target Gaussians are centred at the nearest cell, as in much published code, instead of
            at the joint itself.
        skeleton: name or file of what the samples are mapped to by joint name; None takes the data's own.
        color: channel order that the network sees.
        mean, std: per channel in that order, in units of 0 to 255: the network sees ``(crop - mean) / std``.
        conv_init: ``"default"`` leaves convolutions as the network's constructor made them; the others see
            :func:`leanpose.training.initialisation.initialise`.
        head_init: ``"zero"`` starts the heatmap layers at 0, ``"default"`` as the other convolutions.
        augmentation: random changes to the crops.
        repeats: how often an epoch shows each sample, by the dataset's kind; 1 where not named.
        optimizer, lr, weight_decay, batch_size, epochs, clip_norm: the usual. ``"adamw"`` decays the weights
            themselves, the other two add the decay to the gradient (L2).
        warmup_epochs: linear rise from 0 to ``lr``.
        schedule: ``"cosine"`` falls from ``lr`` to 0; ``"steps"`` takes ``step_lrs`` after ``milestones``.
        ema: decay per step of the averaged weights that are validated and kept; 0 turns it off.
        seed: of initialisation, order and augmentation.
        starts_from: recipe from whose checkpoint this one goes on; None starts from nothing.
        people: share of the training people that is used, a fixed draw; for comparisons under a small budget.
        epoch_batches: batches of an epoch, drawn anew in each; None shows everyone once.
        body_lr: factor on the learning rate of all layers but the heads.
        frozen_epochs: in which only the heads learn.
        patience: epochs without a better validation score after which the training ends; 0 never ends it early.
        teacher: packaged model or file of a network to learn from besides the labels (distillation).
        teacher_weight: its share of the loss.
        teacher_loss: see :mod:`leanpose.training.distillation`.
        teacher_confidence: whether joints of which the teacher is less sure weigh less.
        teach_unlabelled: whether the teacher's word also counts for joints that nobody labelled.
        rounds: trainings in a row, each the whole schedule again from the best weights of the one before.
        open_choices: fields that the paper leaves open, with the reason for the value here.
        departures: what is done otherwise than the paper says, with the reason.
    """

    name: str
    model: str
    task: Task = "pose"
    model_args: Mapping[str, Any] = field(default_factory=dict)
    input_hw: tuple[int, int] = (256, 256)
    early_input_hw: tuple[int, int] | None = None
    early_share: float = 0.0
    padding: float = 1.25
    sigma: float = 1.0
    loss: Loss = "mse"
    round_targets: bool = False
    skeleton: str | None = None
    color: Color = "bgr"
    mean: tuple[float, float, float] = BGR_MEAN
    std: tuple[float, float, float] = BGR_STD
    conv_init: ConvInit = "default"
    head_init: HeadInit = "default"
    augmentation: Augmentation = field(default_factory=Augmentation)
    repeats: Mapping[str, int] = field(default_factory=dict)
    optimizer: Optimizer = "rmsprop"
    lr: float = 2.5e-4
    weight_decay: float = 0.0
    batch_size: int = 24
    epochs: int = 200
    clip_norm: float | None = None
    warmup_epochs: float = 0.0
    schedule: Schedule = "steps"
    milestones: tuple[int, ...] = ()
    step_lrs: tuple[float, ...] = ()
    ema: float = 0.0
    seed: int = 0
    starts_from: str | None = None
    rounds: int = 1
    people: float = 1.0
    epoch_batches: int | None = None
    body_lr: float = 1.0
    frozen_epochs: int = 0
    patience: int = 0
    teacher: str | None = None
    teacher_weight: float = 0.5
    teacher_loss: TeacherLoss = "own"
    teacher_confidence: bool = False
    teach_unlabelled: bool = False
    open_choices: Mapping[str, str] = field(default_factory=dict)
    departures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (holds, expected) in RULES.items():
            if not holds(getattr(self, name)):
                raise RecipeError(f"recipe {self.name}: {name}={getattr(self, name)!r} must be {expected}")
        if self.warmup_epochs >= self.epochs:
            raise RecipeError(f"recipe {self.name}: warmup_epochs={self.warmup_epochs} must be less than epochs")
        if self.schedule == "steps" and len(self.milestones) != len(self.step_lrs):
            raise RecipeError(f"recipe {self.name}: each milestone needs its learning rate in step_lrs")

    def input_at(self, epoch: float) -> tuple[int, int]:
        """Crop height and width at a point of the training, in epochs from 0."""
        early = self.early_input_hw is not None and epoch < round(self.early_share * self.epochs)
        return self.early_input_hw if early and self.early_input_hw else self.input_hw

    def lr_at(self, epoch: float) -> float:
        """Learning rate at a point of the training, in epochs from 0, fractions included."""
        if epoch < self.warmup_epochs:
            return self.lr * epoch / self.warmup_epochs
        if self.schedule == "steps":
            passed = sum(epoch >= milestone for milestone in self.milestones)
            return self.step_lrs[passed - 1] if passed else self.lr
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for checkpoints and cards."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Recipe":
        """Inverse of :meth:`to_dict`; lists become tuples again, and fields that are not there take their defaults."""
        changes = data.get("augmentation", {})
        unknown = sorted(
            set(data) - {f.name for f in fields(cls)} | set(changes) - {f.name for f in fields(Augmentation)}
        )
        if unknown:
            raise RecipeError(f"recipe fields that only another version knows: {', '.join(unknown)}: use that one")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        plain["augmentation"] = Augmentation(**changes)
        return cls(**plain)
