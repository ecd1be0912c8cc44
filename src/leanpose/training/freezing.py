"""Freezing: only the last layers learn, for a while or throughout."""

from collections.abc import Callable
from typing import Any

import lightning as L
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from leanpose.training.initialisation import head_layers


class FrozenBackbone(L.Callback):
    """Keeps what is frozen first as it is, BatchNorm statistics included, for the first ``epochs`` epochs.

    That is a network's ``early_layers``, or everything but the heads of one that names none.

    Args:
        epochs: of the recipe's schedule.
        schedule: the point of that schedule, in epochs; None where it is the trainer's epoch.
    """

    def __init__(self, epochs: int, schedule: Callable[[], float] | None = None) -> None:
        self.epochs = epochs
        self.schedule = schedule

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Before every step, because the trainer turns training mode on again after each validation."""
        epoch = trainer.current_epoch if self.schedule is None else self.schedule()
        freeze(pl_module.model, epoch < self.epochs)


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
