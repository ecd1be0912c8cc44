"""LPN (Zhang, Tang, Wu, arXiv 1911.10346): the authors' configurations and the iterative training strategy."""

from leanpose.training.recipes.hrnet_line import hrnet_line
from leanpose.training.recipes.recipe import Recipe


def lpn_coco() -> Recipe:
    """Seven rounds of 150 epochs of 32 people, Adam at 1e-3, a tenth of it after each of 90 and 120.

    Its images are BGR and yet normalised with the statistics of RGB, which the published weights expect.
    """
    return hrnet_line(
        "lpn_coco",
        "lpn_50",
        model_args={"init": "normal"},
        input_hw=(256, 192),
        color="bgr",
        rotation=40,
        scale=0.3,
        batch_size=32,
        epochs=150,
        milestones=(90, 120),
        rounds=7,
    )


def lpn_mpii() -> Recipe:
    """On MPII: the same with RGB images and PyTorch's initialisation, as the authors' configuration has it."""
    return hrnet_line(
        "lpn_mpii",
        "lpn_50",
        model_args={"init": "default"},
        rotation=30,
        scale=0.25,
        batch_size=32,
        epochs=150,
        milestones=(90, 120),
        rounds=7,
        open_choices={"rounds": "known for COCO only"},
    )
