"""A second, deliberately plain counter: what a network's size is checked against, independent of ours."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn


@dataclass
class Counted:
    """``macs`` of convolutions and linear layers; ``hrnet`` the same with transposed convolutions by output area.

    ``torchstat`` adds biases, two operations per element of a BatchNorm, one per element of a ReLU or enlargement.
    """

    params: int
    macs: int = 0
    hrnet: int = 0
    torchstat: int = 0


@pytest.fixture
def count() -> Callable[[nn.Module, tuple[int, int]], Counted]:
    """``count(network, (height, width))`` on the meta device, so that no arithmetic is done."""

    def counting(network: nn.Module, input_hw: tuple[int, int]) -> Counted:
        counted = Counted(sum(p.numel() for p in network.parameters()))

        def add_elements(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            counted.torchstat += (2 if isinstance(layer, nn.BatchNorm2d) else 1) * output.numel()

        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            places = output.shape[2:].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                counted.macs += layer.weight.numel() * inputs[0].shape[2:].numel()
            else:
                counted.macs += layer.weight.numel() * places  # type: ignore[operator]
            counted.hrnet += layer.weight.numel() * places  # type: ignore[operator]
            counted.torchstat += layer.weight.numel() * places  # type: ignore[operator]
            counted.torchstat += 0 if layer.bias is None else output.numel()

        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                layer.register_forward_hook(add)
            if isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.Upsample):
                layer.register_forward_hook(add_elements)
        network.to("meta").eval()(torch.empty(1, 3, *input_hw, device="meta"))
        return counted

    return counting
