"""The HRNet line of the papers' tables: SimpleBaseline, HRNet and Lite-HRNet, each with its own published training."""

from leanpose.training.recipes.hrnet_line import NO_PRETRAINING, hrnet_line
from leanpose.training.recipes.recipe import Recipe

_FOUR_GPUS = {"batch_size": "32 on each of the four GPUs of the published configuration"}
_PRETRAINING = {"pretraining": NO_PRETRAINING}


def hrnet_coco() -> Recipe:
    """HRNet (CVPR 2019) on COCO: 210 epochs, Adam at 1e-3, a tenth of it after each of 170 and 200."""
    return hrnet_line(
        "hrnet_coco",
        "hrnet_w32",
        input_hw=(256, 192),
        rotation=45,
        scale=0.35,
        half_body=0.3,
        batch_size=128,
        epochs=210,
        milestones=(170, 200),
        open_choices=_FOUR_GPUS,
        departures=_PRETRAINING,
    )


def hrnet_mpii() -> Recipe:
    """HRNet (CVPR 2019) on MPII: as on COCO, with 256x256 crops, less augmentation and whole bodies only."""
    return hrnet_line(
        "hrnet_mpii",
        "hrnet_w32",
        rotation=30,
        scale=0.25,
        batch_size=128,
        epochs=210,
        milestones=(170, 200),
        open_choices=_FOUR_GPUS,
        departures=_PRETRAINING,
    )


def simplebaseline_coco() -> Recipe:
    """SimpleBaseline (ECCV 2018) on COCO: 140 epochs, Adam at 1e-3, a tenth of it after each of 90 and 120."""
    return hrnet_line(
        "simplebaseline_coco",
        "simplebaseline_r50",
        input_hw=(256, 192),
        color="bgr",
        rotation=40,
        scale=0.3,
        batch_size=128,
        epochs=140,
        milestones=(90, 120),
        open_choices={"batch_size": "32 on each of four GPUs, as HRNet's line trains; the configuration names one GPU"},
        departures=_PRETRAINING,
    )


def simplebaseline_mpii() -> Recipe:
    """SimpleBaseline (ECCV 2018) on MPII, which the paper leaves to its published configuration."""
    return hrnet_line(
        "simplebaseline_mpii",
        "simplebaseline_r50",
        color="bgr",
        rotation=30,
        scale=0.25,
        batch_size=128,
        epochs=140,
        milestones=(90, 120),
        open_choices={"batch_size": "as on COCO; the configuration names one GPU with 32"},
        departures=_PRETRAINING,
    )


_LITE_OPEN = {
    "weight_decay": "Adam without any in the published configuration",
    "loss": "the published code has no factor 1/2; Adam does not see a constant factor",
    "batch_size": "32 on each of the paper's eight GPUs; the published configuration for COCO has 64",
    "warmup_epochs": "the published 500 steps, counted in epochs of the data set at this batch size",
}


def litehrnet_coco() -> Recipe:
    """Lite-HRNet (CVPR 2021) on COCO: 210 epochs, Adam at 2e-3, a tenth of it after each of 170 and 200."""
    return hrnet_line(
        "litehrnet_coco",
        "litehrnet_18",
        input_hw=(256, 192),
        rotation=30,
        scale=0.25,
        half_body=0.3,
        lr=2e-3,
        batch_size=256,
        epochs=210,
        milestones=(170, 200),
        warmup_epochs=500 * 256 / 149_813,
        open_choices=_LITE_OPEN,
    )


def litehrnet_mpii() -> Recipe:
    """Lite-HRNet (CVPR 2021) on MPII: as on COCO, with 256x256 crops and whole bodies only."""
    return hrnet_line(
        "litehrnet_mpii",
        "litehrnet_18",
        rotation=30,
        scale=0.25,
        lr=2e-3,
        batch_size=256,
        epochs=210,
        milestones=(170, 200),
        warmup_epochs=500 * 256 / 22_246,
        open_choices=_LITE_OPEN,
    )
