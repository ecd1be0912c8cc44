"""SFM (Ren et al., arXiv 2107.13693): of its training only the abstract's results are known, so HRNet's stands in."""

from dataclasses import replace

from leanpose.training.recipes.baselines import hrnet_coco, hrnet_mpii
from leanpose.training.recipes.recipe import Recipe

_HRNET = "not known; HRNet's"
_OPEN = {
    "model": "the whole architecture is a reconstruction",
    **dict.fromkeys(
        ("input_hw", "padding", "sigma", "loss", "color", "mean", "std", "augmentation", "optimizer", "lr",
         "weight_decay", "batch_size", "epochs", "milestones", "step_lrs"),
        _HRNET,
    ),
    "conv_init": "not known; HRNet's N(0, 0.001) would start the attention's single-channel maps flat",
    "head_init": "not known; HRNet's heads start within 0.001 of zero",
}  # fmt: skip


def _like(recipe: Recipe, name: str) -> Recipe:
    departures = {topic: text for topic, text in recipe.departures.items() if topic != "pretraining"}
    return replace(recipe, name=name, model="sfm_basic72", head_init="zero", open_choices=_OPEN, departures=departures)


def sfm_coco() -> Recipe:
    """HRNet's training on COCO, for want of the paper's own."""
    return _like(hrnet_coco(), "sfm_coco")


def sfm_mpii() -> Recipe:
    """HRNet's training on MPII, for want of the paper's own."""
    return _like(hrnet_mpii(), "sfm_mpii")
