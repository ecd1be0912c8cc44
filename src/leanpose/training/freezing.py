"""Freezing: only the layers that give heatmaps learn, for a while or throughout."""

from typing import Any

import lightning as L
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from leanpose.training.initialisation import head_layers


class FrozenBackbone(L.Callback):
    """Keeps everything but the heads as it is, BatchNorm statistics included, for the first ``epochs`` epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Before every step, because the trainer turns training mode on again after each validation."""
        freeze(pl_module.model, trainer.current_epoch < self.epochs)


def freeze(network: nn.Module, frozen: bool) -> None:
    """Stop, or let, all layers but the heads learn."""
    heads = {id(parameter) for layer in head_layers(network) for parameter in layer.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(not frozen or id(parameter) in heads)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.train(not frozen)
