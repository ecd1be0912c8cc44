"""Stacked hourglasses and CU-Net on MPII, the networks that the soft-gated paper compares with."""

from dataclasses import replace

from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes.hrnet_line import TARGETS
from leanpose.training.recipes.recipe import Recipe

_OPEN = {
    "sigma": "one cell at 64x64 in both papers' code",
    "augmentation.distribution": "the texts give ranges; both codes draw from cut normals, rotating 40 % of the crops",
    "augmentation.colour": "0.6 to 1.4 per channel in both papers' code",
    **dict.fromkeys(("color", "mean", "std"), "both codes feed RGB from 0 to 1 and normalise no further"),
}
_UNLABELLED = {"unlabelled joints": "left out of the loss; both codes train them towards empty maps"}


def hourglass_mpii() -> Recipe:
    """Newell et al. (ECCV 2016): RMSprop at 2.5e-4, once a fifth of it when validation stalls."""
    return Recipe(
        name="hourglass_mpii",
        model="hourglass_8",
        color="rgb",
        mean=(0.0, 0.0, 0.0),
        std=(255.0, 255.0, 255.0),
        conv_init="uniform",
        augmentation=Augmentation(rotation=30, scale=0.25, flip=0.5, colour=0.4),
        batch_size=6,
        epochs=100,
        milestones=(75,),
        step_lrs=(5e-5,),
        open_choices={
            **_OPEN,
            **dict.fromkeys(("batch_size", "epochs"), "not in the paper; the published code's"),
            "conv_init": "not in the paper; the uniform one of the Torch that its code ran on",
            "milestones": "the paper waits until validation accuracy stalls; a fixed epoch can be repeated",
        },
        departures={**TARGETS, **_UNLABELLED},
    )


def cunet_mpii() -> Recipe:
    """Coupled U-Nets (Tang et al., BMVC 2018): RMSprop at 2.5e-4, batches of 24, 200 epochs."""
    return replace(
        hourglass_mpii(),
        name="cunet_mpii",
        model="cunet_2x128_g32",
        batch_size=24,
        epochs=200,
        milestones=(101, 141, 161),
        step_lrs=(5e-5, 2.5e-5, 1.25e-5),
        open_choices={**_OPEN, **dict.fromkeys(("milestones", "step_lrs"), "not in the paper; the published code's")},
    )
