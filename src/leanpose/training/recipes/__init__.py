"""Recipes: everything a training depends on, as frozen data built by functions named after paper and dataset."""

from collections.abc import Callable

from leanpose.core.errors import RecipeError
from leanpose.training.recipes.baselines import (
    hrnet_coco,
    hrnet_mpii,
    litehrnet_coco,
    litehrnet_mpii,
    simplebaseline_coco,
    simplebaseline_mpii,
)
from leanpose.training.recipes.elhrnet import elhrnet_coco, elhrnet_mpii
from leanpose.training.recipes.hourglasses import cunet_mpii, hourglass_mpii
from leanpose.training.recipes.lpn import lpn_coco, lpn_mpii
from leanpose.training.recipes.ours import (
    ablation_lsp,
    fast_lsp,
    fold_lsp,
    medium_body,
    medium_everyday,
    medium_everyday_end,
    medium_on,
    nano_body,
    nano_everyday,
    nano_on,
    small_alone,
    small_body,
    small_lsp,
    softgate_lsp,
)
from leanpose.training.recipes.override import override
from leanpose.training.recipes.person import person_detector, person_everyday, person_everyday_on
from leanpose.training.recipes.recipe import BGR_MEAN, BGR_STD, Recipe
from leanpose.training.recipes.rules import Color, ConvInit, HeadInit, Optimizer, Schedule
from leanpose.training.recipes.sfm import sfm_coco, sfm_mpii
from leanpose.training.recipes.softgate import softgate_lsp_finetune, softgate_lsp_paper, softgate_mpii

RECIPES: dict[str, Callable[[], Recipe]] = {
    build.__name__: build
    for build in (
        softgate_lsp, fast_lsp, small_lsp, nano_body, nano_on, small_body, medium_body, small_alone, medium_on,
        medium_everyday, medium_everyday_end, nano_everyday, fold_lsp, ablation_lsp, person_detector, person_everyday,
        person_everyday_on,
        softgate_mpii, softgate_lsp_finetune, softgate_lsp_paper,
        elhrnet_coco, elhrnet_mpii, lpn_coco, lpn_mpii, sfm_coco, sfm_mpii,
        simplebaseline_coco, simplebaseline_mpii, hrnet_coco, hrnet_mpii, litehrnet_coco, litehrnet_mpii,
        hourglass_mpii, cunet_mpii,
    )
}  # fmt: skip

__all__ = [
    "BGR_MEAN",
    "BGR_STD",
    "RECIPES",
    "Color",
    "ConvInit",
    "HeadInit",
    "Optimizer",
    "Recipe",
    "Schedule",
    "ablation_lsp",
    "override",
    "recipe_named",
    "softgate_lsp",
    "softgate_lsp_paper",
]


def recipe_named(name: str) -> Recipe:
    """Build a recipe by name.

    Raises:
        RecipeError: when there is none of that name.
    """
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe '{name}': use one of {', '.join(RECIPES)}")
    return RECIPES[name]()
