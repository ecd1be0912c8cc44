"""EL-HRNet: Human Pose Estimation Based on Efficient and Lightweight High-Resolution Network (Li et al., Sensors 2024).

Published: HRNet-W32 whose residual units are exchanged (Fig. 5) and nothing else; NConv3x3 (section 2.2.1) and its
parameters and operations (section 2.2.2); CBAM (eq. 5 to 7); L-Basicblock (eq. 8, 9) and LA-Basicblock (eq. 8, 10).

Inferred: the grouped convolution is depthwise, because the printed ``9/2 C`` parameters leave nothing else; no
BatchNorm between the two convolutions of NConv3x3; the reduction r of CBAM is 8, because 5.0 M parameters fit it best
(5.03 M; r = 16 gives 4.86 M, no CBAM 4.67 M); convolutions start as PyTorch has them, since HRNet's N(0, 0.001) would
leave the depthwise half of NConv3x3 far below the epsilon of the BatchNorm behind it.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from leanpose.models.hrnet import HRNet
from leanpose.models.registry import Published, register


class NConv3x3(nn.Module):
    """1x1 convolution to half of the channels, depthwise 3x3 on the result, both concatenated (section 2.2.1, Fig. 2b).

    C^2/2 + 9/2 C parameters, each used once per place.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.pointwise = nn.Conv2d(channels, half, 1, bias=False)
        self.depthwise = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        compressed = self.pointwise(x_BCHW)
        return torch.cat((compressed, self.depthwise(compressed)), dim=1)


class ChannelAttention(nn.Module):
    """``F_c = sigmoid(MLP(MaxPool(F)) + MLP(AvgPool(F)))``, one MLP for both (eq. 5): (B, C, H, W) to (B, C, 1, 1)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = channels // reduction
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        largest, mean = x_BCHW.amax((2, 3), keepdim=True), x_BCHW.mean((2, 3), keepdim=True)
        return torch.sigmoid(self.mlp(largest) + self.mlp(mean))


class SpatialAttention(nn.Module):
    """``F_s = sigmoid(f7x7([MaxPool(F'); AvgPool(F')]))`` over channels (eq. 6): (B, C, H, W) to (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        pooled = torch.cat((x_BCHW.amax(1, keepdim=True), x_BCHW.mean(1, keepdim=True)), dim=1)
        return torch.sigmoid(self.conv(pooled))


class CBAM(nn.Module):
    """Convolutional block attention: ``F_s * (F_c * F)`` (eq. 7; Woo et al., ECCV 2018).

    Args:
        channels: channels C of input and output.
        reduction: r, C over the hidden channels of the MLP.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction)
        self.spatial = SpatialAttention()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x = x_BCHW * self.channel(x_BCHW)
        return x * self.spatial(x)


class LightweightBlock(nn.Module):
    """L-Basicblock, ``relu(Y1 + X)`` (eq. 8, 9), and with CBAM the LA-Basicblock, ``relu(CBAM(Y1) + X)`` (eq. 8, 10).

    Args:
        channels: channels C of input and output.
        reduction: r of CBAM; ``None`` leaves it out.
    """

    def __init__(self, channels: int, reduction: int | None = None) -> None:
        super().__init__()
        self.conv1 = NConv3x3(channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = NConv3x3(channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.cbam = nn.Identity() if reduction is None else CBAM(channels, reduction)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x_BCHW)))
        y = self.bn2(self.conv2(y))
        return self.relu(self.cbam(y) + x_BCHW)


class ELHRNet(HRNet):
    """HRNet with lightweight residual units.

    Args:
        num_joints: heatmaps J.
        width: channels C of the highest resolution, divisible by the reduction.
        reduction: r of CBAM; ``None`` for L-Basicblocks.
        **more: of :class:`HRNet`, except ``unit``.

    Input (B, 3, H, W) with H and W divisible by 32; output a list of one heatmap tensor (B, J, H/4, W/4).
    """

    def __init__(self, num_joints: int, width: int = 32, reduction: int | None = 8, **more: Any) -> None:
        if width % (reduction or 2):
            raise ValueError(f"width={width}: use a multiple of {reduction or 2}, by which the blocks divide it")
        unit = partial(LightweightBlock, reduction=reduction)
        super().__init__(num_joints, width, unit=unit, **{"init": "default", **more})


_SOURCE = "EL-HRNet (Sensors 2024), Tables 2 to 4"


def _published(note: str) -> tuple[Published, Published]:
    """The paper prints one network; all readings of it are measured against the same two rows."""
    coco = {"COCO val AP": 67.1, "COCO val AR": 74.9, "COCO test-dev AP": 67.7}
    return (
        Published(_SOURCE, 5.0, 2.00, "hrnet", (256, 192), 17, coco, note),
        Published(_SOURCE, 5.0, 2.66, "hrnet", scores={"MPII val PCKh@0.5": 87.7}, note=note),
    )


@register(*_published("CBAM's reduction 8 inferred from the 5.0 M parameters"))
def elhrnet_w32_la_r8(num_joints: int, width: int = 32, reduction: int | None = 8, **more: Any) -> ELHRNet:
    return ELHRNet(num_joints, width, reduction, **more)


@register(*_published("reading with CBAM's customary reduction 16: 4.86 M"))
def elhrnet_w32_la_r16(num_joints: int, width: int = 32, reduction: int | None = 16, **more: Any) -> ELHRNet:
    return ELHRNet(num_joints, width, reduction, **more)


@register(Published(_SOURCE, note="L-Basicblocks, without CBAM; the paper prints no row for it"))
def elhrnet_w32_l(num_joints: int, width: int = 32, reduction: int | None = None, **more: Any) -> ELHRNet:
    return ELHRNet(num_joints, width, reduction, **more)
