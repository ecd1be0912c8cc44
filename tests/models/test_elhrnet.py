"""EL-HRNet against the paper's formulas and sizes, and loops over its blocks."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from leanpose.models import REGISTRY, create_model
from leanpose.models.elhrnet import CBAM, ChannelAttention, ELHRNet, LightweightBlock, NConv3x3, SpatialAttention


@pytest.mark.parametrize("name", ["elhrnet_w32_la_r8", "elhrnet_w32_la_r16"])
def test_published_sizes_within_three_percent(name, count):
    for published in REGISTRY[name].published:
        counted = count(create_model(name, published.num_joints), published.input_hw)
        assert counted.params / 1e6 == pytest.approx(published.params_m, rel=0.03)
        assert counted.hrnet / 2**30 == pytest.approx(published.macs_g, abs=0.0099)


def test_reduction_8_is_the_reading_that_fits_five_million_best(count):
    off = {
        name: abs(count(create_model(name, 17), (64, 64)).params - 5.0e6)
        for name in ("elhrnet_w32_l", "elhrnet_w32_la_r8", "elhrnet_w32_la_r16")
    }
    assert min(off, key=off.__getitem__) == "elhrnet_w32_la_r8"
    assert off["elhrnet_w32_la_r8"] < 0.05e6


@given(half=st.integers(1, 40), height=st.integers(1, 9), width=st.integers(1, 9))
@settings(max_examples=25)
def test_nconv_has_the_parameters_and_operations_of_section_2_2_2(half, height, width):
    channels = 2 * half
    nconv = NConv3x3(channels)
    assert sum(p.numel() for p in nconv.parameters()) == channels**2 / 2 + 9 / 2 * channels
    macs = 0

    def add(layer, _inputs, output):
        nonlocal macs
        macs += output[0].numel() * layer.weight[0].numel()

    for layer in nconv.children():
        layer.register_forward_hook(add)
    assert nconv(torch.zeros(1, channels, height, width)).shape == (1, channels, height, width)
    assert macs == channels**2 / 2 * width * height + 9 / 2 * channels * width * height


def test_block_has_c_squared_plus_9c_convolution_parameters():
    convolutions = [p for p in LightweightBlock(32).parameters() if p.ndim == 4]
    assert sum(p.numel() for p in convolutions) == 32**2 + 9 * 32


def test_nconv_equals_a_loop():
    torch.manual_seed(0)
    nconv = NConv3x3(6).double()
    x_BCHW = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    pointwise, depthwise = nconv.pointwise.weight[:, :, 0, 0], nconv.depthwise.weight[:, 0]
    p = torch.einsum("oc,bchw->bohw", pointwise, x_BCHW)
    q = torch.zeros_like(p)
    for i in range(4):
        for j in range(5):
            for u in (-1, 0, 1):
                for v in (-1, 0, 1):
                    if 0 <= i + u < 4 and 0 <= j + v < 5:
                        q[:, :, i, j] += depthwise[:, u + 1, v + 1] * p[:, :, i + u, j + v]
    torch.testing.assert_close(nconv(x_BCHW), torch.cat((p, q), dim=1))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_channel_attention_equals_a_loop():
    torch.manual_seed(0)
    attention = ChannelAttention(6, 3).double()
    x = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    first, last = attention.mlp[0].weight[:, :, 0, 0].tolist(), attention.mlp[2].weight[:, :, 0, 0].tolist()
    got = attention(x)
    assert got.shape == (2, 6, 1, 1)
    for b in range(2):
        total = [0.0] * 6
        for pooled in ([max(x[b, c].flatten().tolist()) for c in range(6)], [x[b, c].mean().item() for c in range(6)]):
            hidden = [max(0.0, sum(w * v for w, v in zip(row, pooled, strict=True))) for row in first]
            total = [
                t + sum(w * h for w, h in zip(row, hidden, strict=True)) for t, row in zip(total, last, strict=True)
            ]
        assert got[b, :, 0, 0].tolist() == pytest.approx([sigmoid(t) for t in total])


def test_spatial_attention_equals_a_loop():
    torch.manual_seed(0)
    attention = SpatialAttention().double()
    x = torch.randn(1, 5, 6, 8, dtype=torch.float64)
    pooled = [[[max(x[0, :, i, j].tolist()), x[0, :, i, j].mean().item()] for j in range(8)] for i in range(6)]
    got = attention(x)
    assert got.shape == (1, 1, 6, 8)
    for i in range(6):
        for j in range(8):
            total = sum(
                attention.conv.weight[0, c, u + 3, v + 3].item() * pooled[i + u][j + v][c]
                for c in (0, 1)
                for u in range(-3, 4)
                for v in range(-3, 4)
                if 0 <= i + u < 6 and 0 <= j + v < 8
            )
            assert got[0, 0, i, j].item() == pytest.approx(sigmoid(total))


def test_cbam_weights_channels_first_and_places_of_the_result_second():
    torch.manual_seed(0)
    cbam = CBAM(8, 4).double()
    cbam.spatial.conv.weight.data *= 20  # so that the order matters
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64)
    after_channels = torch.einsum("bchw,bc->bchw", x, cbam.channel(x)[:, :, 0, 0])
    expected = torch.einsum("bchw,bhw->bchw", after_channels, cbam.spatial(after_channels)[:, 0])
    torch.testing.assert_close(cbam(x), expected)


@pytest.mark.parametrize("reduction", [None, 2])
def test_block_follows_equations_8_to_10(reduction):
    torch.manual_seed(0)
    block = LightweightBlock(4, reduction).double().eval()
    for bn in (block.bn1, block.bn2):
        for tensor in (bn.weight.data, bn.bias.data, bn.running_mean, bn.running_var):
            assert tensor is not None
            tensor.uniform_(0.5, 1.5)
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)

    def norm(bn, y):
        return F.batch_norm(y, bn.running_mean, bn.running_var, bn.weight, bn.bias)

    y1 = norm(block.bn2, block.conv2(norm(block.bn1, block.conv1(x)).clamp(min=0)))
    attended = y1 if reduction is None else block.cbam(y1)
    assert (reduction is None) == torch.equal(attended, y1)
    torch.testing.assert_close(block(x), (attended + x).clamp(min=0))


def test_only_the_residual_units_differ_from_hrnet():
    ours, theirs = create_model("elhrnet_w32_la_r8", 17), create_model("hrnet_w32", 17)

    def outside(network):
        return {k: v.shape for k, v in network.state_dict().items() if ".branches." not in k}

    assert outside(ours) == outside(theirs)
    blocks = [m for m in ours.modules() if isinstance(m, LightweightBlock)]
    assert len(blocks) == 4 * (1 * 2 + 4 * 3 + 3 * 4)


def test_widths_that_do_not_divide_are_refused():
    ELHRNet(2, 4, None)
    with pytest.raises(ValueError, match="width=12: use a multiple of 8"):
        ELHRNet(2, 12, 8)
    with pytest.raises(ValueError, match="width=5: use a multiple of 2"):
        ELHRNet(2, 5, None)


def test_depthwise_half_starts_alive():
    """HRNet's N(0, 0.001) would put it below the epsilon of BatchNorm."""
    torch.manual_seed(0)
    net = create_model("elhrnet_w32_l", 2)
    x = torch.randn(4, 32, 8, 8)
    assert net.stage2[0].branches[0][0].conv1(x)[:, 16:].var() > 100 * 1e-5
