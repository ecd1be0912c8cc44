import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lab.reproduce.softgate_figures import block_features
from leanpose.models import create_model
from leanpose.models.softgate import GatedBlock


@pytest.mark.parametrize("gate", ["channel", 1.0])
def test_features_are_those_of_a_block_computed_by_hand(gate):
    torch.manual_seed(0)
    network = create_model("softgate_1x64", 14, width=8, gate=gate).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("alpha"):
                parameter.normal_()
    crops = torch.randn(2, 3, 64, 64)
    features = block_features(network, crops)

    x = torch.relu(network.stem[1](network.stem[0](crops)))  # stem up to its block
    x = F.max_pool2d(x, 2)
    block = network.stem[4]
    a = block.stage1(x)
    b = block.stage2(a)
    c = block.stage3(b)
    function = torch.cat((a, b, c), 1)
    skip = block.project(x)
    alpha = torch.as_tensor(block.gate.alpha)
    first = features["stem.4"]
    np.testing.assert_allclose(first.skip, skip.detach(), atol=1e-5)
    np.testing.assert_allclose(first.scaled, (alpha * skip).detach(), atol=1e-5)
    np.testing.assert_allclose(first.function, function.detach(), atol=1e-5)
    np.testing.assert_allclose(first.output, (alpha * skip + function).detach(), atol=1e-5)


def test_every_block_is_seen_once_and_hooks_are_gone():
    network = create_model("softgate_1x64", 14, width=8).eval()
    blocks = [name for name, module in network.named_modules() if isinstance(module, GatedBlock)]
    features = block_features(network, torch.randn(1, 3, 64, 64))
    assert sorted(features) == sorted(blocks)
    assert not any(module._forward_hooks for module in network.modules())
