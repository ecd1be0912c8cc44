"""Stacked hourglass networks (Newell, Yang, Deng, ECCV 2016, arXiv 1603.06937).

Published: the stem, the residual module (section 3.2, Fig. 4 left), the recursive hourglass of four halvings whose
branches are added (section 3.1, Fig. 3), features and heatmaps of each stack remapped by 1x1 convolutions and added
back (section 3.3, Fig. 4 right), width 256, eight stacks. One residual module stands at each place, as in the paper's
final design.

Inferred: nothing; that convolutions keep their biases and that shortcuts are projected without BatchNorm is how the
authors' code has it. The paper prints no size; later papers do.

Shape suffixes: B batch, C channels, H height, W width, J joints.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.models.layers import check_input
from leanpose.models.registry import Published, register

LEVELS = 4
STEM_CHANNELS = (64, 128)


class Residual(nn.Module):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1 with half the channels inside, plus the input (Fig. 4 left).

    Args:
        in_channels, out_channels: channels before and after; a 1x1 convolution on the shortcut where they differ.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        half, channels = out_channels // 2, in_channels
        for out, kernel in ((half, 1), (half, 3), (out_channels, 1)):
            layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, out, kernel, padding=kernel // 2)]
            channels = out
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.shortcut(x_BCHW) + self.layers(x_BCHW)


class Hourglass(nn.Module):
    """One hourglass (Fig. 3): a branch at this resolution plus the same thing at half of it.

    Args:
        width: channels at every resolution.
        levels: halvings below this one.
    """

    def __init__(self, width: int, levels: int = LEVELS) -> None:
        super().__init__()
        self.branch = Residual(width, width)
        self.low = nn.Sequential(
            nn.MaxPool2d(2),
            Residual(width, width),
            Hourglass(width, levels - 1) if levels > 1 else Residual(width, width),
            Residual(width, width),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.branch(x_BCHW) + F.interpolate(self.low(x_BCHW), scale_factor=2, mode="nearest")


class StackedHourglass(nn.Module):
    """Hourglasses end to end, each with its own supervised heatmaps.

    Args:
        num_joints: heatmaps J per stack.
        stacks: hourglasses.
        width: channels at every resolution, even.

    Input (B, 3, H, W) with H and W divisible by 64; output a list of ``stacks`` heatmaps (B, J, H/4, W/4).
    """

    stride = 4
    input_multiple = stride * 2**LEVELS

    def __init__(self, num_joints: int, stacks: int = 8, width: int = 256) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width={width}: the residual module halves it, use an even number")
        narrow, middle = STEM_CHANNELS
        self.stem = nn.Sequential(
            nn.Conv2d(3, narrow, 7, stride=2, padding=3),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            Residual(narrow, middle),
            nn.MaxPool2d(2),
            Residual(middle, middle),
            Residual(middle, width),
        )
        self.hourglasses = nn.ModuleList(
            nn.Sequential(
                Hourglass(width),
                Residual(width, width),
                nn.Conv2d(width, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
            for _ in range(stacks)
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, num_joints, 1) for _ in range(stacks))
        self.feature_links = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.heatmap_links = nn.ModuleList(nn.Conv2d(num_joints, width, 1) for _ in range(stacks - 1))

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        x = self.stem(x_BCHW)
        heatmaps: list[Tensor] = []
        for i, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            heatmaps.append(self.heads[i](features))
            if i < len(self.feature_links):
                x = x + self.feature_links[i](features) + self.heatmap_links[i](heatmaps[i])
        return heatmaps


@register()
def hourglass_1(num_joints: int, stacks: int = 1, **more: Any) -> StackedHourglass:
    return StackedHourglass(num_joints, stacks, **more)


@register()
def hourglass_2(num_joints: int, stacks: int = 2, **more: Any) -> StackedHourglass:
    return StackedHourglass(num_joints, stacks, **more)


@register()
def hourglass_4(num_joints: int, stacks: int = 4, **more: Any) -> StackedHourglass:
    return StackedHourglass(num_joints, stacks, **more)


@register(
    Published(
        "as quoted in FG 2020, section IV-B and Table VII", 25.5, 28.4, "pthflops",
        scores={"MPII test PCKh@0.5": 90.9}, note="section IV-B prints 40 G as well",
    ),
    Published(
        "as quoted in EL-HRNet (Sensors 2024), Table 4", 25.1, 19.1, scores={"MPII val PCKh@0.5": 87.5},
        note="the build behind these figures is not known; eight stacks as published take 44 % more operations",
    ),
)  # fmt: skip
def hourglass_8(num_joints: int, stacks: int = 8, **more: Any) -> StackedHourglass:
    return StackedHourglass(num_joints, stacks, **more)
