"""Soft-gated skip connections (Bulat et al., FG 2020): section III-C."""

from dataclasses import replace

from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes.hrnet_line import TARGETS
from leanpose.training.recipes.recipe import Recipe

_OPEN = {
    "model": "one recipe for all sizes; the LSP row of the paper is softgate_4x256",
    "step_lrs": "the paper gives only the first and the last rate",
    "sigma": "one cell at 64x64, the hourglass convention",
    "loss": "eq. 2 summed over the map; joints without a label are left out of it, on which the text is silent",
    "padding": "the text says how large the crop is, not how much of the picture it shows",
    "augmentation.flip": "mirrored half of the time; the text gives no share",
    "augmentation.colour": "the strength of the colour jitter is not given; hourglass code has 0.6 to 1.4",
    **dict.fromkeys(("color", "mean", "std"), "the text is silent about normalisation"),
}


def softgate_mpii() -> Recipe:
    """The paper's training on MPII: RMSprop for 200 epochs, from 2.5e-4 to 1e-5 with drops at 75, 100 and 150."""
    return Recipe(
        name="softgate_mpii",
        model="softgate_2x128",
        conv_init="uniform",
        augmentation=Augmentation(rotation=30, scale=0.25, flip=0.5, colour=0.4),
        milestones=(75, 100, 150),
        step_lrs=(1e-4, 5e-5, 1e-5),
        open_choices={**_OPEN, "conv_init": "uniform as the paper says; the bounds are those of the Torch of its time"},
        departures=TARGETS,
    )


def softgate_lsp_finetune() -> Recipe:
    """The paper's fine-tuning on LSP and LSP-extended: from the MPII network, 100 epochs, a drop every 25.

    LSP's joints become MPII's, with pelvis and thorax interpolated, so that the network keeps its heads.
    """
    return replace(
        softgate_mpii(),
        name="softgate_lsp_finetune",
        skeleton="mpii16",
        starts_from="softgate_mpii",
        conv_init="default",
        epochs=100,
        milestones=(25, 50, 75),
        open_choices=_OPEN,
    )


def softgate_lsp_paper() -> Recipe:
    """The paper's losses and optimiser on LSP and LSP-extended, without its MPII pre-training."""
    recipe = softgate_lsp_finetune()
    return replace(
        recipe,
        name="softgate_lsp_paper",
        skeleton=None,
        starts_from=None,
        departures={**recipe.departures, "pretraining": "none, where the paper starts from its MPII network"},
    )
