"""Ours, not the paper's: the soft-gated network with its operations in an order that CPUs run faster.

Where the structure of FG 2020 (``softgate.py``) spends time without multiply-adds, and what stands here instead:

- BatchNorm and ReLU before each convolution act on tensors that are also needed as they are, so that no engine can make
  them part of a convolution. Here convolution, BatchNorm and ReLU follow each other and become one operation.
- The stem's 7x7 convolution at 64 channels and its pooling; here two strided 3x3 convolutions, as in HRNet.

The rest is the paper's: the hierarchical block of N/2, N/4 and N/4 channels, the gate on its skip, the hybrid
encoder-decoder and its merge. Multiply-adds are 1.5 to 3 % fewer. The packaged models are these networks; under a small
budget it scored no less than the paper's order (docs/training.md).

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from typing import Any

from torch import nn

from leanpose.models.layers import conv_bn
from leanpose.models.registry import register
from leanpose.models.softgate import BOTTOM_BLOCKS, LEVELS, STEM_CHANNELS, Gate, GatedBlock, HybridStack, SoftGatedNet


class FastBlock(GatedBlock):
    """``alpha * x + F(x)``, in which F chains three stages of 3x3 convolution, BatchNorm and ReLU.

    Args:
        in_channels: channels of the input; another number than ``out_channels`` is projected by a 1x1 convolution.
        out_channels: channels N of the output, divisible by 4.
        gate: see :class:`leanpose.models.softgate.SoftGate`.
    """

    def __init__(self, in_channels: int, out_channels: int, gate: Gate = "channel") -> None:
        super().__init__(out_channels, out_channels, gate)
        half, quarter = out_channels // 2, out_channels // 4
        self.stage1 = conv_bn(in_channels, half, 3)
        self.stage2 = conv_bn(half, quarter, 3)
        self.stage3 = conv_bn(quarter, quarter, 3)
        if in_channels != out_channels:
            self.project = conv_bn(in_channels, out_channels, activation=None)


class FastStack(HybridStack):
    """One encoder-decoder, recursive from the highest resolution down.

    Args:
        width: channels N at every resolution.
        levels: halvings below this one; the innermost level is a chain of blocks.
        gate: see :class:`leanpose.models.softgate.SoftGate`.
    """

    def __init__(self, width: int, levels: int, gate: Gate) -> None:
        nn.Module.__init__(self)
        self.encode = FastBlock(width, width, gate)
        self.skip = conv_bn(width, width)
        self.inner = (
            FastStack(width, levels - 1, gate)
            if levels > 1
            else nn.Sequential(*(FastBlock(width, width, gate) for _ in range(BOTTOM_BLOCKS)))
        )
        self.merge = "concat"
        self.decode = FastBlock(2 * width, width, gate)


def fast_stem(width: int, gate: Gate) -> nn.Sequential:
    """From an image (B, 3, H, W) to features (B, width, H/4, W/4)."""
    return nn.Sequential(
        conv_bn(3, STEM_CHANNELS // 2, 3, stride=2),
        conv_bn(STEM_CHANNELS // 2, STEM_CHANNELS, 3, stride=2),
        FastBlock(STEM_CHANNELS, width, gate),
    )


class FastSoftGatedNet(SoftGatedNet):
    """A stack of fast encoder-decoders.

    Args:
        num_joints: heatmaps J per stack.
        stacks: encoder-decoders, each with its own supervised heatmaps.
        width: channels N of every block; multiples of 64 fill the matrix units of CPUs.
        gate: skip factor of the blocks.

    Input (B, 3, H, W) with H and W divisible by 64; output a list of ``stacks`` heatmaps (B, J, H/4, W/4).
    """

    def __init__(self, num_joints: int, stacks: int = 1, width: int = 128, gate: Gate = "channel") -> None:
        super().__init__(num_joints, stacks, width, gate)
        self.stem = fast_stem(width, gate)
        self.stacks = nn.ModuleList(FastStack(width, LEVELS, gate) for _ in range(stacks))


@register()
def softgate_1x64_fast(num_joints: int, stacks: int = 1, width: int = 64, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_1x128_fast(num_joints: int, stacks: int = 1, width: int = 128, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_2x128_fast(num_joints: int, stacks: int = 2, width: int = 128, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)
