"""Soft-gated skip connections and the hybrid hourglass / U-Net (Bulat et al., FG 2020, arXiv 2002.11098).

Published: the gated residual block (eq. 1, Fig. 1), the merges of encoder and decoder (Fig. 2a-c), the skip
transforms of section III-B, MSE on every stack (eq. 2), and the sizes of Tables I and III-V.

Inferred, because the text leaves it open: where blocks stand inside a stack, the stem, the head and the widths
behind Table III. The structure below is the reading whose parameters and multiply-adds fit all published pairs
best; agreement of counts is evidence, not proof.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.layers import check_input
from leanpose.models.registry import Published, register

Gate = Literal["channel", "scalar"] | float
Merge = Literal["concat", "concat_grouped", "sum"]
SkipTransform = Literal["bn_relu_conv1", "bn_relu_conv3", "conv1", "identity", "residual"]

LEVELS = 4  # Fig. 2: the resolution is halved four times, 64 to 4 for a 256 px input
BOTTOM_BLOCKS = 3
STEM_CHANNELS = 64


def _bn_relu_conv(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=False),
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False),
    )


class SoftGate(nn.Module):
    """The factor alpha on a skip connection (eq. 1).

    ``"channel"`` learns one factor per channel and ``"scalar"`` one in all, both starting at 0; a float is a
    fixed factor (Table II has 0.5 and 0.1; 1.0 is the plain residual connection).
    """

    def __init__(self, channels: int, gate: Gate) -> None:
        super().__init__()
        if gate == "channel":
            self.alpha = nn.Parameter(torch.zeros(1, channels, 1, 1))
        elif gate == "scalar":
            self.alpha = nn.Parameter(torch.zeros(1, 1, 1, 1))
        elif isinstance(gate, int | float):
            self.register_buffer("alpha", torch.full((1, 1, 1, 1), float(gate)))
        else:
            raise ValueError(f"gate={gate!r}: use 'channel', 'scalar' or a fixed number")

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.alpha.to(x_BCHW.dtype) * x_BCHW  # else autocast carries every block's sum in single precision


class GatedBlock(nn.Module):
    """The hierarchical residual block with a gated skip (Fig. 1, eq. 1): ``alpha * x + F(x)``.

    F chains three BN-ReLU-3x3 stages of N/2, N/4 and N/4 channels and concatenates their outputs. Where the
    channel count changes, the skip is projected by BN-ReLU-1x1 before the gate (inferred from the authors' FAN).

    Args:
        in_channels: channels of the input.
        out_channels: channels N of the output, divisible by 4.
        gate: see :class:`SoftGate`.
        groups: groups of the first 3x3 convolution (2 in Fig. 2c).
    """

    convolution = staticmethod(_bn_relu_conv)
    projection = staticmethod(partial(_bn_relu_conv, kernel=1))

    def __init__(self, in_channels: int, out_channels: int, gate: Gate = "channel", groups: int = 1) -> None:
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        self.stage1 = self.convolution(in_channels, half, 3, groups=groups)
        self.stage2 = self.convolution(half, quarter, 3)
        self.stage3 = self.convolution(quarter, quarter, 3)
        self.project = nn.Identity() if in_channels == out_channels else self.projection(in_channels, out_channels)
        self.gate = SoftGate(out_channels, gate)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        a = self.stage1(x_BCHW)
        b = self.stage2(a)
        c = self.stage3(b)
        return self.gate(self.project(x_BCHW)) + torch.cat((a, b, c), dim=1)


def _skip_transform(width: int, transform: SkipTransform, gate: Gate) -> nn.Module:
    """What stands on the long skip from encoder to decoder (section III-B)."""
    match transform:
        case "bn_relu_conv1":
            return _bn_relu_conv(width, width, 1)
        case "bn_relu_conv3":
            return _bn_relu_conv(width, width, 3)
        case "conv1":
            return nn.Conv2d(width, width, 1, bias=False)
        case "identity":
            return nn.Identity()
        case "residual":
            return GatedBlock(width, width, gate)
    raise ValueError(f"skip={transform!r}: use one of {', '.join(get_args(SkipTransform))}")


class HybridStack(nn.Module):
    """One encoder-decoder macro-module (Fig. 2), recursive from the highest resolution down.

    Args:
        width: channels N at every resolution.
        levels: halvings below this one; the innermost level is a chain of blocks.
        gate, merge, skip: as in :class:`SoftGatedNet`.
    """

    block: type[GatedBlock] = GatedBlock
    skip_transform = staticmethod(_skip_transform)

    def __init__(
        self,
        width: int,
        levels: int,
        gate: Gate = "channel",
        merge: Merge = "concat",
        skip: SkipTransform = "bn_relu_conv1",
    ) -> None:
        super().__init__()
        self.encode = self.block(width, width, gate)
        self.skip = self.skip_transform(width, skip, gate)
        self.inner: nn.Module = (
            type(self)(width, levels - 1, gate, merge, skip)
            if levels > 1
            else nn.Sequential(*(self.block(width, width, gate) for _ in range(BOTTOM_BLOCKS)))
        )
        self.merge = merge
        merged = width if merge == "sum" else 2 * width
        self.decode = self.block(merged, width, gate, groups=2 if merge == "concat_grouped" else 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        encoded = self.encode(x_BCHW)
        coarse = self.inner(F.max_pool2d(encoded, 2))
        upsampled = F.interpolate(coarse, scale_factor=2, mode="nearest")
        skipped = self.skip(encoded)
        merged = upsampled + skipped if self.merge == "sum" else torch.cat((upsampled, skipped), dim=1)
        return self.decode(merged)


def softgate_stem(width: int, gate: Gate) -> nn.Sequential:
    """From an image (B, 3, H, W) to features (B, width, H/4, W/4)."""
    return nn.Sequential(
        nn.Conv2d(3, STEM_CHANNELS, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(STEM_CHANNELS),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        GatedBlock(STEM_CHANNELS, width, gate),
    )


class SoftGatedNet(nn.Module):
    """A stack of hybrid encoder-decoders with soft-gated blocks.

    Args:
        num_joints: heatmaps J per stack.
        stacks: macro-modules, each with its own supervised heatmaps.
        width: channels N of every block; divisible by 4.
        gate: skip factor of the blocks (Table II).
        merge: how decoder and encoder features meet (Fig. 2, Table IV). The grouped merge keeps the two sources
            in separate groups of the decoder block's first convolution.
        skip: transform on the long skips (section III-B).

    Input (B, 3, H, W) with H and W divisible by 64; output a list of ``stacks`` heatmaps (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = stride * 2**LEVELS
    make_stem = staticmethod(softgate_stem)
    make_stack: type[HybridStack] = HybridStack

    def __init__(
        self,
        num_joints: int,
        stacks: int = 2,
        width: int = 128,
        gate: Gate = "channel",
        merge: Merge = "concat",
        skip: SkipTransform = "bn_relu_conv1",
    ) -> None:
        super().__init__()
        if merge not in get_args(Merge):
            raise ValueError(f"merge={merge!r}: use one of {', '.join(get_args(Merge))}")
        if width % 4:
            raise ValueError(f"width={width}: the block splits it into halves and quarters, use a multiple of 4")
        self.stem = self.make_stem(width, gate)
        self.stacks = nn.ModuleList(self.make_stack(width, LEVELS, gate, merge, skip) for _ in range(stacks))
        self.features = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
            for _ in range(stacks)
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, num_joints, 1) for _ in range(stacks))
        self.feature_links = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.heatmap_links = nn.ModuleList(nn.Conv2d(num_joints, width, 1) for _ in range(stacks - 1))

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        x = self.stem(x_BCHW)
        heatmaps: list[Tensor] = []
        for i, stack in enumerate(self.stacks):
            features = self.features[i](stack(x))
            heatmaps.append(self.heads[i](features))
            if i < len(self.feature_links):
                x = x + self.feature_links[i](features) + self.heatmap_links[i](heatmaps[i])
        return heatmaps

    def restacked(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights for this network from those of one with fewer or more stacks.

        Each further stack is a copy of the last one, and the links to it are zero: where training goes on, it goes on
        from the smaller network's accuracy. Of more stacks the first ones stay: every stack has been taught on its own.
        """
        wanted = self.state_dict()
        stacks, links = ("stacks", "features", "heads"), ("feature_links", "heatmap_links")
        kept = dict.fromkeys(stacks, len(self.stacks)) | dict.fromkeys(links, len(self.feature_links))
        parts = {name: (*name.split(".", 2), "", "")[:3] for name in (*weights, *wanted)}

        def beyond(name: str) -> bool:
            part, number, _ = parts[name]
            return part in kept and number.isdecimal() and int(number) >= kept[part]

        restacked = {name: tensor for name, tensor in weights.items() if not beyond(name)}
        last = max((int(parts[name][1]) for name in restacked if parts[name][0] == "heads"), default=None)
        for name in wanted.keys() - restacked.keys():
            part, number, rest = parts[name]
            if part in links:
                restacked[name] = torch.zeros_like(wanted[name])
            elif part in stacks and last is not None and int(number) > last:
                restacked[name] = weights.get(f"{part}.{last}.{rest}", wanted[name])
        return restacked


TABLE_3 = "FG 2020, Table III"
FITTED = "the width is fitted to parameters and FLOPs; the paper prints neither it nor the stem"


@register(
    Published(
        TABLE_3, 0.5, 0.80, "pthflops", scores={"MPII val PCKh@0.5": 81.6},
        note=f"{FITTED}; 3.9 % more operations with BatchNorm and ReLU counted, 1.1 % without",
    )
)  # fmt: skip
def softgate_1x68(num_joints: int, stacks: int = 1, width: int = 68, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(Published(TABLE_3, 1.0, 1.39, "pthflops", scores={"MPII val PCKh@0.5": 84.8}, note=FITTED))
def softgate_2x68(num_joints: int, stacks: int = 2, width: int = 68, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        TABLE_3, 1.4, 1.75, "pthflops", scores={"MPII val PCKh@0.5": 85.7},
        note=f"{FITTED}; no multiple of 4 fits both: 4.2 % fewer parameters, 5.1 % more operations",
    )
)  # fmt: skip
def softgate_2x80(num_joints: int, stacks: int = 2, width: int = 80, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        TABLE_3, 1.9, 2.43, "pthflops", scores={"MPII val PCKh@0.5": 86.4},
        note=f"{FITTED}; 4.4 % more operations with BatchNorm and ReLU counted, 2.3 % without",
    )
)  # fmt: skip
def softgate_2x96(num_joints: int, stacks: int = 2, width: int = 96, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(Published(TABLE_3, 2.4, 3.10, "pthflops", scores={"MPII val PCKh@0.5": 86.7}, note=FITTED))
def softgate_2x108(num_joints: int, stacks: int = 2, width: int = 108, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(Published(TABLE_3, 2.9, 3.75, "pthflops", scores={"MPII val PCKh@0.5": 87.1}, note=FITTED))
def softgate_2x120(num_joints: int, stacks: int = 2, width: int = 120, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        "FG 2020, Tables I and IV", 3.4, 4.27, "pthflops", scores={"MPII val PCKh@0.5": 88.0},
        note="Table IV says 2 stacks of 128, Table I says 4 stacks for the same figures; see softgate_4x92",
    )
)  # fmt: skip
def softgate_2x128(num_joints: int, stacks: int = 2, width: int = 128, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        "FG 2020, Table I read literally", 3.4, 4.27, "pthflops", scores={"MPII val PCKh@0.5": 88.0},
        note="the other reading of Table I: 4 stacks; the width is fitted",
    )
)  # fmt: skip
def softgate_4x92(num_joints: int, stacks: int = 4, width: int = 92, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        "FG 2020, Tables I, V and VII", 8.5, 9.9, "pthflops",
        scores={"MPII val PCKh@0.5": 89.5, "MPII test PCKh@0.5": 91.1},
        note="no structure fits this and the 4x256 row: their FLOPs differ by 3.38, their widths squared by 3.16",
    )
)  # fmt: skip
def softgate_4x144(num_joints: int, stacks: int = 4, width: int = 144, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register(
    Published(
        "FG 2020, Table V", 26.0, 33.5, "pthflops",
        scores={"MPII test PCKh@0.5": 92.4, "LSP test PCK@0.2": 94.8},
        note="no structure fits this and the 4x144 row: their FLOPs differ by 3.38, their widths squared by 3.16",
    )
)  # fmt: skip
def softgate_4x256(num_joints: int, stacks: int = 4, width: int = 256, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


# Ours, not the paper's: widths whose quarters are multiples of 16, which matrix units of CPUs run at full rate.


@register()
def softgate_1x64(num_joints: int, stacks: int = 1, width: int = 64, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_2x64(num_joints: int, stacks: int = 2, width: int = 64, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_1x128(num_joints: int, stacks: int = 1, width: int = 128, **more: Any) -> SoftGatedNet:
    return SoftGatedNet(num_joints, stacks, width, **more)
