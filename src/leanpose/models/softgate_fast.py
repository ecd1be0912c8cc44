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

from functools import partial
from typing import Any

from torch import nn

from leanpose.models.layers import conv_bn
from leanpose.models.registry import register
from leanpose.models.softgate import STEM_CHANNELS, Gate, GatedBlock, HybridStack, SkipTransform, SoftGatedNet


class FastBlock(GatedBlock):
    """``alpha * x + F(x)``, in which F chains three stages of 3x3 convolution, BatchNorm and ReLU.

    The arguments are those of :class:`leanpose.models.softgate.GatedBlock`; a projection is a 1x1 convolution and
    BatchNorm.
    """

    convolution = staticmethod(conv_bn)
    projection = staticmethod(partial(conv_bn, activation=None))


def _skip(width: int, transform: SkipTransform, gate: Gate) -> nn.Module:
    if transform != "bn_relu_conv1":
        raise ValueError(f"skip={transform!r}: the fast order has the paper's choice alone")
    return conv_bn(width, width)


class FastStack(HybridStack):
    """One encoder-decoder of fast blocks; on its long skips 1x1 convolution, BatchNorm and ReLU."""

    block = FastBlock
    skip_transform = staticmethod(_skip)


def fast_stem(width: int, gate: Gate) -> nn.Sequential:
    """From an image (B, 3, H, W) to features (B, width, H/4, W/4)."""
    return nn.Sequential(
        conv_bn(3, STEM_CHANNELS // 2, 3, stride=2),
        conv_bn(STEM_CHANNELS // 2, STEM_CHANNELS, 3, stride=2),
        FastBlock(STEM_CHANNELS, width, gate),
    )


class FastSoftGatedNet(SoftGatedNet):
    """A stack of fast encoder-decoders; multiples of 64 channels fill the matrix units of CPUs.

    Arguments, input and output are those of :class:`leanpose.models.softgate.SoftGatedNet`, without other skip
    transforms.
    """

    make_stem = staticmethod(fast_stem)
    make_stack = FastStack


@register()
def softgate_1x64_fast(num_joints: int, stacks: int = 1, width: int = 64, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_1x128_fast(num_joints: int, stacks: int = 1, width: int = 128, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)


@register()
def softgate_2x128_fast(num_joints: int, stacks: int = 2, width: int = 128, **more: Any) -> FastSoftGatedNet:
    return FastSoftGatedNet(num_joints, stacks, width, **more)
