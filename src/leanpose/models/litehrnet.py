"""Lite-HRNet: A Lightweight High-Resolution Network (Yu et al., CVPR 2021, arXiv 2104.06403).

Published: HRNet's branches and fusions with depthwise separable convolutions; the shuffle block of ShuffleNetV2 as
residual unit (naive Lite-HRNet, section 3.1); conditional channel weighting, which replaces the 1x1 convolutions of
that block by weights computed across resolutions and, per branch, from the mean over places (section 3.2, Fig. 1b);
Lite-HRNet-18 and -30. The authors' code fixes the rest: reductions 8 and 4, the stem, a head that goes back up through
the resolutions, convolutions that start at N(0, 0.001).

Kept although the paper does not say it: the fusion of the published code counts the highest resolution twice and passes
its fused result to the lower ones. Published weights need it, and training without it was reported to lose accuracy.

Module names are those of the published code, so that its checkpoints load once ``backbone.`` and ``keypoint_head.`` are
taken off; except in the naive network, of which none are published.

Shape suffixes: B batch, C channels, H height, W width, J joints. ``xs`` lists features, highest resolution first.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.backbones import ShuffleUnit
from leanpose.models.hrnet import Fusion, Init, Transition
from leanpose.models.layers import channel_shuffle, check_input, conv_bn, normal_init
from leanpose.models.registry import Published, register

Block = Literal["weighting", "shuffle"]

STEM_CHANNELS = 32
CROSS_RESOLUTION_REDUCTION = 8
SPATIAL_REDUCTION = 4


def named_conv(
    in_channels: int,
    out_channels: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
    bn: bool = True,
) -> nn.Sequential:
    """Convolution ``conv``, BatchNorm ``bn`` or else a bias, activation: the published key layout."""
    layers = OrderedDict[str, nn.Module]()
    layers["conv"] = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=not bn)
    if bn:
        layers["bn"] = nn.BatchNorm2d(out_channels)
    if activation is not None:
        layers["activation"] = activation()
    return nn.Sequential(layers)


def depthwise(channels: int, stride: int = 1) -> nn.Sequential:
    return named_conv(channels, channels, 3, stride, groups=channels, activation=None)


def separable_conv3x3(
    in_channels: int, out_channels: int, stride: int, activation: type[nn.Module] | None
) -> nn.Sequential:
    """Depthwise 3x3, then 1x1, each with BatchNorm: what transitions and fusions have for HRNet's 3x3 convolution."""
    return nn.Sequential(
        *conv_bn(in_channels, in_channels, 3, stride, groups=in_channels, activation=None),
        *conv_bn(in_channels, out_channels, activation=activation),
    )


class Stem(nn.Module):
    """A strided 3x3 convolution and a strided shuffle block: (B, 3, H, W) to (B, 32, H/4, W/4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = named_conv(3, channels, 3, 2)
        self.branch1 = nn.Sequential(depthwise(half, 2), named_conv(half, half))
        self.expand_conv = named_conv(half, channels)
        self.depthwise_conv = depthwise(channels, 2)
        self.linear_conv = named_conv(channels, half)  # the published code has a ReLU here, in spite of the name

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x1, x2 = self.conv1(x_BCHW).chunk(2, dim=1)
        x2 = self.linear_conv(self.depthwise_conv(self.expand_conv(x2)))
        return channel_shuffle(torch.cat((self.branch1(x1), x2), dim=1), 2)


class CrossResolutionWeighting(nn.Module):
    """``H``: weights for every channel of every branch at the lowest resolution, from all branches (section 3.2).

    Args:
        widths: channels of the branches.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = list(widths)
        total = sum(widths)
        self.conv1 = named_conv(total, total // CROSS_RESOLUTION_REDUCTION)
        self.conv2 = named_conv(total // CROSS_RESOLUTION_REDUCTION, total, activation=nn.Sigmoid)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        ratios = [2**level for level in reversed(range(len(xs)))]  # size of a branch over that of the lowest one
        pooled = [F.avg_pool2d(x, ratio) if ratio > 1 else x for x, ratio in zip(xs, ratios, strict=True)]
        weights = self.conv2(self.conv1(torch.cat(pooled, dim=1))).split(self.widths, dim=1)
        return [
            x * (F.interpolate(weight, scale_factor=ratio, mode="nearest") if ratio > 1 else weight)
            for x, weight, ratio in zip(xs, weights, ratios, strict=True)
        ]


class SpatialWeighting(nn.Module):
    """``F``: one weight per channel from the mean over places (section 3.2): squeeze-and-excitation with biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = named_conv(channels, channels // SPATIAL_REDUCTION, bn=False)
        self.conv2 = named_conv(channels // SPATIAL_REDUCTION, channels, activation=nn.Sigmoid, bn=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * self.conv2(self.conv1(x_BCHW.mean((2, 3), keepdim=True)))


class ConditionalChannelWeighting(nn.Module):
    """The unit of Lite-HRNet on all branches at once (Fig. 1b).

    Half of the channels pass through; the others are weighted across resolutions, convolved depthwise and weighted by
    their means; then both halves are interleaved.

    Args:
        widths: channels of the branches, each even.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        halves = [width // 2 for width in widths]
        self.cross_resolution_weighting = CrossResolutionWeighting(halves)
        self.depthwise_convs = nn.ModuleList(depthwise(half) for half in halves)
        self.spatial_weighting = nn.ModuleList(SpatialWeighting(half) for half in halves)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        kept, worked = zip(*(x.chunk(2, dim=1) for x in xs), strict=True)
        worked = self.cross_resolution_weighting(worked)
        worked = [conv(x) for conv, x in zip(self.depthwise_convs, worked, strict=True)]
        worked = [weighting(x) for weighting, x in zip(self.spatial_weighting, worked, strict=True)]
        return [channel_shuffle(torch.cat(halves, dim=1), 2) for halves in zip(kept, worked, strict=True)]


class ShuffleUnits(nn.ModuleList):
    """ShuffleNetV2's unit on each branch: the naive network."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__(ShuffleUnit(width, width, stride=1) for width in widths)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return [unit(x) for unit, x in zip(self, xs, strict=True)]


class LiteFusion(Fusion):
    """HRNet's fusion with the habit of the published code that the head of this file names."""

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        xs, fused = list(xs), []
        for i, paths in enumerate(self):
            terms = [path(x) for path, x in zip(paths, xs, strict=True)]  # type: ignore[arg-type]
            total = sum(terms, terms[0])  # the first term twice
            if i == 0:
                xs[0] = total
            fused.append(total.relu())
        return fused


class LiteModule(nn.Module):
    """Two units on all branches, then a fusion."""

    def __init__(self, widths: Sequence[int], block: Block) -> None:
        super().__init__()
        unit = ConditionalChannelWeighting if block == "weighting" else ShuffleUnits
        self.layers = nn.Sequential(unit(widths), unit(widths))
        self.fuse_layers = LiteFusion(widths, len(widths), separable_conv3x3)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return self.fuse_layers(self.layers(xs))


class IterativeHead(nn.Module):
    """From the lowest resolution up: separable convolution to the next width, enlarge, add (authors' code)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        upwards = list(reversed(widths))
        self.projects = nn.ModuleList(
            nn.ModuleDict({"depthwise_conv": depthwise(before), "pointwise_conv": named_conv(before, after)})
            for before, after in zip(upwards, [*upwards[1:], upwards[-1]], strict=True)
        )

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        y = xs[-1]
        for level, project in enumerate(self.projects):
            if level:
                y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True) + xs[-1 - level]
            y = project["pointwise_conv"](project["depthwise_conv"](y))  # type: ignore[index]
        return y


class LiteHRNet(nn.Module):
    """Lite-HRNet (section 3, Table 1).

    Args:
        num_joints: heatmaps J.
        modules: modules in the stages of two, three and four branches.
        width: channels of the highest resolution, even.
        block: ``"weighting"``, or ``"shuffle"`` for the naive network.
        init: ``"normal"`` draws convolutions from N(0, 0.001) as published; ``"default"`` keeps PyTorch's.

    Input (B, 3, H, W) with H and W divisible by 32; output a list of one heatmap tensor (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = 32

    def __init__(
        self,
        num_joints: int,
        modules: tuple[int, int, int] = (2, 4, 2),
        width: int = 40,
        block: Block = "weighting",
        init: Init = "normal",
    ) -> None:
        super().__init__()
        if block not in ("weighting", "shuffle"):
            raise ValueError(f"block={block!r}: use 'weighting' or 'shuffle'")
        if init not in ("normal", "default"):
            raise ValueError(f"init={init!r}: use 'normal' or 'default'")
        if width % 2:
            raise ValueError(f"width={width}: the blocks split it into halves, use an even number")
        widths = [width, 2 * width, 4 * width, 8 * width]

        def stage(branches: int) -> nn.Sequential:
            return nn.Sequential(*(LiteModule(widths[:branches], block) for _ in range(modules[branches - 2])))

        self.stem = Stem(STEM_CHANNELS)
        self.transition0 = Transition([STEM_CHANNELS], widths[:2], separable_conv3x3)
        self.stage0 = stage(2)
        self.transition1 = Transition(widths[:2], widths[:3], separable_conv3x3)
        self.stage1 = stage(3)
        self.transition2 = Transition(widths[:3], widths, separable_conv3x3)
        self.stage2 = stage(4)
        self.head_layer = IterativeHead(widths)
        self.final_layer = nn.Conv2d(width, num_joints, 1)
        if init == "normal":
            normal_init(self)

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        xs = self.stage0(self.transition0([self.stem(x_BCHW)]))
        xs = self.stage1(self.transition1(xs))
        xs = self.stage2(self.transition2(xs))
        return [self.final_layer(self.head_layer(xs))]


_SOURCE = "Lite-HRNet (CVPR 2021) and its repository"
_NOTE = "scores with flip test, from scratch; the repository's counter divides by 2^20 where it prints M"


def _published(
    params_m: float, printed_m: float | None, scores: dict[str, float], input_hw: tuple[int, int] = (256, 192)
) -> Published:
    macs_g = None if printed_m is None else printed_m / 1024
    joints = 16 if input_hw == (256, 256) else 17
    return Published(_SOURCE, params_m, macs_g, "torchstat", input_hw, joints, scores, _NOTE)


@register(
    _published(1.1, 205.2, {"COCO val AP": 64.8, "COCO test-dev AP": 63.7}),
    _published(1.1, 273.4, {"MPII val PCKh@0.5": 85.4, "MPII val PCKh@0.1": 29.5}, (256, 256)),
    _published(1.1, 461.6, {"COCO val AP": 67.6}, (384, 288)),
)
def litehrnet_18(num_joints: int, modules: tuple[int, int, int] = (2, 4, 2), **more: Any) -> LiteHRNet:
    return LiteHRNet(num_joints, modules, **more)


@register(
    _published(1.8, 319.2, {"COCO val AP": 67.2, "COCO test-dev AP": 66.7}),
    _published(1.8, 425.3, {"MPII val PCKh@0.5": 87.0, "MPII val PCKh@0.1": 31.3}, (256, 256)),
    _published(1.8, 717.8, {"COCO val AP": 70.4}, (384, 288)),
)
def litehrnet_30(num_joints: int, modules: tuple[int, int, int] = (3, 8, 3), **more: Any) -> LiteHRNet:
    return LiteHRNet(num_joints, modules, **more)


@register(
    _published(1.3, 311.1, {"COCO val AP": 66.0}),
    _published(1.3, None, {"MPII val PCKh@0.5": 86.8, "MPII val PCKh@0.1": 31.1}, (256, 256)),
)
def litehrnet_wider_naive_18(num_joints: int, block: Block = "shuffle", **more: Any) -> LiteHRNet:
    return LiteHRNet(num_joints, block=block, **more)
