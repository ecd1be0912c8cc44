"""What the fields of a recipe may hold."""

from collections.abc import Callable
from typing import Any, Literal, get_args

from leanpose.training.data.targets import Loss

Color = Literal["bgr", "rgb"]
ConvInit = Literal["default", "normal_0.001", "uniform"]
HeadInit = Literal["zero", "default"]
Optimizer = Literal["adam", "adamw", "rmsprop"]
Schedule = Literal["cosine", "steps"]
Task = Literal["pose", "person"]
TeacherLoss = Literal["own", "mse"]


def _positive(value: Any) -> bool:
    return value > 0


def _three_numbers(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(isinstance(x, int | float) for x in value)


def _size(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, int) and side > 0 for side in value)


_CHOICES = {
    "loss": Loss,
    "color": Color,
    "conv_init": ConvInit,
    "head_init": HeadInit,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "task": Task,
    "teacher_loss": TeacherLoss,
}
RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("lr", "batch_size", "epochs", "sigma", "padding"), (_positive, "positive")),
    **{name: (get_args(choice).__contains__, " or ".join(get_args(choice))) for name, choice in _CHOICES.items()},
    "input_hw": (_size, "height and width in pixels"),
    "early_input_hw": (lambda value: value is None or _size(value), "height and width in pixels, or None"),
    "early_share": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "repeats": (lambda value: all(isinstance(n, int) and n >= 0 for n in value.values()), "whole numbers"),
    "clip_norm": (lambda value: value is None or (isinstance(value, int | float) and value > 0), "positive or None"),
    "warmup_epochs": (lambda value: value >= 0, "at least 0"),
    "ema": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    "skeleton": (lambda value: value is None or isinstance(value, str), "None, a built-in skeleton or a skeleton file"),
    "mean": (_three_numbers, "three numbers"),
    "std": (lambda value: _three_numbers(value) and min(value) > 0, "three positive numbers"),
    "starts_from": (lambda value: value is None or isinstance(value, str), "None or the name of a recipe"),
    "epoch_batches": (lambda value: value is None or (isinstance(value, int) and value >= 1), "None or at least 1"),
    "body_lr": (lambda value: 0 < value <= 1, "over 0 and up to 1"),
    "frozen_epochs": (lambda value: isinstance(value, int) and value >= 0, "a whole number from 0"),
    "patience": (lambda value: isinstance(value, int) and value >= 0, "a whole number from 0"),
    "teacher": (lambda value: value is None or isinstance(value, str), "None or a model"),
    "teacher_weight": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "people": (lambda value: 0 < value <= 1, "over 0 and up to 1"),
    "rounds": (lambda value: isinstance(value, int) and value >= 1, "a whole number from 1"),
}
