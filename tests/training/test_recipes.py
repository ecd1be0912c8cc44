"""Recipes: schedules against the published numbers, overrides, and what is refused."""

import dataclasses

import pytest

from leanpose.errors import RecipeError
from leanpose.models import REGISTRY
from leanpose.training.recipes import RECIPES, Recipe, override, recipe_named, softgate_lsp, softgate_lsp_paper


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_are_named_after_their_function_and_survive_plain_data(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.name == name
    assert recipe.model in REGISTRY
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_the_paper_fine_tunes_with_a_drop_every_25_epochs() -> None:
    """Section III-C: 100 epochs, from 2.5e-4 to 1e-5, dropped every 25 epochs."""
    recipe = softgate_lsp_paper()
    rates = [recipe.lr_at(epoch) for epoch in (0, 24.99, 25, 49.99, 50, 74.99, 75, 99.99)]
    assert rates[0] == rates[1] == 2.5e-4
    assert rates[2] == rates[3]
    assert rates[4] == rates[5]
    assert rates[6] == rates[7] == 1e-5
    assert rates[0] > rates[2] > rates[4] > rates[6]
    assert (recipe.batch_size, recipe.epochs, recipe.optimizer, recipe.weight_decay) == (24, 100, "rmsprop", 0)
    assert (recipe.augmentation.rotation, recipe.augmentation.scale, recipe.loss) == (30, 0.25, "mse")


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


def test_overrides_reach_fields_and_parts_of_fields() -> None:
    recipe = override(
        softgate_lsp(),
        [
            "epochs=3",
            "augmentation.rotation=45",
            "input_hw=[128,128]",
            "repeats.lspet=2",
            "model=softgate_2x64",
            "lr=1",
        ],
    )
    assert (recipe.epochs, recipe.augmentation.rotation, recipe.input_hw) == (3, 45, (128, 128))
    assert recipe.repeats == {"lsp": 3, "lspet": 2}
    assert recipe.model == "softgate_2x64"
    assert recipe.augmentation.flip == softgate_lsp().augmentation.flip


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs", "write field=value"),
        ("epoch=3", "no field 'epoch'"),
        ("augmentation.spin=3", "no part 'spin'"),
        ("epochs=many", "takes int"),
        ("epochs=0", "must be positive"),
        ("name=x", "no field 'name'"),
        ("lr=null", "takes float"),
        ("lr=NaN", "must be positive"),
        ("optimizer=sgd", "must be adamw or rmsprop"),
        ("schedule=linear", "must be cosine or steps"),
        ("head_init=zeros", "must be zero or default"),
        ("loss=l1", "must be mse or cross_entropy"),
        ("input_hw=[128]", "must be height and width"),
        ("early_input_hw=128", "takes tuple"),
        ("repeats.lsp=1.5", "must be whole numbers"),
        ("clip_norm=off", "takes float"),
        ("ema=1", "less than 1"),
        ("warmup_epochs=1000", "less than epochs"),
        ("augmentation.flip=often", "must be a number from 0 to 1"),
        ("augmentation.scale=1", "must be a number from 0 to 0.9"),
    ],
)
def test_wrong_overrides_are_refused(assignment: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        override(softgate_lsp(), [assignment])


def test_fields_that_may_be_none_take_null_and_come_back() -> None:
    recipe = override(softgate_lsp(), ["clip_norm=null", "early_input_hw=null"])
    assert (recipe.clip_norm, recipe.early_input_hw) == (None, None)
    assert {recipe.input_at(epoch) for epoch in range(recipe.epochs)} == {(192, 192)}
    again = override(recipe, ["clip_norm=2", "early_input_hw=[64,64]"])
    assert (again.clip_norm, again.input_at(0)) == (2, (64, 64))
    with pytest.raises(RecipeError, match="clip_norm='off' must be positive or None"):
        override(recipe, ["clip_norm=off"])


def test_overrides_that_need_each_other_come_in_any_order() -> None:
    for order in (1, -1):
        words = ["milestones=[5]", "step_lrs=[1e-5]", "repeats.lsp=2", "repeats.lspet=4"][::order]
        recipe = override(softgate_lsp_paper(), words)
        assert (recipe.lr_at(4), recipe.lr_at(5), recipe.repeats) == (2.5e-4, 1e-5, {"lsp": 2, "lspet": 4})


def test_unknown_recipes_are_refused_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="softgate_lsp"):
        recipe_named("nosuch")
