"""Recipes: their way through plain data, the shapes of schedules, and what is refused."""

import dataclasses

import pytest

from leanpose.core.errors import RecipeError
from leanpose.models import REGISTRY
from leanpose.models.person import DETECTORS
from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes import RECIPES, Recipe, recipe_named, softgate_lsp


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_are_named_after_their_function_and_survive_plain_data(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.name == name
    assert recipe.model in (REGISTRY if recipe.task == "pose" else DETECTORS)
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_cosine_rises_then_falls_to_zero() -> None:
    recipe = dataclasses.replace(softgate_lsp(), warmup_epochs=2, epochs=10, lr=1.0)
    assert recipe.lr_at(0) == 0
    assert recipe.lr_at(1) == pytest.approx(0.5)
    assert recipe.lr_at(2) == pytest.approx(1)
    assert recipe.lr_at(6) == pytest.approx(0.5)
    assert recipe.lr_at(10) == pytest.approx(0, abs=1e-12)


def test_early_epochs_are_smaller() -> None:
    recipe = dataclasses.replace(softgate_lsp(), epochs=10, early_share=0.6)
    sizes = [recipe.input_at(epoch) for epoch in range(10)]
    assert sizes == [(128, 128)] * 6 + [(192, 192)] * 4


def test_unknown_recipes_are_refused_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="softgate_lsp"):
        recipe_named("nosuch")


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_open_choices_name_fields_and_give_reasons(name: str) -> None:
    recipe = recipe_named(name)
    for path, reason in recipe.open_choices.items():
        field, _, part = path.partition(".")
        assert hasattr(recipe, field), path
        assert not part or hasattr(getattr(recipe, field), part), path
        assert len(reason) > 10
    assert all(len(reason) > 10 for reason in recipe.departures.values())


def test_what_an_older_version_did_not_know_takes_its_default() -> None:
    """Field by field as checkpoints of version 0.1 hold them; trainings that run must resume and load."""
    old = {
        "name": "ablation_lsp", "model": "softgate_1x64", "model_args": {"gate": 1.0}, "input_hw": (128, 128),
        "early_input_hw": None, "early_share": 0.0, "padding": 1.25, "sigma": 1.5, "loss": "cross_entropy",
        "head_init": "zero",
        "augmentation": {
            "rotation": 30, "upside_down": 0.0, "scale": 0.25, "shift": 0.0, "flip": 0.5, "colour": 0.2, "grey": 0.0,
            "occlusion": 0.0,
        },
        "repeats": {}, "optimizer": "adamw", "lr": 2e-3, "weight_decay": 0.05, "batch_size": 16, "epochs": 2,
        "clip_norm": 1.0, "warmup_epochs": 0.1, "schedule": "cosine", "milestones": (), "step_lrs": (), "ema": 0.995,
        "seed": 0, "open_choices": {},
    }  # fmt: skip
    recipe = Recipe.from_dict(old)
    assert recipe == dataclasses.replace(recipe_named("ablation_lsp"), model_args={"gate": 1.0})
    assert (recipe.color, recipe.conv_init, recipe.skeleton, recipe.rounds) == ("bgr", "default", None, 1)
    assert recipe.mean == (103.53, 116.28, 123.675)
    assert recipe.augmentation.distribution == "uniform"
    assert recipe.augmentation.half_body == 0
    assert Recipe.from_dict({"name": "x", "model": "y"}).augmentation == Augmentation()


@pytest.mark.parametrize("newer", [{"momentum": 0.9}, {"augmentation": {"mixup": 0.1}}])
def test_fields_of_a_newer_version_are_refused(newer: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"only another version knows: (momentum|mixup)"):
        Recipe.from_dict({"name": "x", "model": "y", **newer})
