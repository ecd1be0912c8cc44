"""What the trainings of the HRNet line share: they all go on with SimpleBaseline's published code."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes.recipe import Recipe

# ImageNet's statistics for red, green, blue: this code applies them in this order to BGR images too.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

NO_DECAY = "configurations name 1e-4, but the code never hands it to Adam, and published weights come without it"
NO_PRETRAINING = (
    "starts from nothing where the paper starts from ImageNet weights, which are none of ours; --from takes them"
)
TARGETS = {
    "targets": "Gaussians sit at the joint itself and reach as far as the map; published codes round to a cell and "
    "cut at three sigma",
    "precision": "bfloat16 autocast",
}


def hrnet_line(
    name: str,
    model: str,
    *,
    rotation: float,
    scale: float,
    half_body: float = 0.0,
    open_choices: Mapping[str, str] | None = None,
    departures: Mapping[str, str] | None = None,
    **more: Any,
) -> Recipe:
    """A recipe with Adam at 1e-3, falling to a tenth at each milestone, and augmentation as that code draws it.

    Args:
        rotation, scale, half_body: see :class:`Augmentation`.
        open_choices, departures: added to those that the whole line has.
        **more: further fields of the recipe; ``milestones`` and ``epochs`` among them.
    """
    recipe = Recipe(
        name=name,
        model=model,
        sigma=2.0,
        loss="joints_mse",
        color="rgb",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        augmentation=Augmentation(
            distribution="normal",
            rotation=rotation,
            rotation_probability=0.6,
            scale=scale,
            flip=0.5,
            half_body=half_body,
        ),
        optimizer="adam",
        open_choices={"weight_decay": NO_DECAY, **(open_choices or {})},
        departures={**TARGETS, **(departures or {})},
        lr=more.pop("lr", 1e-3),
    )
    milestones = more.pop("milestones")
    steps = tuple(recipe.lr / 10 ** (passed + 1) for passed in range(len(milestones)))
    return replace(recipe, milestones=milestones, step_lrs=steps, **more)
