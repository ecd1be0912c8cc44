"""EL-HRNet (Li et al., Sensors 2024): section 3.2, training setup in COCO2017 and in MPII."""

from leanpose.training.recipes.hrnet_line import hrnet_line
from leanpose.training.recipes.recipe import Recipe

_HRNET = "not in the paper; as HRNet, on whose code it builds"
_OPEN = {
    **dict.fromkeys(("color", "mean", "std", "augmentation.half_body", "augmentation.rotation_probability"), _HRNET),
    "augmentation.distribution": "the paper gives ranges, as HRNet's does, whose code draws from normals cut at them",
    "conv_init": "not in the paper; HRNet's N(0, 0.001) would starve the depthwise half of NConv3x3",
    "loss": "the paper's equation has no factor 1/2; Adam does not see a constant factor",
}


def elhrnet_coco() -> Recipe:
    """300 epochs of 16 people, Adam at 1e-3, a tenth of it after each of 120, 170, 200 and 260."""
    return hrnet_line(
        "elhrnet_coco",
        "elhrnet_w32_la_r8",
        input_hw=(256, 192),
        rotation=45,
        scale=0.35,
        half_body=0.3,
        batch_size=16,
        epochs=300,
        milestones=(120, 170, 200, 260),
        open_choices=_OPEN,
    )


def elhrnet_mpii() -> Recipe:
    """210 epochs of 8 people, Adam at 1e-3, a tenth of it after each of 170 and 200."""
    return hrnet_line(
        "elhrnet_mpii",
        "elhrnet_w32_la_r8",
        rotation=30,
        scale=0.25,
        batch_size=8,
        epochs=210,
        milestones=(170, 200),
        open_choices={
            **_OPEN,
            **dict.fromkeys(("augmentation.rotation", "augmentation.scale", "augmentation.flip"), _HRNET),
            "optimizer": "the paper names Adam for COCO only",
        },
    )
