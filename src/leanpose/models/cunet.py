"""Coupled U-Nets (Tang, Peng, Geng, Zhu, Metaxas, BMVC 2018, arXiv 1808.06521).

Published: a chain of U-Nets in which each semantic block also receives what the blocks at the same place of the K
U-Nets before it produced (order-K coupling). The authors' code fixes the rest: nine blocks per U-Net (four down, one
at the bottom, four up), each a dense layer of BN-ReLU-1x1 and BN-ReLU-3x3; concatenations reduced by BN-ReLU-1x1;
128 channels, growth 32, neck 4 and order 1 by default.

Inferred: channels and growth of the six 2-net sizes that FG 2020 compares with (its Table III), except the default
one: fitted to parameters and operations, published nowhere.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.layers import check_input
from leanpose.models.registry import Published, register

LEVELS = 4


def _bn_relu_conv(in_channels: int, out_channels: int, kernel: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
    )


class CoupledBlock(nn.Module):
    """A semantic block: new features from the input and from the same block of earlier U-Nets.

    Args:
        in_channels: channels of the input.
        out_channels: channels of each output.
        coupled: earlier U-Nets whose features arrive.
        growth: new channels.
        neck: channels before the 3x3 convolution, in multiples of ``growth``.
        outputs: 2 where a skip connection starts, else 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int, coupled: int, growth: int, neck: int, outputs: int = 1
    ) -> None:
        super().__init__()
        gathered = in_channels + coupled * growth
        self.grow = nn.Sequential(_bn_relu_conv(gathered, neck * growth), _bn_relu_conv(neck * growth, growth, 3))
        self.reduce = nn.ModuleList(_bn_relu_conv(gathered + growth, out_channels) for _ in range(outputs))

    def forward(self, x_BCHW: Tensor, earlier: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """The outputs, and the new features that later U-Nets receive."""
        gathered = torch.cat((x_BCHW, *earlier), dim=1)
        new = self.grow(gathered)
        gathered = torch.cat((gathered, new), dim=1)
        return [reduce(gathered) for reduce in self.reduce], new


class CoupledUNet(nn.Module):
    """One U-Net of nine coupled blocks; its features are shared with later U-Nets block by block.

    Args:
        channels: at every resolution.
        coupled, growth, neck: as in :class:`CoupledBlock`.
    """

    def __init__(self, channels: int, coupled: int, growth: int, neck: int) -> None:
        super().__init__()
        dense = {"coupled": coupled, "growth": growth, "neck": neck}
        self.down = nn.ModuleList(CoupledBlock(channels, channels, **dense, outputs=2) for _ in range(LEVELS))
        self.bottom = CoupledBlock(channels, channels, **dense)
        self.up = nn.ModuleList(CoupledBlock(2 * channels, channels, **dense) for _ in range(LEVELS))

    def forward(self, x_BCHW: Tensor, earlier: list[list[Tensor]]) -> tuple[Tensor, list[Tensor]]:
        """The result, and each block's new features. ``earlier`` has one such list per coupled U-Net."""
        x = x_BCHW
        news: list[Tensor] = []
        skips: list[Tensor] = []

        def run(block: nn.Module, y: Tensor) -> list[Tensor]:
            outputs, new = block(y, [features[len(news)] for features in earlier])
            news.append(new)
            return outputs

        for block in self.down:
            x, skip = run(block, x)
            skips.append(skip)
            x = F.max_pool2d(x, 2)
        (x,) = run(self.bottom, x)
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            (x,) = run(block, torch.cat((x, skips.pop()), dim=1))
        return x, news


class CUNet(nn.Module):
    """A chain of coupled U-Nets, each with its own supervised heatmaps.

    Args:
        num_joints: heatmaps J per U-Net.
        nets: U-Nets.
        channels: between blocks, at every resolution.
        growth: new channels of each block.
        neck: channels before each 3x3 convolution, in multiples of ``growth``.
        order: earlier U-Nets K whose features reach a block.

    Input (B, 3, H, W) with H and W divisible by 64; output a list of ``nets`` heatmaps (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = stride * 2**LEVELS

    def __init__(
        self, num_joints: int, nets: int = 2, channels: int = 128, growth: int = 32, neck: int = 4, order: int = 1
    ) -> None:
        super().__init__()
        self.order = order
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.nets = nn.ModuleList(CoupledUNet(channels, min(i, order), growth, neck) for i in range(nets))
        self.entries = nn.ModuleList(
            _bn_relu_conv((1 + min(i, order)) * channels, channels) for i in range(1, nets)
        )  # what enters a U-Net: the last result with the inputs of the K U-Nets before
        self.heads = nn.ModuleList(_bn_relu_conv(channels, num_joints) for _ in range(nets))

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        x = self.stem(x_BCHW)
        heatmaps: list[Tensor] = []
        inputs: list[Tensor] = []
        features: list[list[Tensor]] = []
        for i, net in enumerate(self.nets):
            past = slice(max(0, i - self.order), i)
            if i > 0:
                x = self.entries[i - 1](torch.cat((x, *inputs[past]), dim=1))
            inputs.append(x)
            x, news = net(x, features[past])
            features.append(news)
            heatmaps.append(self.heads[i](x))
        return heatmaps


_SOURCE = "as quoted in FG 2020, Table III"
_FITTED = "channels and growth fitted, not published"
_DEEP = "FG 2020 quotes fewer operations for deep CU-Nets than the authors' code has"


@register(Published(_SOURCE, 0.5, 0.77, scores={"MPII val PCKh@0.5": 81.6}, note=_FITTED))
def cunet_2x64_g16(num_joints: int, channels: int = 64, growth: int = 16, **more: Any) -> CUNet:
    return CUNet(num_joints, channels=channels, growth=growth, **more)


@register(Published(_SOURCE, 1.0, 1.68, scores={"MPII val PCKh@0.5": 84.2}, note=_FITTED))
def cunet_2x144_g8(num_joints: int, channels: int = 144, growth: int = 8, **more: Any) -> CUNet:
    return CUNet(num_joints, channels=channels, growth=growth, **more)


@register(Published(_SOURCE, 1.4, 2.14, scores={"MPII val PCKh@0.5": 85.6}, note=_FITTED))
def cunet_2x124_g24(num_joints: int, channels: int = 124, growth: int = 24, **more: Any) -> CUNet:
    return CUNet(num_joints, channels=channels, growth=growth, **more)


@register(Published(_SOURCE, 1.9, 2.7, scores={"MPII val PCKh@0.5": 86.0}, note="the authors' code at its defaults"))
def cunet_2x128_g32(num_joints: int, **more: Any) -> CUNet:
    return CUNet(num_joints, **more)


@register(Published(_SOURCE, 2.4, 3.5, scores={"MPII val PCKh@0.5": 86.3}, note=_FITTED))
def cunet_2x160_g32(num_joints: int, channels: int = 160, growth: int = 32, **more: Any) -> CUNet:
    return CUNet(num_joints, channels=channels, growth=growth, **more)


@register(Published(_SOURCE, 2.9, 4.15, scores={"MPII val PCKh@0.5": 86.6}, note=_FITTED))
def cunet_2x172_g36(num_joints: int, channels: int = 172, growth: int = 36, **more: Any) -> CUNet:
    return CUNet(num_joints, channels=channels, growth=growth, **more)


@register(
    Published(
        "as quoted in FG 2020, Table I",
        4.0,
        5.17,
        scores={"MPII val PCKh@0.5": 88.0},
        note=f"{_DEEP}: 5.4 % more at its defaults",
    )
)
def cunet_4x128_g32(num_joints: int, nets: int = 4, **more: Any) -> CUNet:
    return CUNet(num_joints, nets, **more)


@register(
    Published(
        "as quoted in FG 2020, Tables I and VII", 10.1, 12.7,
        scores={"MPII val PCKh@0.5": 89.4, "MPII test PCKh@0.5": 90.8},
        note=f"{_DEEP}: 15 % more here; order 7, all nets coupled, fits the parameters where order 1 has 8.0 M",
    )
)  # fmt: skip
def cunet_8x128_g32(num_joints: int, nets: int = 8, order: int = 7, **more: Any) -> CUNet:
    return CUNet(num_joints, nets, order=order, **more)
