"""SFM with HSA (Ren, Zhou, Chen, Zhou, Gao, FG 2021, arXiv 2107.13693): a RECONSTRUCTION.

Neither the full text nor code was at hand. Published, in the abstract: two pyramid frameworks joined by bridges that
add no layers; a light spatial attention block, HSA, that computes a second-order attention map and so captures
long-range dependency; 1.5 M parameters and 1.7 G operations; MPII val PCKh@0.5 89.0 and @0.1 42.0; COCO val AP 71.7.

Inferred is everything else: the constant width, the four levels at strides 4 to 32, the blocks, where the bridges
land (on the down path of the second pyramid), the form of HSA and the strides at which it stands, one MSE head per
pyramid, and 256x192 as the input behind 1.7 G (a constant-width pyramid spends about 1150 multiply-adds per parameter
there, as printed). The widths were fitted to the two printed sizes; agreement of counts is a fit, not evidence.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.layers import BasicBlock, Bottleneck, check_input, conv_bn
from leanpose.models.registry import Published, register

Block = Literal["basic", "bottleneck"]

LEVELS = 4  # strides 4, 8, 16, 32
FIRST_ATTENTION_LEVEL = 1  # HW x HW maps cost too much at stride 4: 9.4 M entries at 256x192


class HSA(nn.Module):
    """High-level spatial attention (the abstract's idea; this form of it is inferred).

    Three 1x1 convolutions give single-channel spatial maps q, k, v: the first order. The relation of every pair of
    places in them, ``A = softmax(q^T k)`` over HW x HW, is the second. ``y = x * (1 + sigmoid(w * A v + b))``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # No biases: the softmax cancels k's, and b absorbs v's because the rows of A sum to one.
        self.maps = nn.Conv2d(channels, 3, 1, bias=False)
        self.gate = nn.Conv2d(1, 1, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        q, k, v = self.maps(x_BCHW).flatten(2).split(1, dim=1)  # each (B, 1, HW)
        attention = torch.softmax(q.transpose(1, 2) * k, dim=-1)  # (B, HW, HW)
        attended = (attention @ v.transpose(1, 2)).transpose(1, 2).unflatten(2, x_BCHW.shape[-2:])
        return x_BCHW * (1 + torch.sigmoid(self.gate(attended)))


def _project(width: int) -> nn.Sequential:
    return conv_bn(width, width, activation=None)


def _node(width: int, block: Block, attention: bool, stride: int = 1) -> nn.Module:
    match block:
        case "basic":
            body = BasicBlock(width, width, stride)
        case "bottleneck":
            body = Bottleneck(width, width, stride, expansion=2)
        case _:
            raise ValueError(f"block={block!r}: use 'basic' or 'bottleneck'")
    return nn.Sequential(body, HSA(width)) if attention else body


class Pyramid(nn.Module):
    """Down through the levels and up again at one width, as a feature pyramid network.

    Args:
        width: channels at every level.
        block: the residual block of every node.
        attention: HSA after every node from stride 8 on.
        bridged: add another pyramid's down and up features to the down path of this one, at strides 8 to 32; each
            passes a 1x1 convolution with BatchNorm.
    """

    def __init__(self, width: int, block: Block, attention: bool, bridged: bool = False) -> None:
        super().__init__()

        def node(level: int, stride: int = 1) -> nn.Module:
            return _node(width, block, attention and level >= FIRST_ATTENTION_LEVEL, stride)

        self.down = nn.ModuleList(node(level, 1 if level == 0 else 2) for level in range(LEVELS))
        self.up = nn.ModuleList(node(level) for level in range(LEVELS - 1))
        self.lateral = nn.ModuleList(_project(width) for _ in range(LEVELS))
        self.bridged = bridged
        bridges = LEVELS - 1 if bridged else 0
        self.from_down = nn.ModuleList(_project(width) for _ in range(bridges))
        self.from_up = nn.ModuleList(_project(width) for _ in range(bridges))

    def forward(
        self, x_BCHW: Tensor, other_downs: Sequence[Tensor] = (), other_ups: Sequence[Tensor] = ()
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Features of the down path and of the up path, both from stride 4 to 32."""
        downs = [self.down[0](x_BCHW)]
        for level in range(1, LEVELS):
            x = self.down[level](downs[-1])
            if self.bridged:
                x = x + self.from_down[level - 1](other_downs[level]) + self.from_up[level - 1](other_ups[level])
            downs.append(x)
        ups = [self.lateral[-1](downs[-1])]
        for level in reversed(range(LEVELS - 1)):
            x = F.interpolate(ups[0], scale_factor=2, mode="nearest") + self.lateral[level](downs[level])
            ups.insert(0, self.up[level](x))
        return downs, ups


class SFM(nn.Module):
    """Slender fusion model: two bridged pyramids (reconstruction, see the head of this file).

    Args:
        num_joints: heatmaps J per pyramid.
        width: channels at every level.
        block: ``"basic"`` (two 3x3) or ``"bottleneck"`` (half the channels inside).
        bridges: add the first pyramid's features of strides 8 to 32 to the second one's down path. At stride 4 the
            second pyramid starts from the first one's result in any case.
        attention: HSA at strides 8 to 32.

    Input (B, 3, H, W) with H and W divisible by 32; output a list of two heatmaps (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = stride * 2 ** (LEVELS - 1)

    def __init__(
        self, num_joints: int, width: int = 72, block: Block = "basic", bridges: bool = True, attention: bool = True
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 64, 3, stride=2), conv_bn(64, width, 3, stride=2))
        self.first = Pyramid(width, block, attention)
        self.second = Pyramid(width, block, attention, bridged=bridges)
        self.heads = nn.ModuleList(nn.Conv2d(width, num_joints, 1) for _ in range(2))

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        downs, ups = self.first(self.stem(x_BCHW))
        _, refined_ups = self.second(ups[0], downs, ups)
        return [self.heads[0](ups[0]), self.heads[1](refined_ups[0])]


_SOURCE = "SFM (arXiv 2107.13693), abstract"
_NOTE = "reconstruction; the input size behind 1.7 G is inferred"
_SCORES = {
    "COCO val AP": 71.7,
    "COCO val AP50": 90.7,
    "MPII val PCKh@0.5": 89.0,
    "MPII val PCKh@0.1": 42.0,
}


@register(Published(_SOURCE, 1.5, 1.7, "macs", (256, 192), 17, _SCORES, _NOTE))
def sfm_basic72(num_joints: int, width: int = 72, **more: Any) -> SFM:
    return SFM(num_joints, width, **more)


@register(Published(_SOURCE, 1.5, 1.7, "macs", (256, 192), 17, _SCORES, _NOTE))
def sfm_bottleneck144(num_joints: int, width: int = 144, block: Block = "bottleneck", **more: Any) -> SFM:
    return SFM(num_joints, width, block, **more)


@register(Published(_SOURCE, note="reconstruction reading 1.7 G as 2^30 multiply-adds at 256x256; 1.5 M does not fit"))
def sfm_basic64(num_joints: int, width: int = 64, **more: Any) -> SFM:
    return SFM(num_joints, width, **more)
