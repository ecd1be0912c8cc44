"""Lite-HRNet against its printed sizes, loops over its blocks, and what its options promise.

That the whole network computes what the published code does is tested with the import of its checkpoints.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.core.errors import InputSizeError
from leanpose.models import REGISTRY, create_model
from leanpose.models.litehrnet import (
    ConditionalChannelWeighting,
    CrossResolutionWeighting,
    IterativeHead,
    LiteFusion,
    LiteHRNet,
    SpatialWeighting,
)


@pytest.mark.parametrize("name", ["litehrnet_18", "litehrnet_30", "litehrnet_wider_naive_18"])
def test_published_sizes_by_the_counter_of_the_authors(name, count):
    for published in REGISTRY[name].published:
        counted = count(create_model(name, published.num_joints), published.input_hw)
        assert counted.params / 1e6 == pytest.approx(published.params_m, rel=0.03)
        if published.macs_g is not None:
            assert counted.torchstat / 2**30 == pytest.approx(published.macs_g, rel=0.01)


def test_plain_multiply_adds_are_three_percent_below_the_printed_figures(count):
    """So that the printed ones are not mistaken for decimal multiply-adds."""
    assert count(create_model("litehrnet_18", 17), (256, 192)).macs / 1e6 == pytest.approx(205.2 * 0.968, rel=0.001)


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)
    return network.double().eval()


def pyramid(widths: list[int], height: int = 8, width: int = 16) -> list[Tensor]:
    return [
        torch.randn(2, channels, height // 2**i, width // 2**i, dtype=torch.float64)
        for i, channels in enumerate(widths)
    ]


def through(layers: nn.Module, x: Tensor) -> Tensor:
    """A 1x1 convolution over the channels of x (B, C, H, W), its BatchNorm if it has one."""
    y = torch.einsum("oc,bchw->bohw", layers.conv.weight[:, :, 0, 0], x)
    if layers.conv.bias is not None:
        return y + layers.conv.bias[:, None, None]
    bn = layers.bn
    mean, var, gain, shift = (v[:, None, None] for v in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
    return (y - mean) / (var + bn.eps).sqrt() * gain + shift


def test_cross_resolution_weighting_equals_a_loop():
    weighting = randomised(CrossResolutionWeighting([8, 16, 32]))
    xs = pyramid([8, 16, 32])
    pooled = torch.zeros(2, 56, 2, 4, dtype=torch.float64)
    for i in range(2):
        for j in range(4):
            cells = [x[:, :, r * i : r * (i + 1), r * j : r * (j + 1)] for x, r in zip(xs, (4, 2, 1), strict=True)]
            pooled[:, :, i, j] = torch.cat([cell.mean((2, 3)) for cell in cells], dim=1)
    hidden = through(weighting.conv1, pooled).clamp(min=0)
    assert hidden.shape[1] == 7
    weights = 1 / (1 + torch.exp(-through(weighting.conv2, hidden)))
    start = 0
    for x, r, got in zip(xs, (4, 2, 1), weighting(xs), strict=True):
        mine = weights[:, start : start + x.shape[1]]
        torch.testing.assert_close(got, x * mine.repeat_interleave(r, 2).repeat_interleave(r, 3))
        start += x.shape[1]


def test_spatial_weighting_equals_its_formula():
    weighting = randomised(SpatialWeighting(8))
    x = torch.randn(2, 8, 3, 5, dtype=torch.float64)
    hidden = through(weighting.conv1, x.mean((2, 3), keepdim=True)).clamp(min=0)
    assert hidden.shape[1] == 2
    torch.testing.assert_close(weighting(x), x / (1 + torch.exp(-through(weighting.conv2, hidden))))


def test_conditional_channel_weighting_passes_every_first_half_through_and_interleaves():
    unit = randomised(ConditionalChannelWeighting([16, 32]))
    xs = pyramid([16, 32])
    worked = unit.cross_resolution_weighting([x[:, x.shape[1] // 2 :] for x in xs])
    for i, (x, got) in enumerate(zip(xs, unit(xs), strict=True)):
        half = x.shape[1] // 2
        torch.testing.assert_close(got[:, 0::2], x[:, :half])
        conv, bn = unit.depthwise_convs[i]
        y = bn(F.conv2d(worked[i], conv.weight, padding=1, groups=half))
        torch.testing.assert_close(got[:, 1::2], unit.spatial_weighting[i](y))


def test_fusion_counts_the_highest_resolution_twice_as_the_published_code_does():
    torch.manual_seed(0)
    widths = [4, 8, 16]
    fusion = LiteFusion(widths, 3, lambda i, o, s, _act: nn.Sequential(nn.Conv2d(i, o, 3, s, 1))).double().eval()
    xs = pyramid(widths)
    highest = 2 * xs[0] + fusion[0][1](xs[1]) + fusion[0][2](xs[2])
    middle = 2 * fusion[1][0](highest) + xs[1] + fusion[1][2](xs[2])
    lowest = 2 * fusion[2][0](highest) + fusion[2][1](xs[1]) + xs[2]
    kept = [x.clone() for x in xs]
    for got, expected in zip(fusion(xs), (highest, middle, lowest), strict=True):
        torch.testing.assert_close(got, expected.clamp(min=0))
    assert all(torch.equal(x, before) for x, before in zip(xs, kept, strict=True))


def test_head_climbs_with_corners_aligned():
    head = randomised(IterativeHead([4, 8]))
    for project in head.projects:
        for layers in project.values():
            layers[0].weight.data.abs_()
            layers[1].running_mean.zero_()
    xs = pyramid([4, 8])
    low = head.projects[0]["pointwise_conv"](head.projects[0]["depthwise_conv"](xs[1]))
    rows = torch.linspace(0, low.shape[2] - 1, 8, dtype=torch.float64)
    columns = torch.linspace(0, low.shape[3] - 1, 16, dtype=torch.float64)
    hat_rows = (1 - (rows[:, None] - torch.arange(low.shape[2])).abs()).clamp(min=0)
    hat_columns = (1 - (columns[:, None] - torch.arange(low.shape[3])).abs()).clamp(min=0)
    enlarged = torch.einsum("ih,bchw,jw->bcij", hat_rows, low, hat_columns)
    expected = head.projects[1]["pointwise_conv"](head.projects[1]["depthwise_conv"](enlarged + xs[0]))
    torch.testing.assert_close(head(xs), expected)


@pytest.mark.parametrize("block", ["weighting", "shuffle"])
def test_heatmaps_at_a_quarter_of_any_fitting_size(block):
    net = LiteHRNet(5, (1, 1, 1), width=16, block=block).eval()
    for height, width in ((32, 64), (96, 32)):
        (heatmaps,) = net(torch.randn(1, 3, height, width))
        assert tuple(heatmaps.shape) == (1, 5, height // 4, width // 4)
    with pytest.raises(InputSizeError, match="64x80 px: height and width must be multiples of 32"):
        net(torch.randn(1, 3, 64, 80))


def test_naive_network_has_1x1_convolutions_where_lite_has_weights():
    naive, lite = create_model("litehrnet_wider_naive_18", 2), create_model("litehrnet_18", 2)
    assert not [m for m in naive.modules() if isinstance(m, CrossResolutionWeighting)]
    assert len([m for m in lite.modules() if isinstance(m, CrossResolutionWeighting)]) == 2 * (2 + 4 + 2)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="block='basic'"):
        LiteHRNet(2, block="basic")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="init='he'"):
        LiteHRNet(2, init="he")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="width=15"):
        LiteHRNet(2, width=15)


def test_initialisation_is_the_published_one():
    torch.manual_seed(0)
    net = create_model("litehrnet_18", 2)
    for key in ("stage2.0.fuse_layers.3.2.0.2.weight", "head_layer.projects.0.pointwise_conv.conv.weight"):
        assert net.state_dict()[key].std().item() == pytest.approx(1e-3, rel=0.03)
