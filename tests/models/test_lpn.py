"""LPN against its printed sizes, a hand-written block and what its options promise."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.lpn import LPN, LightweightBottleneck


@pytest.mark.parametrize(
    ("name", "params", "macs"), [("lpn_50", 2.9, 1.0), ("lpn_101", 5.3, 1.4), ("lpn_152", 7.4, 1.8)]
)
def test_published_sizes_within_three_percent(name, params, macs, count):
    counted = count(create_model(name, 17), (256, 192))
    assert counted.params / 1e6 == pytest.approx(params, rel=0.03)
    assert counted.hrnet / 2**30 == pytest.approx(macs, rel=0.03)


def test_published_size_on_mpii(count):
    counted = count(create_model("lpn_50", 16), (256, 256))
    assert counted.hrnet / 2**30 == pytest.approx(1.3, rel=0.035)  # 1.342; printed with one decimal


def test_without_attention_the_size_is_the_abstracts(count):
    assert count(create_model("lpn_50", 17, attention=None), (256, 192)).params / 1e6 == pytest.approx(2.7, rel=0.03)


@pytest.mark.parametrize(("in_channels", "stride"), [(6, 1), (4, 1), (6, 2)])
def test_block_equals_its_formula(in_channels, stride):
    torch.manual_seed(0)
    block = LightweightBottleneck(in_channels, 6, stride, None).double().eval()
    for bn in block.modules():
        if isinstance(bn, nn.BatchNorm2d):
            for tensor in (bn.weight.data, bn.bias.data, bn.running_mean, bn.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)
    x_BCHW = torch.randn(2, in_channels, 8, 6, dtype=torch.float64)

    def norm(y: torch.Tensor, bn: nn.BatchNorm2d) -> torch.Tensor:
        assert bn.running_mean is not None
        assert bn.running_var is not None
        mean, var, gain, shift = (v[:, None, None] for v in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
        return (y - mean) / (var + bn.eps).sqrt() * gain + shift

    y = norm(torch.einsum("oc,bchw->bohw", block.conv1.weight[:, :, 0, 0], x_BCHW), block.bn1).clamp(min=0)
    padded = F.pad(y, (1, 1, 1, 1))
    depthwise = sum(
        block.conv2.weight[:, 0, i, j][:, None, None] * padded[:, :, i : i + 8 : stride, j : j + 6 : stride]
        for i in range(3)
        for j in range(3)
    )
    y = norm(depthwise, block.bn2).clamp(min=0)  # type: ignore[arg-type]
    y = norm(torch.einsum("oc,bchw->bohw", block.conv3.weight[:, :, 0, 0], y), block.bn3)
    shortcut = x_BCHW
    if stride != 1 or in_channels != 6:
        conv, bn = block.downsample  # type: ignore[misc]
        kept = x_BCHW[:, :, ::stride, ::stride]
        shortcut = norm(torch.einsum("oc,bchw->bohw", conv.weight[:, :, 0, 0], kept), bn)
    torch.testing.assert_close(block(x_BCHW), (y + shortcut).clamp(min=0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("attention", ["gc", "se", None])
def test_heatmaps_at_a_quarter_of_any_fitting_size(attention):
    net = LPN(5, (1, 1, 1, 1), attention).eval()
    for height, width in ((32, 48), (64, 16)):
        (heatmaps,) = net(torch.randn(1, 3, height, width))
        assert tuple(heatmaps.shape) == (1, 5, height // 4, width // 4)
    with pytest.raises(InputSizeError, match="multiples of 16"):
        net(torch.randn(1, 3, 40, 32))


def test_backbone_stays_at_stride_16():
    net = LPN(2, (1, 1, 1, 1))
    seen = []
    net.layer4.register_forward_hook(lambda _module, _inputs, output: seen.append(output.shape[-2:]))
    net(torch.randn(2, 3, 64, 96))
    assert [tuple(shape) for shape in seen] == [(4, 6)]


def test_normal_init_is_the_published_one():
    torch.manual_seed(0)
    for module in LPN(17).modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 10_000:
            assert module.weight.std().item() == pytest.approx(1e-3, rel=0.05)
            assert abs(module.weight.mean().item()) < 5e-5


def test_default_init_leaves_context_blocks_as_the_identity():
    net = LPN(2, (1, 1, 1, 1), "gc", init="default").eval()
    plain = LPN(2, (1, 1, 1, 1), None, init="default").eval()
    without_attention = {key: value for key, value in net.state_dict().items() if ".att." not in key}
    plain.load_state_dict(without_attention)
    x_BCHW = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(net(x_BCHW)[0], plain(x_BCHW)[0])


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="attention='cbam'"):
        LPN(2, attention="cbam")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="init='xavier'"):
        LPN(2, init="xavier")  # pyright: ignore[reportArgumentType]
