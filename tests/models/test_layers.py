"""The shared blocks against loops and einsum, and against what their docstrings promise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.core.errors import InputSizeError
from leanpose.models.layers import (
    BasicBlock,
    Bottleneck,
    GlobalContext,
    SqueezeExcitation,
    channel_shuffle,
    check_input,
    conv_bn,
    normal_init,
)


def randomise(network: nn.Module) -> nn.Module:
    """float64, evaluation mode, weights and BatchNorm statistics that all matter."""
    torch.manual_seed(0)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(0.2, 1.2)
            if tensor.ndim == 4:
                tensor.data -= 0.7
    return network.double().eval()


def norm(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    mean, var, gain, shift = (v[:, None, None] for v in (bn.running_mean, bn.running_var, bn.weight, bn.bias))  # type: ignore[index]
    return (x - mean) / (var + bn.eps).sqrt() * gain + shift


@given(height=st.integers(0, 200), width=st.integers(0, 200), multiple=st.sampled_from([1, 4, 32, 64]))
def test_inputs_pass_exactly_when_both_sides_are_positive_multiples(height, width, multiple):
    x_BCHW = torch.empty(1, 3, height, width, device="meta")
    if height in range(multiple, 201, multiple) and width in range(multiple, 201, multiple):
        check_input(x_BCHW, multiple)
    else:
        with pytest.raises(
            InputSizeError, match=f"{height}x{width} px: height and width must be multiples of {multiple}"
        ):
            check_input(x_BCHW, multiple)


@given(groups=st.integers(1, 5), each=st.integers(1, 5))
def test_channel_shuffle_moves_channels_as_documented(groups, each):
    x_BCHW = torch.arange(groups * each).float().reshape(1, -1, 1, 1).expand(2, -1, 3, 2)
    y_BCHW = channel_shuffle(x_BCHW, groups)
    assert y_BCHW.shape == x_BCHW.shape
    for i in range(groups):
        for j in range(each):
            assert (y_BCHW[:, j * groups + i] == i * each + j).all()


def test_conv_bn_has_no_bias_keeps_the_size_and_ends_as_asked():
    for kernel in (1, 3, 5, 7):
        layers = conv_bn(4, 6, kernel, groups=2)
        assert layers[0].bias is None
        assert layers[0].groups == 2
        assert layers(torch.randn(2, 4, 9, 8)).shape == (2, 6, 9, 8)
    assert [type(layer) for layer in conv_bn(4, 6, activation=nn.Hardswish)][2] is nn.Hardswish
    assert len(conv_bn(4, 6, activation=None)) == 2
    assert conv_bn(4, 6, 3, stride=2)(torch.randn(2, 4, 8, 6)).shape == (2, 6, 4, 3)


@pytest.mark.parametrize(("in_channels", "stride"), [(6, 1), (4, 1), (6, 2)])
def test_basic_block_equals_its_formula(in_channels, stride):
    block = randomise(BasicBlock(in_channels, 6, stride))
    x = torch.randn(2, in_channels, 8, 6, dtype=torch.float64)
    y = norm(block.bn1, F.conv2d(x, block.conv1.weight, stride=stride, padding=1)).clamp(min=0)
    y = norm(block.bn2, F.conv2d(y, block.conv2.weight, padding=1))
    torch.testing.assert_close(block(x), (y + shortcut(block, x, stride)).clamp(min=0))


@pytest.mark.parametrize(("in_channels", "stride", "expansion"), [(8, 1, 4), (4, 1, 2), (8, 2, 4)])
def test_bottleneck_equals_its_formula(in_channels, stride, expansion):
    block = randomise(Bottleneck(in_channels, 8, stride, expansion))
    assert block.conv2.weight.shape == (8 // expansion, 8 // expansion, 3, 3)
    x = torch.randn(2, in_channels, 8, 6, dtype=torch.float64)
    y = norm(block.bn1, torch.einsum("oc,bchw->bohw", block.conv1.weight[..., 0, 0], x)).clamp(min=0)
    y = norm(block.bn2, F.conv2d(y, block.conv2.weight, stride=stride, padding=1)).clamp(min=0)
    y = norm(block.bn3, torch.einsum("oc,bchw->bohw", block.conv3.weight[..., 0, 0], y))
    torch.testing.assert_close(block(x), (y + shortcut(block, x, stride)).clamp(min=0))


def shortcut(block: nn.Module, x: Tensor, stride: int) -> Tensor:
    if isinstance(block.downsample, nn.Identity):
        assert stride == 1
        return x
    conv, bn = block.downsample  # type: ignore[misc]
    return norm(bn, torch.einsum("oc,bchw->bohw", conv.weight[..., 0, 0], x[:, :, ::stride, ::stride]))


@torch.no_grad()
def test_squeeze_excitation_equals_a_loop():
    block = randomise(SqueezeExcitation(6, 2))
    x = torch.randn(2, 6, 3, 5, dtype=torch.float64)
    first, last = block.fc[0].weight[..., 0, 0], block.fc[2].weight[..., 0, 0]
    expected = torch.empty_like(x)
    for b in range(2):
        means = [x[b, c].mean() for c in range(6)]
        hidden = [max(0.0, sum(first[h, c] * means[c] for c in range(6))) for h in range(2)]
        for c in range(6):
            expected[b, c] = x[b, c] / (1 + math.exp(-sum(last[c, h] * hidden[h] for h in range(2))))
    torch.testing.assert_close(block(x), expected)


def test_global_context_equals_a_loop():
    block = randomise(GlobalContext(5, 3))
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    first, layer_norm, _, last = block.channel_add_conv
    expected = torch.empty_like(x)
    for b in range(2):
        places = [(i, j) for i in range(3) for j in range(4)]
        raw = [math.exp(block.conv_mask.weight[0, :, 0, 0] @ x[b, :, i, j]) for i, j in places]  # the bias cancels
        context = sum(r / sum(raw) * x[b, :, i, j] for r, (i, j) in zip(raw, places, strict=True))
        hidden = first.weight[:, :, 0, 0] @ context + first.bias
        hidden = (hidden - hidden.mean()) / (hidden.var(correction=0) + layer_norm.eps).sqrt()
        hidden = (hidden * layer_norm.weight[:, 0, 0] + layer_norm.bias[:, 0, 0]).clamp(min=0)
        expected[b] = x[b] + (last.weight[:, :, 0, 0] @ hidden + last.bias)[:, None, None]
    torch.testing.assert_close(block(x), expected)


def test_fresh_global_context_is_the_identity():
    x = torch.randn(2, 5, 3, 4)
    assert torch.equal(GlobalContext(5, 3)(x), x)


def test_normal_init_draws_convolutions_alone():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64), nn.Conv2d(64, 7, 1))
    normal_init(network)
    assert network[0].weight.std().item() == pytest.approx(1e-3, rel=0.02)
    assert abs(network[0].weight.mean().item()) < 2e-5
    assert network[0].bias is not None
    assert not network[0].bias.any()
    assert not network[2].bias.any()
    assert (network[1].weight == 1).all()
