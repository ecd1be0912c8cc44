"""Ours, no paper's: the fast soft-gated network with what the other papers look at a whole picture or enlarge it with.

- Context after a block: HSA (SFM), CBAM (EL-HRNet) or GC (LPN), the layers of those networks unchanged. They start as
  the identity: GC by itself, the other two behind a gate of the soft-gated paper that starts at 0. A trained
  :mod:`leanpose.models.softgate_fast` network can therefore be gone on from with its accuracy.
- LPN's decoder in place of the concatenation and its block: a transposed convolution of as many groups as channels
  enlarges, the skip is added (LPN has none), and a 1x1 convolution mixes.

``leanpose reproduce our_combination`` measures what each of them brings; until it says so, nobody knows.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.elhrnet import CBAM
from leanpose.models.layers import GlobalContext, conv_bn
from leanpose.models.registry import register
from leanpose.models.sfm import HSA
from leanpose.models.softgate import BOTTOM_BLOCKS, LEVELS, Gate, SoftGate
from leanpose.models.softgate_fast import FastBlock, FastSoftGatedNet, FastStack

Context = Literal["none", "hsa", "cbam", "gc"]
Where = Literal["bottleneck", "every"]
Decoder = Literal["concat", "lpn"]

CBAM_REDUCTION = 8  # as in EL-HRNet


class GatedContext(nn.Module):
    """``x + alpha * (context(x) - x)`` with one alpha per channel, 0 at first: a fresh one is the identity."""

    def __init__(self, channels: int, context: nn.Module) -> None:
        super().__init__()
        self.context = context
        self.gate = SoftGate(channels, "channel")

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.gate(self.context(x_BCHW) - x_BCHW)


def context_layer(channels: int, context: Context) -> nn.Module:
    """A fresh layer of that kind, which leaves (B, C, H, W) as it is."""
    match context:
        case "none":
            return nn.Identity()
        case "hsa":
            return GatedContext(channels, HSA(channels))
        case "cbam":
            return GatedContext(channels, CBAM(channels, CBAM_REDUCTION))
        case "gc":
            return GlobalContext(channels, max(16, channels // 16))
    raise ValueError(f"context={context!r}: use one of {', '.join(get_args(Context))}")


class ContextBlock(FastBlock):
    """A fast block with a layer of context on its output.

    Args:
        in_channels, out_channels, gate: as in :class:`FastBlock`.
        context: the layer.
    """

    def __init__(self, in_channels: int, out_channels: int, gate: Gate, context: Context) -> None:
        super().__init__(in_channels, out_channels, gate)
        self.context = context_layer(out_channels, context)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.context(super().forward(x_BCHW))


class LPNDecoder(nn.Module):
    """LPN's enlargement, with the skip that a hybrid encoder-decoder has: coarse and skip (B, C, ., .) to (B, C, H, W).

    ``relu(bn(conv1(skip + relu(bn(transposed(coarse))))))``, the transposed convolution 4x4 of stride 2 and C groups.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, 4, 2, 1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.mix = conv_bn(channels, channels)

    def forward(self, coarse_BChw: Tensor, skip_BCHW: Tensor) -> Tensor:
        return self.mix(skip_BCHW + self.enlarge(coarse_BChw))


class ContextStack(FastStack):
    """One encoder-decoder, recursive from the highest resolution down.

    Args:
        width, levels, gate: as in :class:`FastStack`.
        context, where, decoder: as in :class:`SoftGateContextNet`.
    """

    def __init__(self, width: int, levels: int, gate: Gate, context: Context, where: Where, decoder: Decoder) -> None:
        super().__init__(width, 1, gate)
        # at stride 4 HSA's map of all pairs of places costs too much: SFM leaves it out there, too
        here: Context = "none" if where == "bottleneck" or (context == "hsa" and levels == LEVELS) else context
        self.encode = ContextBlock(width, width, gate, here)
        self.inner = (
            ContextStack(width, levels - 1, gate, context, where, decoder)
            if levels > 1
            else nn.Sequential(*(ContextBlock(width, width, gate, context) for _ in range(BOTTOM_BLOCKS)))
        )
        self.decode = ContextBlock(2 * width, width, gate, here) if decoder == "concat" else LPNDecoder(width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not isinstance(self.decode, LPNDecoder):
            return super().forward(x_BCHW)
        encoded = self.encode(x_BCHW)
        return self.decode(self.inner(F.max_pool2d(encoded, 2)), self.skip(encoded))


class SoftGateContextNet(FastSoftGatedNet):
    """The fast soft-gated network with parts of the other papers.

    Args:
        num_joints, stacks, width, gate: as in :class:`FastSoftGatedNet`.
        context: layer on the blocks' outputs.
        where: at the three blocks of the lowest resolution, or at every block of the stacks; HSA not at stride 4.
        decoder: the concatenation of the hybrid encoder-decoder, or LPN's.

    Input (B, 3, H, W) with H and W divisible by 64; output a list of ``stacks`` heatmaps (B, J, H/4, W/4).
    """

    def __init__(
        self,
        num_joints: int,
        stacks: int = 1,
        width: int = 64,
        gate: Gate = "channel",
        context: Context = "none",
        where: Where = "bottleneck",
        decoder: Decoder = "concat",
    ) -> None:
        for name, value, choices in (("where", where, get_args(Where)), ("decoder", decoder, get_args(Decoder))):
            if value not in choices:
                raise ValueError(f"{name}={value!r}: use one of {', '.join(choices)}")
        super().__init__(num_joints, stacks, width, gate)
        self.stacks = nn.ModuleList(ContextStack(width, LEVELS, gate, context, where, decoder) for _ in range(stacks))

    def restacked(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Also from a network without context, whose answer fresh context leaves as it is."""
        fresh = {
            name: tensor
            for name, tensor in self.state_dict().items()
            if ".context." in name and f"heads.{name.split('.')[1]}.weight" in weights
        }
        return super().restacked(fresh | dict(weights))


@register()
def softgate_1x64_hsa(num_joints: int, context: Context = "hsa", **more: Any) -> SoftGateContextNet:
    return SoftGateContextNet(num_joints, context=context, **more)


@register()
def softgate_1x64_cbam(num_joints: int, context: Context = "cbam", **more: Any) -> SoftGateContextNet:
    return SoftGateContextNet(num_joints, context=context, **more)


@register()
def softgate_1x64_gc(num_joints: int, context: Context = "gc", **more: Any) -> SoftGateContextNet:
    return SoftGateContextNet(num_joints, context=context, **more)


@register()
def softgate_1x64_deconv(num_joints: int, decoder: Decoder = "lpn", **more: Any) -> SoftGateContextNet:
    return SoftGateContextNet(num_joints, decoder=decoder, **more)
