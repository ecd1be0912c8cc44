"""Trained networks from any of our files: to go on from, or to learn from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from torch import nn

from leanpose.engines.card import ModelCard
from leanpose.engines.zoo import find_model
from leanpose.models import create_model
from leanpose.training.checkpoint import AnsweringNet, load_checkpoint, load_weights
from leanpose.training.data.targets import Loss
from leanpose.training.onnx_weights import read_onnx_weights
from leanpose.training.recipes import Recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, in evaluation mode.

    Attributes:
        net: answers with heatmaps of an ideal peak of 1.
        recipe: how it was trained: all of it from a checkpoint, network, input and loss from a card.
        card: of the file.
        identities: its BatchNorms that have no statistics of their own, see :mod:`leanpose.training.onnx_weights`.
    """

    net: AnsweringNet
    recipe: Recipe
    card: ModelCard
    identities: list[str] = field(default_factory=list)

    @property
    def network(self) -> nn.Module:
        """The network itself, with all its stages."""
        return self.net.network


def open_trained(model: str) -> Trained:
    """Open a packaged model by name, an ``.onnx`` or ``.safetensors`` with its card beside it, or a ``.ckpt``.

    Raises:
        ModelError: when there is no such model, it is damaged, or it does not hold the weights of its architecture.
    """
    path = Path(model)
    if path.suffix == ".ckpt":
        loaded = load_checkpoint(path)
        return Trained(loaded.net, loaded.recipe, loaded.card)
    if path.suffix == ".safetensors":
        card = ModelCard.load(path.with_suffix(".json"))
        network = create_model(card.architecture, len(card.skeleton), **card.model_args)
        load_weights(network, path)
        identities = []
    else:
        path, card = find_model(model)
        network = create_model(card.architecture, len(card.skeleton), **card.model_args)
        state, identities = read_onnx_weights(path, network, card.input_hw)
        network.load_state_dict(state)
    recipe = Recipe(
        name=card.recipe, model=card.architecture, model_args=dict(card.model_args), input_hw=card.input_hw,
        padding=card.padding, sigma=card.sigma, loss=cast(Loss, card.loss or "cross_entropy"), color=card.color,
        mean=card.mean, std=card.std,
    )  # fmt: skip
    return Trained(AnsweringNet(network, recipe).eval(), recipe, card, identities)
