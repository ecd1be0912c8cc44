"""How weights start, against the distributions that the papers name."""

import dataclasses
import math

import pytest
import torch
from scipy.stats import kstest, norm, uniform
from torch import nn

from leanpose.models import create_model
from leanpose.training.initialisation import head_layers, initialise
from leanpose.training.recipes import Recipe

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def _started(model: str, conv_init: str, head_init: str = "default") -> nn.Module:
    torch.manual_seed(0)
    network = create_model(model, 14)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    recipe = Recipe(name="made", model=model)
    initialise(network, dataclasses.replace(recipe, conv_init=conv_init, head_init=head_init))  # type: ignore[arg-type]
    others = {f"{name}." for name, module in network.named_modules() if not isinstance(module, CONVOLUTIONS) and name}
    for name, tensor in network.state_dict().items():
        owner = name.rpartition(".")[0] + "."
        if owner in others:
            assert torch.equal(tensor, before[name]), name
    return network


def test_default_touches_nothing() -> None:
    torch.manual_seed(0)
    fresh = create_model("lpn_50", 14).state_dict()
    for name, tensor in _started("lpn_50", "default").state_dict().items():
        assert torch.equal(tensor, fresh[name])


@pytest.mark.parametrize("model", ["softgate_1x64", "cunet_2x128_g32"])
def test_uniform_weights_lie_within_one_over_the_root_of_the_inputs(model: str) -> None:
    network = _started(model, "uniform")
    scaled = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
            tensors = [module.weight] if module.bias is None else [module.weight, module.bias]
            scaled += [t.detach().flatten() * math.sqrt(fan_in) for t in tensors]
    values = torch.cat(scaled)[::37].numpy()
    assert abs(values).max() <= 1 + 1e-6
    assert kstest(values, uniform(-1, 2).cdf).pvalue > 0.001


def test_uniform_overrules_a_network_that_starts_otherwise() -> None:
    assert create_model("lpn_50", 14).conv1.weight.std() < 0.002  # type: ignore[union-attr, operator]
    assert _started("lpn_50", "uniform").conv1.weight.std() > 0.02  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("model", ["sfm_basic64", "simplebaseline_mobilenetv2"])
def test_normal_weights_have_a_thousandth_as_deviation(model: str) -> None:
    network = _started(model, "normal_0.001")
    weights = [m.weight.detach().flatten() for m in network.modules() if isinstance(m, CONVOLUTIONS)]
    assert kstest(torch.cat(weights)[::101].numpy(), norm(0, 1e-3).cdf).pvalue > 0.001
    for module in network.modules():
        if isinstance(module, CONVOLUTIONS) and module.bias is not None:
            assert not module.bias.any()


def test_zero_heads_come_last() -> None:
    network = _started("softgate_2x64", "uniform", "zero")
    heads = head_layers(network)
    assert len(heads) == 2
    for head in heads:
        assert not head.weight.any()
        assert head.bias is not None
        assert not head.bias.any()
