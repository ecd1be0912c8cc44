"""HRNet: Deep High-Resolution Representation Learning for Human Pose Estimation (Sun et al., CVPR 2019).

Published: parallel branches at strides 4 to 32 of widths C, 2C, 4C, 8C; a stem of two strided 3x3 convolutions; four
stages, of which stages 2 to 4 have 1, 4 and 3 modules of four residual units per branch followed by a fusion of all
resolutions (section 3, Fig. 1 and 3); heatmaps from the highest resolution; W32 and W48; convolutions that start at
N(0, 0.001). The authors start from ImageNet weights; without them W32 reaches 73.4 AP instead of 74.4.

Small HRNet-W16 is the row of Lite-HRNet's tables (Yu et al., CVPR 2021). That paper only says that it reduces depth and
width; that it follows the "small v1" configuration of the authors' segmentation repository (one bottleneck of hidden
width 32, one module per stage, two units) is inferred, from the printed sizes.

The residual unit of the branches and the 3x3 convolution that changes the resolution are parameters: EL-HRNet replaces
the one, Lite-HRNet the other. Module names are those of the published code, so that its checkpoints load unchanged.

Shape suffixes: B batch, C channels, H height, W width, J joints. ``xs`` lists features, highest resolution first.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from leanpose.models.layers import BasicBlock, Bottleneck, check_input, conv_bn, normal_init
from leanpose.models.registry import Published, register

Init = Literal["normal", "default"]
Unit = Callable[[int], nn.Module]
"""Channels -> a residual unit that keeps them."""
Convolution = Callable[[int, int, int, type[nn.Module] | None], nn.Sequential]
"""Input channels, output channels, stride, activation -> a 3x3 convolution with BatchNorm."""

STEM_CHANNELS = 64


def basic_unit(channels: int) -> nn.Module:
    return BasicBlock(channels, channels)


def conv3x3(
    in_channels: int, out_channels: int, stride: int, activation: type[nn.Module] | None = nn.ReLU
) -> nn.Sequential:
    return conv_bn(in_channels, out_channels, 3, stride, activation=activation)


class Transition(nn.ModuleList):
    """Widths of one stage to those of the next, which has one more branch at half the lowest resolution."""

    def __init__(self, before: Sequence[int], after: Sequence[int], convolution: Convolution = conv3x3) -> None:
        kept = [
            nn.Identity() if old == new else convolution(old, new, 1, nn.ReLU)
            for old, new in zip(before, after, strict=False)
        ]
        super().__init__([*kept, nn.Sequential(convolution(before[-1], after[-1], 2, nn.ReLU))])

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return [layer(x) for layer, x in zip(self, [*xs, xs[-1]], strict=True)]


class Fusion(nn.ModuleList):
    """Every output resolution is the ReLU of the sum of all inputs, brought to its size and width (Fig. 3).

    A higher resolution comes down by strided 3x3 convolutions, one per halving, which keep its width until the last;
    a lower one goes up by a 1x1 convolution and nearest-neighbour enlargement.

    Args:
        widths: channels of the branches.
        outputs: how many resolutions to produce, from the highest.
        convolution: the 3x3 convolution of the way down.
    """

    def __init__(self, widths: Sequence[int], outputs: int, convolution: Convolution = conv3x3) -> None:
        def path(i: int, j: int) -> nn.Module:
            """From branch j to output i."""
            if j > i:
                return nn.Sequential(
                    *conv_bn(widths[j], widths[i], activation=None), nn.Upsample(scale_factor=2 ** (j - i))
                )
            halvings = [convolution(widths[j], widths[j], 2, nn.ReLU) for _ in range(i - j - 1)]
            return nn.Sequential(*halvings, convolution(widths[j], widths[i], 2, None)) if i > j else nn.Identity()

        super().__init__(nn.ModuleList(path(i, j) for j in range(len(widths))) for i in range(outputs))

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        fused = []
        for paths in self:
            terms = [path(x) for path, x in zip(paths, xs, strict=True)]  # type: ignore[arg-type]
            fused.append(sum(terms[1:], terms[0]).relu())
        return fused


class HighResolutionModule(nn.Module):
    """Residual units on each branch, then a fusion.

    Args:
        widths: channels of the branches.
        units: residual units per branch.
        unit: makes one of them.
        outputs: resolutions that the fusion produces.
    """

    def __init__(self, widths: Sequence[int], units: int, unit: Unit, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(unit(width) for _ in range(units))) for width in widths)
        self.fuse_layers = Fusion(widths, outputs)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return self.fuse_layers([branch(x) for branch, x in zip(self.branches, xs, strict=True)])


class HRNet(nn.Module):
    """High-resolution network (section 3).

    Args:
        num_joints: heatmaps J.
        width: channels C of the highest resolution.
        modules: modules in stages 2, 3 and 4.
        units: residual units per branch and module.
        bottlenecks: of stage 1.
        bottleneck_width: hidden channels of a bottleneck, a quarter of its output.
        unit: makes a residual unit of the branches for a number of channels.
        init: ``"normal"`` draws convolutions from N(0, 0.001) as published; ``"default"`` keeps PyTorch's.

    Input (B, 3, H, W) with H and W divisible by 32; output a list of one heatmap tensor (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = 32

    def __init__(
        self,
        num_joints: int,
        width: int = 32,
        modules: tuple[int, int, int] = (1, 4, 3),
        units: int = 4,
        bottlenecks: int = 4,
        bottleneck_width: int = 64,
        unit: Unit = basic_unit,
        init: Init = "normal",
    ) -> None:
        super().__init__()
        if init not in ("normal", "default"):
            raise ValueError(f"init={init!r}: use 'normal' or 'default'")
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.conv2 = nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = nn.ReLU(inplace=True)

        stage1_width = 4 * bottleneck_width
        self.layer1 = nn.Sequential(
            Bottleneck(STEM_CHANNELS, stage1_width),
            *(Bottleneck(stage1_width, stage1_width) for _ in range(bottlenecks - 1)),
        )
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.transition1 = Transition([stage1_width], widths[:2])
        self.stage2 = self._stage(widths[:2], modules[0], units, unit)
        self.transition2 = Transition(widths[:2], widths[:3])
        self.stage3 = self._stage(widths[:3], modules[1], units, unit)
        self.transition3 = Transition(widths[:3], widths)
        self.stage4 = self._stage(widths, modules[2], units, unit, last_outputs=1)
        self.final_layer = nn.Conv2d(width, num_joints, 1)
        if init == "normal":
            normal_init(self)

    @staticmethod
    def _stage(
        widths: Sequence[int], modules: int, units: int, unit: Unit, last_outputs: int | None = None
    ) -> nn.Sequential:
        outputs = [len(widths)] * (modules - 1) + [last_outputs or len(widths)]
        return nn.Sequential(*(HighResolutionModule(widths, units, unit, out) for out in outputs))

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        x = self.relu(self.bn1(self.conv1(x_BCHW)))
        x = self.relu(self.bn2(self.conv2(x)))
        xs = self.stage2(self.transition1([self.layer1(x)]))
        xs = self.stage3(self.transition2(xs))
        xs = self.stage4(self.transition3(xs))
        return [self.final_layer(xs[0])]


_SOURCE = "HRNet (CVPR 2019), Tables 1 and 2, and its repository"
_NOTE = "scores with flip test, from ImageNet weights"


@register(
    Published(_SOURCE, 28.5, 7.1, "hrnet", (256, 192), 17, {"COCO val AP": 74.4, "COCO val AR": 79.8}, _NOTE),
    Published(
        _SOURCE,
        28.5,
        9.5,
        "hrnet",
        scores={"MPII val PCKh@0.5": 90.3, "MPII val PCKh@0.1": 37.7},
        note=_NOTE,
    ),
    Published(_SOURCE, 28.5, 16.0, "hrnet", (384, 288), 17, {"COCO val AP": 75.8, "COCO val AR": 80.9}, _NOTE),
)
def hrnet_w32(num_joints: int, width: int = 32, **more: Any) -> HRNet:
    return HRNet(num_joints, width, **more)


@register(
    Published(_SOURCE, 63.6, 14.6, "hrnet", (256, 192), 17, {"COCO val AP": 75.1, "COCO val AR": 80.4}, _NOTE),
    Published(
        _SOURCE,
        63.6,
        32.9,
        "hrnet",
        (384, 288),
        17,
        {"COCO val AP": 76.3, "COCO val AR": 81.2, "COCO test-dev AP": 75.5},
        _NOTE,
    ),
)
def hrnet_w48(num_joints: int, width: int = 48, **more: Any) -> HRNet:
    return HRNet(num_joints, width, **more)


@register(
    Published(
        "Small HRNet-W16 in Lite-HRNet (CVPR 2021), quoted in EL-HRNet, Table 2",
        1.3,
        0.54,
        "torchstat",
        (256, 192),
        17,
        {"COCO val AP": 55.2, "COCO val AR": 62.1},
        "structure inferred: small v1 of the authors' segmentation code",
    )
)
def hrnet_w16(
    num_joints: int,
    width: int = 16,
    modules: tuple[int, int, int] = (1, 1, 1),
    units: int = 2,
    bottlenecks: int = 1,
    bottleneck_width: int = 32,
    **more: Any,
) -> HRNet:
    return HRNet(num_joints, width, modules, units, bottlenecks, bottleneck_width, **more)
