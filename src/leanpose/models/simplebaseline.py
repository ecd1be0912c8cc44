"""Simple Baselines for Human Pose Estimation and Tracking (Xiao, Wu, Wei, ECCV 2018, arXiv 1804.06208).

Published: a classification backbone of stride 32, three transposed convolutions (256 channels, 4x4, stride 2, each
with BatchNorm and ReLU), and a 1x1 convolution to the heatmaps (section 2, Fig. 1c). The same head on MobileNetV2,
MobileNetV3 and ShuffleNetV2 is what later papers' tables call SimpleBaseline with those backbones.

Inferred: the MobileNetV3 layout, chosen among the known ones because it alone gives the printed counts (see
``backbones.py``). The paper starts from ImageNet weights; these networks start from scratch.
"""

from typing import Literal

from torch import Tensor, nn

from leanpose.models.backbones import RESNET_DEPTHS, MobileNetV2, MobileNetV3Large, ResNet, ShuffleNetV2
from leanpose.models.layers import check_input
from leanpose.models.registry import Published, register

Backbone = Literal["resnet50", "resnet101", "resnet152", "mobilenetv2", "mobilenetv3", "shufflenetv2"]

DECONV_CHANNELS = 256
DECONV_LAYERS = 3


def _backbone(name: str) -> ResNet | MobileNetV2 | MobileNetV3Large | ShuffleNetV2:
    match name:
        case "resnet50" | "resnet101" | "resnet152":
            return ResNet(RESNET_DEPTHS[int(name.removeprefix("resnet"))])
        case "mobilenetv2":
            return MobileNetV2()
        case "mobilenetv3":
            return MobileNetV3Large()
        case "shufflenetv2":
            return ShuffleNetV2()
    raise ValueError(f"backbone={name!r}: use one of {', '.join(Backbone.__args__)}")


class SimpleBaseline(nn.Module):
    """A backbone, three transposed convolutions, a 1x1 convolution.

    Args:
        num_joints: heatmaps J.
        backbone: the network below the head.

    Input (B, 3, H, W) with H and W divisible by 32; output a list of one heatmap tensor (B, J, H/4, W/4).
    The head starts at N(0, 0.001) with zero bias, as the paper's code; the backbone's convolutions at He's normal.
    """

    stride = 4
    input_multiple = 32

    def __init__(self, num_joints: int, backbone: Backbone = "resnet50") -> None:
        super().__init__()
        self.backbone = _backbone(backbone)
        layers: list[nn.Module] = []
        channels = self.backbone.out_channels
        for _ in range(DECONV_LAYERS):
            layers += [
                nn.ConvTranspose2d(channels, DECONV_CHANNELS, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(DECONV_CHANNELS),
                nn.ReLU(inplace=True),
            ]
            channels = DECONV_CHANNELS
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(channels, num_joints, 1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.backbone.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.deconv_layers:
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.001)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        if self.final_layer.bias is not None:
            nn.init.zeros_(self.final_layer.bias)

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        check_input(x_BCHW, self.input_multiple)
        return [self.final_layer(self.deconv_layers(self.backbone(x_BCHW)))]


_RESNET_NOTE = "the printed count takes transposed convolutions by output area: four times their multiply-adds"
_QUOTED_NOTE = "as quoted in EL-HRNet's tables; the printed count seems to include BatchNorm and ReLU (1-3 %)"
_EL_COCO = "EL-HRNet (Sensors 2024), Tables 2 and 3"
_EL_MPII = "EL-HRNet (Sensors 2024), Table 4"


@register(
    Published(
        "HRNet (CVPR 2019), Table 1, and its repository",
        34.0,
        8.9,
        "hrnet",
        (256, 192),
        17,
        {"COCO val AP": 70.4, "COCO test-dev AP": 70.0, "MPII val PCKh@0.5": 88.5, "MPII val PCKh@0.1": 34.0},
        _RESNET_NOTE,
    )
)
def simplebaseline_r50(num_joints: int, backbone: Backbone = "resnet50") -> SimpleBaseline:
    return SimpleBaseline(num_joints, backbone)


@register(
    Published(
        "HRNet (CVPR 2019), Table 1, and its repository",
        68.6,
        15.7,
        "hrnet",
        (256, 192),
        17,
        {"COCO val AP": 72.0, "MPII val PCKh@0.5": 89.6, "MPII val PCKh@0.1": 35.0},
        _RESNET_NOTE,
    )
)
def simplebaseline_r152(num_joints: int, backbone: Backbone = "resnet152") -> SimpleBaseline:
    return SimpleBaseline(num_joints, backbone)


@register(
    Published(
        _EL_COCO, 9.6, 1.59, "macs", (256, 192), 17, {"COCO val AP": 64.6, "COCO test-dev AP": 64.1}, _QUOTED_NOTE
    ),
    Published(_EL_MPII, 9.6, 2.12, scores={"MPII val PCKh@0.5": 85.4}, note=_QUOTED_NOTE),
)
def simplebaseline_mobilenetv2(num_joints: int, backbone: Backbone = "mobilenetv2") -> SimpleBaseline:
    return SimpleBaseline(num_joints, backbone)


@register(
    Published(_EL_COCO, 8.7, 1.47, "macs", (256, 192), 17, {"COCO val AP": 65.9}, _QUOTED_NOTE),
)
def simplebaseline_mobilenetv3(num_joints: int, backbone: Backbone = "mobilenetv3") -> SimpleBaseline:
    return SimpleBaseline(num_joints, backbone)


@register(
    Published(
        _EL_COCO, 7.6, 1.37, "macs", (256, 192), 17, {"COCO val AP": 59.9, "COCO test-dev AP": 59.5}, _QUOTED_NOTE
    ),
    Published(_EL_MPII, 7.6, 1.83, scores={"MPII val PCKh@0.5": 82.8}, note=_QUOTED_NOTE),
)
def simplebaseline_shufflenetv2(num_joints: int, backbone: Backbone = "shufflenetv2") -> SimpleBaseline:
    return SimpleBaseline(num_joints, backbone)
