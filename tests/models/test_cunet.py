"""Coupled U-Nets against sums of their layers written from the paper, and against who must hear whom."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.cunet import CoupledBlock, CUNet


def by_formula(joints: int, nets: int, channels: int, growth: int, neck: int, order: int, side: int) -> tuple[int, int]:
    """Parameters and multiply-adds for a square input of ``side`` px, summed layer by layer."""
    params, macs = 3 * channels * 49 + 2 * channels, 3 * channels * 49 * (side // 2) ** 2

    def layer(inputs: int, outputs: int, kernel: int, cells: int) -> None:
        nonlocal params, macs
        params += 2 * inputs + inputs * outputs * kernel**2
        macs += inputs * outputs * kernel**2 * cells**2

    sides = [side // 4, side // 8, side // 16, side // 32]
    blocks = [(cells, channels, 2) for cells in sides] + [(side // 64, channels, 1)]
    blocks += [(cells, 2 * channels, 1) for cells in sides]
    for i in range(nets):
        heard = min(i, order)
        for cells, inputs, outputs in blocks:
            layer(inputs + heard * growth, neck * growth, 1, cells)
            layer(neck * growth, growth, 3, cells)
            for _ in range(outputs):
                layer(inputs + (heard + 1) * growth, channels, 1, cells)
        if i:
            layer((1 + heard) * channels, channels, 1, side // 4)
        layer(channels, joints, 1, side // 4)
    return params, macs


@pytest.mark.parametrize(("nets", "order"), [(1, 1), (2, 0), (2, 1), (4, 2), (4, 3)])
def test_size_equals_the_formula(nets: int, order: int, count) -> None:
    counted = count(CUNet(5, nets, channels=12, growth=4, neck=3, order=order), (128, 128))
    assert (counted.params, counted.macs) == by_formula(5, nets, 12, 4, 3, order, 128)


PRINTED = {
    "2x64_g16": (0.5, 0.77),
    "2x144_g8": (1.0, 1.68),
    "2x124_g24": (1.4, 2.14),
    "2x128_g32": (1.9, 2.7),
    "2x160_g32": (2.4, 3.5),
    "2x172_g36": (2.9, 4.15),
}


@pytest.mark.parametrize(("size", "printed"), PRINTED.items())
def test_two_nets_within_three_percent_of_what_is_quoted(size: str, printed: tuple[float, float], count) -> None:
    counted = count(create_model(f"cunet_{size}", 16), (256, 256))
    assert (counted.params / 1e6, counted.macs / 1e9) == pytest.approx(printed, rel=0.03)


@pytest.mark.parametrize(("name", "printed"), [("cunet_4x128_g32", 4.0), ("cunet_8x128_g32", 10.1)])
def test_deep_ones_have_the_parameters_that_are_quoted(name: str, printed: float) -> None:
    with torch.device("meta"):
        network = create_model(name, 16)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(printed, rel=0.03)


def test_block_equals_its_formula() -> None:
    torch.manual_seed(0)
    block = CoupledBlock(6, 5, coupled=2, growth=3, neck=2, outputs=2).double().eval()
    for norm in block.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)

    def layer(module: Any, x: Tensor) -> Tensor:
        norm, _, conv = module
        mean, var, gain, shift = (
            v[:, None, None] for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        y = ((x - mean) / (var + norm.eps).sqrt() * gain + shift).clamp(min=0)
        return nn.functional.conv2d(y, conv.weight, padding=conv.weight.shape[-1] // 2)

    x, *earlier = (torch.randn(2, c, 4, 5, dtype=torch.float64) for c in (6, 3, 3))
    gathered = torch.cat([x, *earlier], 1)
    new = layer(block.grow[1], layer(block.grow[0], gathered))
    outputs, shared = block(x, earlier)
    torch.testing.assert_close(shared, new)
    assert len(outputs) == 2
    for output, reduce in zip(outputs, block.reduce, strict=True):
        torch.testing.assert_close(output, layer(reduce, torch.cat([gathered, new], 1)))


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_blocks_hear_the_same_place_of_the_nets_before(order: int) -> None:
    net = CUNet(2, nets=4, channels=4, growth=2, neck=1, order=order).eval()
    heard: list[list[list[Tensor]]] = []  # net, block, earlier features
    said: list[list[Tensor]] = []
    for unet in net.nets:
        heard.append([])
        said.append([])
        for block in [*unet.down, unet.bottom, *unet.up]:  # type: ignore[misc]

            def note(_block: nn.Module, inputs: Any, outputs: Any, i: int = len(said) - 1) -> None:
                heard[i].append(inputs[1])
                said[i].append(outputs[1])

            block.register_forward_hook(note)
    net(torch.randn(1, 3, 64, 64))
    for i in range(4):
        for place in range(9):
            expected = [said[j][place] for j in range(max(0, i - order), i)]
            assert [id(t) for t in heard[i][place]] == [id(t) for t in expected]


def test_skips_join_equal_resolutions_at_any_shape() -> None:
    net = CUNet(7, channels=4, growth=2, neck=1).eval()
    outputs = net(torch.randn(2, 3, 64, 192))
    assert [tuple(h.shape) for h in outputs] == [(2, 7, 16, 48)] * 2


def test_sizes_that_would_misalign_are_refused() -> None:
    with pytest.raises(InputSizeError, match="multiples of 64"):
        CUNet(2, channels=4, growth=2)(torch.zeros(1, 3, 64, 72))
