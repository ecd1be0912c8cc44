"""How a network's weights start, where a recipe says otherwise than the network's constructor."""

import math

from torch import nn

from leanpose.models.person import PersonNet
from leanpose.training.recipes import Recipe


def initialise(model: nn.Module, recipe: Recipe) -> None:
    """Start convolutions by ``recipe.conv_init``, then heads by ``recipe.head_init``.

    ``"normal_0.001"`` draws the weights of all convolutions, transposed ones too, from N(0, 0.001^2) with biases at 0,
    as HRNet's published code does. ``"uniform"`` draws weights and biases from U(-1/sqrt(n), 1/sqrt(n)) with n the
    inputs of one output, as the Torch of hourglass networks did and PyTorch still does.
    """
    for module in model.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d) or recipe.conv_init == "default":
            continue
        if recipe.conv_init == "uniform":
            bound = 1 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -bound, bound)
        else:
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if recipe.head_init == "zero":
        zero_heads(model)


def zero_heads(model: nn.Module) -> None:
    """Start the layers that give heatmaps at 0: all maps begin equal and the loss has no dead start to leave."""
    for layer in head_layers(model):
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def head_layers(model: nn.Module) -> list[nn.Conv2d]:
    """The convolutions that answer: heatmaps, one per stage (``heads`` or ``final_layer``), or a detector's two."""
    if isinstance(model, PersonNet):
        return [model.centre, model.sides]
    heads = model.heads if hasattr(model, "heads") else [model.final_layer]
    return [[m for m in head.modules() if isinstance(m, nn.Conv2d)][-1] for head in heads]  # type: ignore[union-attr]
