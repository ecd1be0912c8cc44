"""Recipes: everything a training depends on, as frozen data built by functions named after paper and dataset."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from leanpose.data.augment import Augmentation
from leanpose.data.targets import Loss
from leanpose.errors import RecipeError

BGR_MEAN = (103.53, 116.28, 123.675)  # ImageNet's channel statistics, the field's custom
BGR_STD = (57.375, 57.12, 58.395)

HeadInit = Literal["zero", "default"]
Optimizer = Literal["adamw", "rmsprop"]
Schedule = Literal["cosine", "steps"]


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what input, towards what, and how.

    Attributes:
        name: the function that builds it.
        model, model_args: registry name and constructor arguments.
        input_hw: crop height and width in pixels.
        early_input_hw, early_share: crop size for the first share of the epochs, where cheap steps teach most.
        padding: side of the crop over the side of the person's box.
        sigma: of the target Gaussians, in heatmap cells.
        loss: see :func:`leanpose.data.targets.heatmap_loss`.
        head_init: ``"zero"`` starts the heatmap layers at 0, ``"default"`` as PyTorch does.
        augmentation: random changes to the crops.
        repeats: how often an epoch shows each sample, by the dataset's kind; 1 where not named.
        optimizer, lr, weight_decay, batch_size, epochs, clip_norm: the usual.
        warmup_epochs: linear rise from 0 to ``lr``.
        schedule: ``"cosine"`` falls from ``lr`` to 0; ``"steps"`` takes ``step_lrs`` after ``milestones``.
        ema: decay per step of the averaged weights that are validated and kept; 0 turns it off.
        seed: of initialisation, order and augmentation.
        open_choices: fields that the paper leaves open, with the reason for the value here.
    """

    name: str
    model: str
    model_args: Mapping[str, Any] = field(default_factory=dict)
    input_hw: tuple[int, int] = (256, 256)
    early_input_hw: tuple[int, int] | None = None
    early_share: float = 0.0
    padding: float = 1.25
    sigma: float = 1.0
    loss: Loss = "mse"
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
    open_choices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (holds, expected) in _RULES.items():
            if not holds(getattr(self, name)):
                raise RecipeError(f"recipe {self.name}: {name}={getattr(self, name)!r} must be {expected}")
        if self.warmup_epochs >= self.epochs:
            raise RecipeError(f"recipe {self.name}: warmup_epochs={self.warmup_epochs} must be less than epochs")
        if self.schedule == "steps" and len(self.milestones) != len(self.step_lrs):
            raise RecipeError(f"recipe {self.name}: each milestone needs its learning rate in step_lrs")

    def input_at(self, epoch: int) -> tuple[int, int]:
        """Crop height and width in an epoch (from 0)."""
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
        """Inverse of :meth:`to_dict`; lists become tuples again."""
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise RecipeError(f"recipe fields that only another version knows: {', '.join(unknown)}: use that one")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        plain["augmentation"] = Augmentation(**data["augmentation"])
        return cls(**plain)


def _positive(value: Any) -> bool:
    return value > 0


def _size(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, int) and side > 0 for side in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("lr", "batch_size", "epochs", "sigma", "padding"), (_positive, "positive")),
    **{
        name: (get_args(choice).__contains__, " or ".join(get_args(choice)))
        for name, choice in (("loss", Loss), ("head_init", HeadInit), ("optimizer", Optimizer), ("schedule", Schedule))
    },
    "input_hw": (_size, "height and width in pixels"),
    "early_input_hw": (lambda value: value is None or _size(value), "height and width in pixels, or None"),
    "early_share": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "repeats": (lambda value: all(isinstance(n, int) and n >= 0 for n in value.values()), "whole numbers"),
    "clip_norm": (lambda value: value is None or (isinstance(value, int | float) and value > 0), "positive or None"),
    "warmup_epochs": (lambda value: value >= 0, "at least 0"),
    "ema": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
}


def softgate_lsp() -> Recipe:
    """Ours: the soft-gated network on LSP and LSP-extended alone, sized for hours on a CPU.

    Departs from the paper (section III-C) in loss, optimiser, averaging and head initialisation, because with them
    it learns several times faster; docs/training.md says why.
    """
    return Recipe(
        name="softgate_lsp",
        model="softgate_1x128",
        input_hw=(192, 192),
        early_input_hw=(128, 128),
        early_share=0.75,
        sigma=1.5,
        loss="cross_entropy",
        head_init="zero",
        augmentation=Augmentation(
            rotation=35, upside_down=0.05, scale=0.25, shift=0.04, flip=0.5, colour=0.25, grey=0.05, occlusion=0.3
        ),
        repeats={"lsp": 3},
        optimizer="adamw",
        lr=2e-3,
        weight_decay=0.05,
        batch_size=32,
        epochs=24,
        clip_norm=1.0,
        warmup_epochs=0.5,
        schedule="cosine",
        ema=0.999,
    )


def ablation_lsp() -> Recipe:
    """Ours: a short training of a small network, to compare variants under one budget (docs/reproduction)."""
    return Recipe(
        name="ablation_lsp",
        model="softgate_1x64",
        input_hw=(128, 128),
        sigma=1.5,
        loss="cross_entropy",
        head_init="zero",
        augmentation=Augmentation(rotation=30, scale=0.25, flip=0.5, colour=0.2),
        optimizer="adamw",
        lr=2e-3,
        weight_decay=0.05,
        batch_size=16,
        epochs=2,
        clip_norm=1.0,
        warmup_epochs=0.1,
        schedule="cosine",
        ema=0.995,
    )


def softgate_lsp_paper() -> Recipe:
    """The paper's losses and optimiser (section III-C) on LSP and LSP-extended, without its MPII pre-training."""
    return Recipe(
        name="softgate_lsp_paper",
        model="softgate_2x128",
        augmentation=Augmentation(rotation=30, scale=0.25, flip=0.5, colour=0.4),
        epochs=100,
        milestones=(25, 50, 75),
        step_lrs=(1e-4, 5e-5, 1e-5),
        open_choices={
            "step_lrs": "the paper gives only the first and the last rate",
            "sigma": "one cell at 64x64, the hourglass convention",
            "augmentation.colour": "the strength of the colour jitter is not given; hourglass code has 0.6 to 1.4",
        },
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    build.__name__: build for build in (softgate_lsp, ablation_lsp, softgate_lsp_paper)
}


def recipe_named(name: str) -> Recipe:
    """Build a recipe by name.

    Raises:
        RecipeError: when there is none of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe '{name}': use one of {', '.join(RECIPES)}")
    return RECIPES[name]()


def override(recipe: Recipe, assignments: list[str]) -> Recipe:
    """The recipe with ``field=value`` assignments applied; ``augmentation.rotation=45`` reaches into a field.

    Values are read as JSON, and as plain text where they are none.

    Raises:
        RecipeError: for an unknown field, a missing ``=``, or a value of another type than the field's.
    """
    import json

    changes: dict[str, Any] = {}  # applied together, because fields such as milestones and step_lrs must fit
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise RecipeError(f"--set {assignment}: write field=value")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        name, _, inner = path.partition(".")
        known = {f.name: f for f in fields(Recipe) if f.name != "name"}
        if name not in known:
            raise RecipeError(f"--set {assignment}: no field '{name}'; there are {', '.join(sorted(known))}")
        old = changes.get(name, getattr(recipe, name))
        if inner:
            if isinstance(old, Augmentation) and inner in {f.name for f in fields(old)}:
                value = replace(old, **{inner: value})
            elif isinstance(old, Mapping):
                value = {**old, inner: value}
            else:
                raise RecipeError(f"--set {assignment}: '{name}' has no part '{inner}'")
        value = tuple(value) if isinstance(value, list) else value
        # a field that may be None says so by its default
        fits = known[name].default is None if value is None else old is None or isinstance(value, _accepted(old))
        if not fits:
            raise RecipeError(f"--set {assignment}: '{path}' takes {type(old).__name__}, not {value!r}")
        changes[name] = value
    return replace(recipe, **changes)


def _accepted(old: Any) -> type | tuple[type, ...]:
    return (int, float) if isinstance(old, float) else Mapping if isinstance(old, Mapping) else type(old)
