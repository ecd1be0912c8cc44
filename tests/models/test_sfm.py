"""SFM and HSA against loops, the printed sizes and what the switches promise."""

import math

import pytest
import torch

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.sfm import HSA, SFM


def test_hsa_equals_a_loop_over_all_pairs_of_places():
    torch.manual_seed(0)
    hsa = HSA(5).double()
    x_BCHW = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    weight = hsa.maps.weight[:, :, 0, 0].detach()
    scale, shift = hsa.gate.weight.item(), hsa.gate.bias.item()  # pyright: ignore[reportOptionalMemberAccess]

    expected = torch.empty_like(x_BCHW)
    for b in range(2):
        places = [(i, j) for i in range(3) for j in range(4)]
        q, k, v = ([float(weight[m] @ x_BCHW[b, :, i, j]) for i, j in places] for m in range(3))
        for p, (i, j) in enumerate(places):
            raw = [math.exp(q[p] * k_other) for k_other in k]
            attended = sum(r / sum(raw) * v_other for r, v_other in zip(raw, v, strict=True))
            gate = 1 / (1 + math.exp(-(scale * attended + shift)))
            expected[b, :, i, j] = x_BCHW[b, :, i, j] * (1 + gate)

    torch.testing.assert_close(hsa(x_BCHW), expected, rtol=1e-9, atol=1e-9)


def test_hsa_sees_places_far_away():
    hsa = HSA(4)
    x_BCHW = torch.randn(1, 4, 8, 8, requires_grad=True)
    hsa(x_BCHW)[0, :, 0, 0].sum().backward()
    assert x_BCHW.grad is not None
    assert (x_BCHW.grad[0].abs().sum(0) > 0).all()


@pytest.mark.parametrize("name", ["sfm_basic72", "sfm_bottleneck144"])
def test_published_sizes_within_three_percent(name, count):
    counted = count(create_model(name, 17), (256, 192))
    assert counted.params / 1e6 == pytest.approx(1.5, rel=0.03)
    assert counted.macs / 1e9 == pytest.approx(1.7, rel=0.03)


def test_two_heatmaps_at_a_quarter_of_any_fitting_size():
    net = SFM(5, width=8).eval()
    for height, width in ((32, 64), (96, 32), (64, 64)):
        heatmaps = net(torch.randn(1, 3, height, width))
        assert [tuple(h.shape) for h in heatmaps] == [(1, 5, height // 4, width // 4)] * 2
    with pytest.raises(InputSizeError, match="multiples of 32"):
        net(torch.randn(1, 3, 48, 64))


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
@pytest.mark.parametrize("bridges", [True, False])
@pytest.mark.parametrize("attention", [True, False])
def test_every_parameter_of_every_reading_gets_a_gradient(block, bridges, attention):
    torch.manual_seed(0)
    net = SFM(3, 8, block, bridges, attention)
    heatmaps = net(torch.randn(3, 3, 64, 64))
    sum((h * torch.randn_like(h)).sum() for h in heatmaps).backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


def test_switches_take_away_exactly_the_bridges_and_the_attention():
    def params(**switches: bool) -> int:
        return sum(p.numel() for p in SFM(4, 16, **switches).parameters())

    full = params()
    assert full - params(bridges=False) == 6 * (16 * 16 + 2 * 16)  # six 1x1 convolutions with BatchNorm
    # strides 8, 16, 32 down and 8, 16 up, in two pyramids; three maps, one scale and one shift each
    assert full - params(attention=False) == 10 * (3 * 16 + 2)


def test_bridges_carry_the_first_pyramid_into_every_level_of_the_second():
    torch.manual_seed(0)
    net = SFM(2, 8, attention=False)
    bridges = [*net.second.from_down, *net.second.from_up]
    assert len(bridges) == 6
    assert len(net.first.from_down) == len(net.first.from_up) == 0
    x_BCHW = torch.randn(2, 3, 64, 64)
    before = net(x_BCHW)
    for bridge in bridges:
        torch.nn.init.zeros_(bridge[0].weight)  # type: ignore[index]
        after = net(x_BCHW)
        torch.testing.assert_close(after[0], before[0])
        assert not torch.allclose(after[1], before[1])
        before = after


def test_unknown_block_is_refused():
    with pytest.raises(ValueError, match="use 'basic' or 'bottleneck'"):
        SFM(2, block="residual")  # pyright: ignore[reportArgumentType]
