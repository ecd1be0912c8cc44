"""What the networks of two or more papers share.

Blocks keep the attribute names of the published code (``conv1``, ``downsample``, ``channel_add_conv``), so that
official checkpoints load by the same keys.
"""

import torch
from torch import Tensor, nn

from leanpose.core.errors import InputSizeError


def check_input(x_BCHW: Tensor, multiple: int) -> None:
    """Refuse a height or width that the network would silently crop or misalign.

    Raises:
        InputSizeError: when height or width is not a positive multiple of ``multiple``.
    """
    height, width = x_BCHW.shape[-2:]
    if height % multiple or width % multiple or not height or not width:
        raise InputSizeError(f"input {height}x{width} px: height and width must be multiples of {multiple}")


def conv_bn(
    in_channels: int,
    out_channels: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Convolution without bias, BatchNorm and, unless ``activation`` is ``None``, an activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def channel_shuffle(x_BCHW: Tensor, groups: int) -> Tensor:
    """Interleave ``groups`` equal groups of n channels (ShuffleNet): channel i * n + j moves to j * groups + i."""
    return x_BCHW.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_bn(in_channels, out_channels, stride=stride, activation=None)


class BasicBlock(nn.Module):
    """ResNet's block of two 3x3 convolutions (He et al., CVPR 2016): ``relu(x + F(x))``.

    Args:
        in_channels, out_channels: channels before and after.
        stride: of the first convolution. The shortcut is a 1x1 convolution where the shape changes.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x_BCHW)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + self.downsample(x_BCHW))


class Bottleneck(nn.Module):
    """ResNet's 1x1, 3x3, 1x1 block (He et al., CVPR 2016): ``relu(x + F(x))``.

    Args:
        in_channels, out_channels: channels before and after.
        stride: of the 3x3 convolution. The shortcut is a 1x1 convolution where the shape changes.
        expansion: ``out_channels`` over the channels of the 3x3 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, expansion: int = 4) -> None:
        super().__init__()
        hidden = out_channels // expansion
        self.conv1 = nn.Conv2d(in_channels, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x_BCHW)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.downsample(x_BCHW))


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation (Hu et al., CVPR 2018): ``x * sigmoid(W2 relu(W1 mean(x)))``, without biases.

    Args:
        channels: channels C of input and output.
        squeezed: channels between the two 1x1 convolutions.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * self.fc(x_BCHW.mean((2, 3), keepdim=True))


class GlobalContext(nn.Module):
    """Global context block (Cao et al., GCNet, 2019): adds one vector of C numbers to every place.

    The vector is the mean of the places weighted by a softmax over them, passed through 1x1, LayerNorm, ReLU, 1x1. The
    last convolution starts at zero, so that a fresh block is the identity.

    Args:
        channels: channels C of input and output.
        squeezed: channels between the two 1x1 convolutions.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conv_mask = nn.Conv2d(channels, 1, 1)
        last = nn.Conv2d(squeezed, channels, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]
        self.channel_add_conv = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1), nn.LayerNorm([squeezed, 1, 1]), nn.ReLU(inplace=True), last
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        weights_BP1 = torch.softmax(self.conv_mask(x_BCHW).flatten(2), dim=2).transpose(1, 2)  # P = H * W places
        context_BC11 = (x_BCHW.flatten(2) @ weights_BP1).unsqueeze(3)
        return x_BCHW + self.channel_add_conv(context_BC11)


def normal_init(network: nn.Module) -> None:
    """Draw the weights of every convolution from N(0, 0.001^2), biases at zero, as HRNet's published code does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
