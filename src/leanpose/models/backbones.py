"""The image-classification networks that SimpleBaseline puts its transposed convolutions on.

ResNet (He et al., CVPR 2016), MobileNetV2 (Sandler et al., CVPR 2018), MobileNetV3-Large (Howard et al., ICCV 2019)
and ShuffleNetV2 (Ma et al., ECCV 2018), without their classifiers. Each maps (B, 3, H, W) with H and W divisible by
32 to (B, ``out_channels``, H/32, W/32).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from leanpose.models.layers import Bottleneck, channel_shuffle, conv_bn

RESNET_DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

# expansion, channels, blocks, stride (MobileNetV2, Table 2)
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# kernel, hidden channels, output channels, squeeze-and-excitation, hard swish, stride (MobileNetV3, Table 1).
# One thing differs from that table, because the counts that pose papers quote come from an implementation that has
# it so: the last halving comes one block later, in a block that is 672 wide instead of 960.
MOBILENET_V3_LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
)

SHUFFLENET_V2_STAGES = ((116, 4), (232, 8), (464, 4))  # channels, blocks at width 1x (Table 5)


class ResNet(nn.Module):
    """ResNet with bottleneck blocks of expansion 4, stride on the 3x3 convolution.

    Args:
        depths: blocks in each of the four stages, see ``RESNET_DEPTHS``.
    """

    out_channels = 2048

    def __init__(self, depths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(64, 64, depths[0], stride=1)
        self.layer2 = self._stage(256, 128, depths[1], stride=2)
        self.layer3 = self._stage(512, 256, depths[2], stride=2)
        self.layer4 = self._stage(1024, 512, depths[3], stride=2)

    @staticmethod
    def _stage(in_channels: int, hidden: int, depth: int, stride: int) -> nn.Sequential:
        out_channels = 4 * hidden
        first = Bottleneck(in_channels, out_channels, stride)
        return nn.Sequential(first, *(Bottleneck(out_channels, out_channels) for _ in range(depth - 1)))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x_BCHW))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class SqueezeHardSigmoid(nn.Module):
    """Squeeze-and-excitation with the hard sigmoid and a quarter of the channels (MobileNetV3, section 5.3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // 4
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * self.gate(x_BCHW)


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 linear projection; a shortcut where the shape stays.

    Args:
        in_channels, hidden, out_channels: channels before, inside and after; no expansion where hidden = in.
        kernel, stride: of the depthwise convolution.
        activation: after the first two convolutions.
        squeeze: squeeze-and-excitation before the projection (MobileNetV3).
    """

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        out_channels: int,
        kernel: int,
        stride: int,
        activation: type[nn.Module],
        squeeze: bool = False,
    ) -> None:
        super().__init__()
        self.shortcut = stride == 1 and in_channels == out_channels
        self.layers = nn.Sequential(
            conv_bn(in_channels, hidden, activation=activation) if hidden != in_channels else nn.Identity(),
            conv_bn(hidden, hidden, kernel, stride, groups=hidden, activation=activation),
            SqueezeHardSigmoid(hidden) if squeeze else nn.Identity(),
            conv_bn(hidden, out_channels, activation=None),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.layers(x_BCHW)
        return x_BCHW + y if self.shortcut else y


class MobileNetV2(nn.Sequential):
    """MobileNetV2 at width 1, with its last 1x1 convolution to 1280 channels."""

    out_channels = 1280

    def __init__(self) -> None:
        layers: list[nn.Module] = [conv_bn(3, 32, 3, stride=2, activation=nn.ReLU6)]
        channels = 32
        for expansion, out_channels, blocks, stride in MOBILENET_V2:
            for i in range(blocks):
                hidden = channels * expansion
                layers.append(InvertedResidual(channels, hidden, out_channels, 3, stride if i == 0 else 1, nn.ReLU6))
                channels = out_channels
        layers.append(conv_bn(channels, self.out_channels, activation=nn.ReLU6))
        super().__init__(*layers)


class MobileNetV3Large(nn.Sequential):
    """MobileNetV3-Large at width 1, with its last 1x1 convolution to 960 channels."""

    out_channels = 960

    def __init__(self) -> None:
        layers: list[nn.Module] = [conv_bn(3, 16, 3, stride=2, activation=nn.Hardswish)]
        channels = 16
        for kernel, hidden, out_channels, squeeze, hard_swish, stride in MOBILENET_V3_LARGE:
            activation = nn.Hardswish if hard_swish else nn.ReLU
            layers.append(InvertedResidual(channels, hidden, out_channels, kernel, stride, activation, squeeze))
            channels = out_channels
        layers.append(conv_bn(channels, self.out_channels, activation=nn.Hardswish))
        super().__init__(*layers)


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit (Fig. 3c, d): half of the channels pass through, or both halves are halved in size."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.stride = stride
        branch_in = in_channels if stride > 1 else half
        self.branch = nn.Sequential(
            conv_bn(branch_in, half),
            conv_bn(half, half, 3, stride, groups=half, activation=None),
            conv_bn(half, half),
        )
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                conv_bn(in_channels, in_channels, 3, stride, groups=in_channels, activation=None),
                conv_bn(in_channels, half),
            )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        kept, worked = (x_BCHW, x_BCHW) if self.stride > 1 else x_BCHW.chunk(2, dim=1)
        return channel_shuffle(torch.cat((self.shortcut(kept), self.branch(worked)), dim=1), 2)


class ShuffleNetV2(nn.Sequential):
    """ShuffleNetV2 at width 1, with its last 1x1 convolution to 1024 channels."""

    out_channels = 1024

    def __init__(self) -> None:
        layers: list[nn.Module] = [conv_bn(3, 24, 3, stride=2), nn.MaxPool2d(3, stride=2, padding=1)]
        channels = 24
        for out_channels, blocks in SHUFFLENET_V2_STAGES:
            for i in range(blocks):
                layers.append(ShuffleUnit(channels, out_channels, stride=2 if i == 0 else 1))
                channels = out_channels
        layers.append(conv_bn(channels, self.out_channels))
        super().__init__(*layers)
