"""HRNet against its printed sizes, loops over its fusion, and what its options promise.

That the whole network computes what the published code does is tested with the import of its checkpoints.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from leanpose.core.errors import InputSizeError
from leanpose.models import REGISTRY, create_model
from leanpose.models.hrnet import Fusion, HRNet, Transition, conv3x3


@pytest.mark.parametrize("name", ["hrnet_w32", "hrnet_w48"])
def test_published_sizes(name, count):
    for published in REGISTRY[name].published:
        counted = count(create_model(name, published.num_joints), published.input_hw)
        assert published.params_m == round(counted.params / 1e6, 1)
        assert published.macs_g == round(counted.hrnet / 2**30, 1)


def test_small_hrnet_by_the_counter_of_its_paper(count):
    counted = count(create_model("hrnet_w16", 17), (256, 192))
    assert round(counted.params / 1e6, 1) == 1.3
    assert round(counted.torchstat / 2**30, 2) == 0.54


def test_fusion_equals_a_loop_over_all_pairs():
    torch.manual_seed(0)
    widths = [2, 4, 6]
    fusion = Fusion(widths, 3).eval()
    xs = [torch.randn(2, width, 8 // 2**i, 12 // 2**i) for i, width in enumerate(widths)]
    for i, fused in enumerate(fusion(xs)):
        expected = torch.zeros_like(xs[i])
        for j, x in enumerate(xs):
            if j > i:
                conv, bn, _ = fusion[i][j]
                x = bn(conv(x)).repeat_interleave(2 ** (j - i), 2).repeat_interleave(2 ** (j - i), 3)
            for halving in range(i - j):
                conv, bn, *rest = fusion[i][j][halving]
                x = bn(F.conv2d(x, conv.weight, stride=2, padding=1))
                assert bool(rest) == (halving < i - j - 1)  # ReLU between halvings, none before the sum
                x = x.clamp(min=0) if rest else x
            expected += x
        torch.testing.assert_close(fused, expected.clamp(min=0))


def test_last_fusion_gives_the_highest_resolution_alone():
    net = HRNet(2, 4, (1, 2, 2), 1, 1, 4)
    assert [len(module.fuse_layers) for module in net.stage3] == [3, 3]
    assert [len(module.fuse_layers) for module in net.stage4] == [4, 1]


def test_transition_keeps_fitting_branches_and_halves_the_last():
    transition = Transition([4, 8], [4, 6, 10])
    xs = [torch.randn(2, 4, 8, 8), torch.randn(2, 8, 4, 4)]
    kept, widened, new = transition(xs)
    assert kept is xs[0]
    assert widened.shape == (2, 6, 4, 4)
    assert new.shape == (2, 10, 2, 2)
    assert all((x >= 0).all() for x in (widened, new))


def test_fusion_takes_any_convolution():
    asked = []

    def remember(*arguments):
        asked.append(arguments)
        return conv3x3(*arguments)

    Fusion([2, 4, 8], 3, remember)
    assert asked == [(2, 4, 2, None), (2, 2, 2, nn.ReLU), (2, 8, 2, None), (4, 8, 2, None)]


def test_residual_unit_is_a_parameter():
    widths = []

    def unit(channels: int) -> nn.Module:
        widths.append(channels)
        return nn.Identity()

    HRNet(2, 4, (1, 4, 3), 4, unit=unit)
    assert {w: widths.count(w) for w in set(widths)} == {4: 32, 8: 32, 16: 28, 32: 12}


def test_heatmaps_at_a_quarter_of_any_fitting_size():
    net = HRNet(5, 4, (1, 1, 1), 1, 1, 4).eval()
    for height, width in ((32, 64), (96, 32)):
        (heatmaps,) = net(torch.randn(1, 3, height, width))
        assert tuple(heatmaps.shape) == (1, 5, height // 4, width // 4)
    with pytest.raises(InputSizeError, match="48x64 px: height and width must be multiples of 32"):
        net(torch.randn(1, 3, 48, 64))


def test_initialisations():
    torch.manual_seed(0)
    published, default = create_model("hrnet_w16", 3), create_model("hrnet_w16", 3, init="default")
    assert published.conv2.weight.std().item() == pytest.approx(1e-3, rel=0.02)
    assert not published.final_layer.bias.any()
    assert default.conv2.weight.std().item() > 0.01
    with pytest.raises(ValueError, match="init='zero'"):
        HRNet(3, init="zero")  # pyright: ignore[reportArgumentType]
