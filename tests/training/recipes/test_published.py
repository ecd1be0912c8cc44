"""Recipes against what the papers print, typed from them; where they are silent there is None."""

from dataclasses import dataclass

import pytest

from leanpose.training.recipes import RECIPES, Recipe, recipe_named


@dataclass(frozen=True)
class Printed:
    """A published training: rates from the first one on, one more after each drop."""

    source: str
    optimizer: str | None
    epochs: int
    batch_size: int | None
    drops: tuple[int, ...] | None
    rates: tuple[float | None, ...]
    rotation: float | None
    scale: float | None
    input_hw: tuple[int, int]


PRINTED = {
    "softgate_mpii": Printed(
        "FG 2020, section III-C: 200 epochs, RMSprop, batch 24, 2.5e-4 to 1e-5, dropped at 75, 100, 150",
        "rmsprop", 200, 24, (75, 100, 150), (2.5e-4, None, None, 1e-5), 30, 0.25, (256, 256),
    ),
    "softgate_lsp_finetune": Printed(
        "FG 2020, section III-C: MPII models fine-tuned for 100 epochs, same rates, dropped every 25",
        "rmsprop", 100, 24, (25, 50, 75), (2.5e-4, None, None, 1e-5), 30, 0.25, (256, 256),
    ),
    "elhrnet_coco": Printed(
        "Sensors 2024, section 3.2: 300 epochs, Adam, batch 16, 1e-3, a tenth at 120, 170, 200, 260",
        "adam", 300, 16, (120, 170, 200, 260), (1e-3, 1e-4, 1e-5, 1e-6, 1e-7), 45, 0.35, (256, 192),
    ),
    "elhrnet_mpii": Printed(
        "Sensors 2024, section 3.2: 210 epochs, batch 8, 1e-3, a tenth at 170, 200",
        None, 210, 8, (170, 200), (1e-3, 1e-4, 1e-5), None, None, (256, 256),
    ),
    "lpn_coco": Printed(
        "LPN's COCO configuration: Adam 1e-3, 150 epochs, a tenth at 90, 120, batch 32, rotation 40, scale 0.3",
        "adam", 150, 32, (90, 120), (1e-3, 1e-4, 1e-5), 40, 0.3, (256, 192),
    ),
    "lpn_mpii": Printed(
        "LPN's MPII configuration: as for COCO, rotation 30, scale 0.25",
        "adam", 150, 32, (90, 120), (1e-3, 1e-4, 1e-5), 30, 0.25, (256, 256),
    ),
    "hrnet_coco": Printed(
        "HRNet's COCO configuration: Adam 1e-3, 210 epochs, a tenth at 170, 200, rotation 45, scale 0.35",
        "adam", 210, None, (170, 200), (1e-3, 1e-4, 1e-5), 45, 0.35, (256, 192),
    ),
    "hrnet_mpii": Printed(
        "HRNet's MPII configuration: as for COCO, rotation 30, scale 0.25",
        "adam", 210, None, (170, 200), (1e-3, 1e-4, 1e-5), 30, 0.25, (256, 256),
    ),
    "simplebaseline_coco": Printed(
        "SimpleBaseline's COCO configuration: Adam 1e-3, 140 epochs, a tenth at 90, 120, rotation 40, scale 0.3",
        "adam", 140, None, (90, 120), (1e-3, 1e-4, 1e-5), 40, 0.3, (256, 192),
    ),
    "simplebaseline_mpii": Printed(
        "SimpleBaseline's MPII configuration: as for COCO, rotation 30, scale 0.25",
        "adam", 140, None, (90, 120), (1e-3, 1e-4, 1e-5), 30, 0.25, (256, 256),
    ),
    "litehrnet_coco": Printed(
        "Lite-HRNet's COCO configuration: Adam 2e-3, 210 epochs, a tenth at 170, 200, rotation 30, scale 0.25",
        "adam", 210, None, (170, 200), (2e-3, 2e-4, 2e-5), 30, 0.25, (256, 192),
    ),
    "litehrnet_mpii": Printed(
        "Lite-HRNet's MPII configuration: as for COCO",
        "adam", 210, None, (170, 200), (2e-3, 2e-4, 2e-5), 30, 0.25, (256, 256),
    ),
    "hourglass_mpii": Printed(
        "ECCV 2016: rmsprop, 2.5e-4, dropped once by a factor of 5 after validation accuracy plateaus",
        "rmsprop", 100, None, None, (2.5e-4, 5e-5), 30, 0.25, (256, 256),
    ),
    "cunet_mpii": Printed(
        "CU-Net's code: RMSprop 2.5e-4, batch 24, 200 epochs, a fifth at 101, halved at 141 and 161",
        "rmsprop", 200, 24, (101, 141, 161), (2.5e-4, 5e-5, 2.5e-5, 1.25e-5), 30, 0.25, (256, 256),
    ),
}  # fmt: skip
OURS = {
    "softgate_lsp", "fast_lsp", "small_lsp", "nano_body", "nano_on", "small_body", "medium_body", "small_alone",
    "medium_on", "fold_lsp", "ablation_lsp", "softgate_lsp_paper", "person_detector", "person_everyday",
    "person_everyday_on",
    "medium_everyday", "medium_everyday_end", "nano_everyday",
}  # fmt: skip
UNKNOWN = {"sfm_coco", "sfm_mpii"}  # the paper's training is not public


def _drops(recipe: Recipe) -> list[int]:
    """Epochs with whose start the rate falls, found in the curve."""
    start = int(recipe.warmup_epochs) + 1
    return [e for e in range(start, recipe.epochs) if recipe.lr_at(e) != recipe.lr_at(e - 1e-6)]


def test_every_recipe_is_compared() -> None:
    assert set(PRINTED) | OURS | UNKNOWN == set(RECIPES)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_learning_rates_follow_the_published_schedule(name: str) -> None:
    recipe, printed = recipe_named(name), PRINTED[name]
    drops = _drops(recipe)
    assert recipe.epochs == printed.epochs
    assert len(drops) == len(printed.rates) - 1
    if printed.drops is not None:
        assert tuple(drops) == printed.drops
    rates = [recipe.lr_at(e) for e in (recipe.warmup_epochs, *drops)]
    assert rates == sorted(rates, reverse=True)
    for rate, expected in zip(rates, printed.rates, strict=True):
        assert expected is None or rate == pytest.approx(expected, rel=1e-12)
    if None in printed.rates:
        assert "step_lrs" in recipe.open_choices
    if printed.drops is None:
        assert "milestones" in recipe.open_choices


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_the_rest_of_the_setup_is_the_published_one_or_marked_open(name: str) -> None:
    recipe, printed = recipe_named(name), PRINTED[name]
    assert recipe.input_hw == printed.input_hw
    assert recipe.weight_decay == 0
    values = {
        "optimizer": (recipe.optimizer, printed.optimizer),
        "batch_size": (recipe.batch_size, printed.batch_size),
        "augmentation.rotation": (recipe.augmentation.rotation, printed.rotation),
        "augmentation.scale": (recipe.augmentation.scale, printed.scale),
    }
    for field, (value, expected) in values.items():
        if expected is None:
            assert field in recipe.open_choices
        else:
            assert value == expected, field


def test_soft_gated_details() -> None:
    """FG 2020, section III-C and eq. 2: MSE, uniform initialisation, flips and colour jitter, pelvis and thorax."""
    mpii, lsp = recipe_named("softgate_mpii"), recipe_named("softgate_lsp_finetune")
    assert (mpii.loss, mpii.conv_init, mpii.skeleton, mpii.starts_from) == ("mse", "uniform", None, None)
    assert (lsp.skeleton, lsp.starts_from, lsp.model) == ("mpii16", "softgate_mpii", mpii.model)
    assert mpii.augmentation.flip > 0
    assert mpii.augmentation.colour > 0
    assert mpii.augmentation.distribution == "uniform"


@pytest.mark.parametrize("name", ["elhrnet_coco", "elhrnet_mpii", "lpn_coco", "lpn_mpii", "hrnet_coco", "sfm_mpii"])
def test_the_hrnet_line_has_sigma_two_and_its_own_loss(name: str) -> None:
    recipe = recipe_named(name)
    assert (recipe.sigma, recipe.loss, recipe.padding) == (2, "joints_mse", 1.25)
    assert (recipe.augmentation.distribution, recipe.augmentation.rotation_probability) == ("normal", 0.6)


def test_half_bodies_colours_and_rounds_are_those_of_the_configurations() -> None:
    half = {name for name in RECIPES if name not in OURS and recipe_named(name).augmentation.half_body}
    assert half == {"elhrnet_coco", "hrnet_coco", "sfm_coco", "litehrnet_coco"}
    assert {recipe_named(name).augmentation.half_body for name in half} == {0.3}
    bgr = {name for name in PRINTED if recipe_named(name).color == "bgr"}
    assert bgr == {"lpn_coco", "simplebaseline_coco", "simplebaseline_mpii", "softgate_mpii", "softgate_lsp_finetune"}
    assert recipe_named("lpn_coco").mean == (123.675, 116.28, 103.53)  # RGB's statistics on BGR images, as published
    assert {name: recipe_named(name).rounds for name in RECIPES if recipe_named(name).rounds > 1} == {
        "lpn_coco": 7,
        "lpn_mpii": 7,
    }
    assert recipe_named("lpn_coco").model_args == {"init": "normal"}
    assert recipe_named("lpn_mpii").model_args == {"init": "default"}


def test_lite_hrnet_warms_up_for_500_steps() -> None:
    """Of 149,813 people on COCO and 22,246 on MPII, in the recipe's own batches."""
    for name, people in (("litehrnet_coco", 149_813), ("litehrnet_mpii", 22_246)):
        recipe = recipe_named(name)
        assert recipe.warmup_epochs * people / recipe.batch_size == pytest.approx(500)
        assert recipe.lr_at(recipe.warmup_epochs / 2) == pytest.approx(1e-3)
