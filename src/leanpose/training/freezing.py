"""Freezing: only the last layers learn, for a while or throughout."""

from typing import Any

import lightning as L
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from leanpose.training.initialisation import head_layers


class FrozenBackbone(L.Callback):
    """Keeps what is frozen first as it is, BatchNorm statistics included, for the first ``epochs`` epochs.

    That is a network's ``early_layers``, or everything but the heads of one that names none.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Before every step, because the trainer turns training mode on again after each validation."""
        freeze(pl_module.model, trainer.current_epoch < self.epochs)


def freeze(network: nn.Module, frozen: bool) -> None:
    """Stop, or let, the network's ``early_layers`` learn; of one that names none, all layers but the heads."""
    early = [network.get_submodule(name) for name in getattr(network, "early_layers", ())]
    learning = set() if early else {id(p) for layer in head_layers(network) for p in layer.parameters()}
    body = nn.ModuleList(early) if early else network
    for parameter in body.parameters():
        parameter.requires_grad_(not frozen or id(parameter) in learning)
    for module in body.modules():
        if isinstance(module, _BatchNorm):
            module.train(not frozen)
