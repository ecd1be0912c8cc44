"""The fast soft-gated network against its operations written out, and one step of training."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models import REGISTRY, create_model
from leanpose.models.softgate_fast import FastBlock, FastSoftGatedNet

from .test_softgate import randomised


def conv_bn_by_hand(layers: nn.Module, x: Tensor) -> Tensor:
    """Convolution, then BatchNorm with its running statistics."""
    conv, norm = list(layers.children())[:2]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    y = F.conv2d(x, conv.weight, padding=conv.weight.shape[-1] // 2)
    return F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias)


@pytest.mark.parametrize("in_channels", [8, 6])
def test_the_block_by_hand(in_channels: int) -> None:
    block = randomised(FastBlock(in_channels, 8))
    x = torch.randn(2, in_channels, 5, 6, dtype=torch.float64)
    stages = [block.stage1, block.stage2, block.stage3]
    made: list[Tensor] = [x]
    for stage in stages:
        made.append(conv_bn_by_hand(stage, made[-1]).clamp(min=0))  # type: ignore[arg-type]
    skip = x if in_channels == 8 else conv_bn_by_hand(block.project, x)  # type: ignore[arg-type]
    expected = block.gate.alpha * skip + torch.cat(made[1:], 1)  # type: ignore[union-attr]
    torch.testing.assert_close(block(x), expected)


def test_every_batchnorm_follows_a_convolution() -> None:
    """So that engines can make one operation of them."""
    network = FastSoftGatedNet(3, stacks=2, width=16).eval()
    made: set[int] = set()
    kept: list[Tensor] = []
    norms = 0

    def keep(_: nn.Module, __: object, out: Tensor) -> None:
        made.add(id(out))
        kept.append(out)

    def look(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal norms
        norms += 1
        assert id(inputs[0]) in made

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(keep)
        elif isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(look)
    network(torch.zeros(1, 3, 64, 64))
    assert norms == sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("stacks", [1, 2])
def test_as_many_multiply_adds_as_the_papers_network(stacks: int, count) -> None:
    ours, theirs = (
        count(create_model(f"softgate_{stacks}x128{suffix}", 16), (256, 256)).macs for suffix in ("_fast", "")
    )
    assert 0.96 < ours / theirs < 1
    assert not REGISTRY[f"softgate_{stacks}x128_fast"].published


def test_one_step_of_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    network = FastSoftGatedNet(3, stacks=2, width=16)
    images, targets = torch.randn(4, 3, 64, 64), torch.rand(4, 3, 16, 16)

    def loss() -> Tensor:
        return torch.stack([F.mse_loss(maps, targets) for maps in network(images)]).sum()

    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    before = loss()
    before.backward()
    optimizer.step()
    assert loss().item() < before.item()
