"""LPN: Simple and Lightweight Human Pose Estimation (Zhang, Tang, Wu, arXiv 1911.10346, 2019).

Published: the lightweight bottleneck (a ResNet bottleneck of expansion 1 whose 3x3 convolution is depthwise, with a
global context block on its output), a backbone that stops at stride 16, two grouped transposed convolutions each
followed by a 1x1 convolution, and the sizes LPN-50, 101 and 152. The authors' test code fixes what the text leaves
open: the first transposed convolution has gcd(512, 256) = 256 groups and so has the second, the context block squeezes
to max(16, C/16) channels, and every convolution starts at N(0, 0.001).

Nothing here is inferred. The abstract's 2.7 M parameters for LPN-50 are those of the network without attention; the
tables print 2.9 M.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from collections.abc import Sequence
from math import gcd
from typing import Any, Literal

from torch import Tensor, nn

from leanpose.models.layers import GlobalContext, SqueezeExcitation, check_input, conv_bn
from leanpose.models.registry import Published, register

Attention = Literal["gc", "se"] | None
Init = Literal["normal", "default"]

STAGE_CHANNELS = (64, 128, 256, 512)
STAGE_STRIDES = (1, 2, 2, 1)  # the last stage keeps stride 16 where ResNet goes on to 32
DECONV_CHANNELS = 256
DECONV_LAYERS = 2


def _attention(channels: int, attention: Attention) -> nn.Module:
    squeezed = max(16, channels // 16)
    match attention:
        case "gc":
            return GlobalContext(channels, squeezed)
        case "se":
            return SqueezeExcitation(channels, squeezed)
        case None:
            return nn.Identity()
    raise ValueError(f"attention={attention!r}: use 'gc', 'se' or None")


class LightweightBottleneck(nn.Module):
    """1x1, depthwise 3x3, 1x1, attention, plus the input (section 3.1, Fig. 2).

    Args:
        in_channels, out_channels: channels before and after; the hidden ones equal ``out_channels``.
        stride: of the depthwise convolution. The shortcut is a strided 1x1 convolution where the shape changes.
        attention: on the output of the last BatchNorm, before the sum.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, attention: Attention) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, 1, groups=out_channels, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv3 = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.att = _attention(out_channels, attention)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.downsample = conv_bn(in_channels, out_channels, stride=stride, activation=None)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x_BCHW)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.att(self.bn3(self.conv3(y)))
        return self.relu(y + self.downsample(x_BCHW))


class LPN(nn.Module):
    """Lightweight pose network (section 3, Fig. 3).

    Args:
        num_joints: heatmaps J.
        depths: blocks in each of the four stages.
        attention: in every block; ``"gc"`` is the published network.
        init: ``"normal"`` draws every convolution from N(0, 0.001), the context blocks' too, as the authors' COCO
            configuration does; ``"default"`` keeps PyTorch's initialisation and context blocks that start as the
            identity, as their MPII configuration does.

    Input (B, 3, H, W) with H and W divisible by 16; output a list of one heatmap tensor (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = 16

    def __init__(
        self,
        num_joints: int,
        depths: Sequence[int] = (3, 4, 6, 3),
        attention: Attention = "gc",
        init: Init = "normal",
    ) -> None:
        super().__init__()
        if init not in ("normal", "default"):
            raise ValueError(f"init={init!r}: use 'normal' or 'default'")
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        stages = []
        channels = 64
        for out_channels, stride, depth in zip(STAGE_CHANNELS, STAGE_STRIDES, depths, strict=True):
            blocks = [LightweightBottleneck(channels, out_channels, stride, attention)]
            blocks += [LightweightBottleneck(out_channels, out_channels, 1, attention) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
            channels = out_channels
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        upsampling: list[nn.Module] = []
        for _ in range(DECONV_LAYERS):
            groups = gcd(channels, DECONV_CHANNELS)
            upsampling += [
                nn.ConvTranspose2d(channels, DECONV_CHANNELS, 4, 2, 1, groups=groups, bias=False),
                nn.BatchNorm2d(DECONV_CHANNELS),
                nn.ReLU(inplace=True),
                nn.Conv2d(DECONV_CHANNELS, DECONV_CHANNELS, 1, bias=False),
                nn.BatchNorm2d(DECONV_CHANNELS),
                nn.ReLU(inplace=True),
            ]
            channels = DECONV_CHANNELS
        self.deconv_layers = nn.Sequential(*upsampling)
        self.final_layer = nn.Conv2d(channels, num_joints, 1)
        if init == "normal":
            for module in self.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(module.weight, std=0.001)

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x_BCHW))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return [self.final_layer(self.deconv_layers(x))]


_SOURCE = "LPN (arXiv 1911.10346), tables, and the authors' repository"
_ROUNDS = "scores with flip test, after 7 rounds of training"


@register(
    Published(
        _SOURCE,
        2.9,
        1.0,
        "hrnet",
        (256, 192),
        17,
        {"COCO val AP": 69.1, "COCO test-dev AP": 68.7},
        f"{_ROUNDS}; the abstract's 2.7 M is the network without attention",
    ),
    Published(
        _SOURCE,
        2.9,
        1.3,
        "hrnet",
        scores={"MPII val PCKh@0.5": 88.64, "MPII val PCKh@0.1": 34.12},
        note="1.34 is printed as 1.3: 3.3 % more is rounding",
    ),
)
def lpn_50(num_joints: int, depths: Sequence[int] = (3, 4, 6, 3), **more: Any) -> LPN:
    return LPN(num_joints, depths, **more)


@register(Published(_SOURCE, 5.3, 1.4, "hrnet", (256, 192), 17, {"COCO val AP": 70.4}, _ROUNDS))
def lpn_101(num_joints: int, depths: Sequence[int] = (3, 4, 23, 3), **more: Any) -> LPN:
    return LPN(num_joints, depths, **more)


@register(Published(_SOURCE, 7.4, 1.8, "hrnet", (256, 192), 17, {"COCO val AP": 71.0}, _ROUNDS))
def lpn_152(num_joints: int, depths: Sequence[int] = (3, 8, 36, 3), **more: Any) -> LPN:
    return LPN(num_joints, depths, **more)
