"""The stacked hourglass against its paper's figures, walked through again without recursion."""

import pytest
import torch
from torch import Tensor, nn

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.complexity import complexity
from leanpose.models.hourglass import Hourglass, Residual, StackedHourglass


def norm_relu_conv(norm: nn.BatchNorm2d, conv: nn.Conv2d, x: Tensor) -> Tensor:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert conv.bias is not None
    mean, var, gain, shift = (v[:, None, None] for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    y = ((x - mean) / (var + norm.eps).sqrt() * gain + shift).clamp(min=0)
    return nn.functional.conv2d(y, conv.weight, conv.bias, padding=conv.weight.shape[-1] // 2)


@pytest.mark.parametrize(("in_channels", "out_channels"), [(6, 6), (4, 6)])
def test_residual_module_equals_its_figure(in_channels: int, out_channels: int) -> None:
    torch.manual_seed(0)
    module = Residual(in_channels, out_channels).double().eval()
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)
    x = torch.randn(2, in_channels, 5, 4, dtype=torch.float64)
    y = x
    layers = list(module.layers)
    for i in (0, 3, 6):
        y = norm_relu_conv(layers[i], layers[i + 2], y)  # type: ignore[arg-type]
    assert [tuple(layers[i].weight.shape[2:]) for i in (2, 5, 8)] == [(1, 1), (3, 3), (1, 1)]  # type: ignore[union-attr]
    assert layers[2].weight.shape[0] == layers[5].weight.shape[0] == out_channels // 2  # type: ignore[union-attr]
    shortcut = x
    if in_channels != out_channels:
        conv = module.shortcut
        shortcut = torch.einsum("oc,bchw->bohw", conv.weight[:, :, 0, 0], x) + conv.bias[:, None, None]  # type: ignore[index]
    torch.testing.assert_close(module(x), y + shortcut)


def test_hourglass_equals_a_walk_down_and_up() -> None:
    torch.manual_seed(0)
    hourglass = Hourglass(4).double().eval()
    x = torch.randn(1, 4, 16, 32, dtype=torch.float64)
    branches, ups = [], []
    level: nn.Module = hourglass
    y = x
    while isinstance(level, Hourglass):
        branches.append(level.branch(y))
        _, into, inner, out = level.low
        y = into(y.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5)))
        ups.append(out)
        level = inner
    assert tuple(y.shape[2:]) == (1, 2)  # four halvings
    y = level(y)
    for branch, out in zip(reversed(branches), reversed(ups), strict=True):
        y = branch + out(y).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(hourglass(x), y)


def test_eight_stacks_have_the_size_that_is_quoted(count) -> None:
    network = create_model("hourglass_8", 16)
    counted = complexity(network, (256, 256))
    assert counted.operations("pthflops") == pytest.approx(28.4, rel=0.03)
    plain = count(network, (256, 256))
    assert plain.params / 1e6 == pytest.approx(25.5, rel=0.03)
    assert plain.macs == counted.macs


def test_stacks_pass_on_features_and_heatmaps() -> None:
    torch.manual_seed(0)
    net = StackedHourglass(3, stacks=2, width=8).double().eval()
    image = torch.randn(2, 3, 64, 128, dtype=torch.float64)
    x = net.stem(image)
    features = net.hourglasses[0](x)
    first = net.heads[0](features)
    second = net.heads[1](net.hourglasses[1](x + net.feature_links[0](features) + net.heatmap_links[0](first)))
    for got, expected in zip(net(image), (first, second), strict=True):
        assert tuple(got.shape) == (2, 3, 16, 32)
        torch.testing.assert_close(got, expected)


def test_sizes_that_would_misalign_are_refused() -> None:
    with pytest.raises(InputSizeError, match="multiples of 64"):
        StackedHourglass(3, stacks=1, width=8)(torch.zeros(1, 3, 96, 64))


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        StackedHourglass(3, width=9)
