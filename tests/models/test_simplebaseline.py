"""SimpleBaseline and its backbones against the printed sizes and hand-written units."""

import pytest
import torch

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.backbones import InvertedResidual, MobileNetV2, MobileNetV3Large, ResNet, ShuffleNetV2, ShuffleUnit
from leanpose.models.simplebaseline import SimpleBaseline

SMALL = ["mobilenetv2", "mobilenetv3", "shufflenetv2"]


@pytest.mark.parametrize(
    ("name", "params", "macs"), [("simplebaseline_r50", 34.0, 8.9), ("simplebaseline_r152", 68.6, 15.7)]
)
def test_resnet_sizes_by_the_counter_that_printed_them(name, params, macs, count):
    counted = count(create_model(name, 17), (256, 192))
    assert counted.params / 1e6 == pytest.approx(params, rel=0.01)
    assert counted.hrnet / 2**30 == pytest.approx(macs, rel=0.03)


@pytest.mark.parametrize(
    ("name", "params", "macs", "input_hw", "joints"),
    [
        ("simplebaseline_mobilenetv2", 9.6, 1.59, (256, 192), 17),
        ("simplebaseline_mobilenetv2", 9.6, 2.12, (256, 256), 16),
        ("simplebaseline_mobilenetv3", 8.7, 1.47, (256, 192), 17),
        ("simplebaseline_shufflenetv2", 7.6, 1.37, (256, 192), 17),
        ("simplebaseline_shufflenetv2", 7.6, 1.83, (256, 256), 16),
    ],
)
def test_small_sizes_within_three_percent(name, params, macs, input_hw, joints, count):
    counted = count(create_model(name, joints), input_hw)
    assert counted.params / 1e6 == pytest.approx(params, rel=0.01)
    assert counted.macs / 1e9 == pytest.approx(macs, rel=0.03)


@pytest.mark.parametrize(
    ("backbone", "published_m", "classifier_m"),
    [
        # parameters of the ImageNet classifiers as printed or widely quoted, and of the layers cut off here
        (ResNet((3, 4, 6, 3)), 25.6, 2.049),
        (MobileNetV2(), 3.5, 1.281),
        (ShuffleNetV2(), 2.3, 1.025),
    ],
)
def test_backbones_are_the_classifiers_without_their_last_layer(backbone, published_m, classifier_m):
    params = sum(p.numel() for p in backbone.parameters()) / 1e6
    assert params + classifier_m == pytest.approx(published_m, abs=0.05)


@pytest.mark.parametrize("backbone", [MobileNetV2(), MobileNetV3Large(), ShuffleNetV2(), ResNet((1, 1, 1, 1))])
def test_backbones_end_at_stride_32(backbone):
    assert tuple(backbone.eval()(torch.randn(2, 3, 64, 96)).shape) == (2, backbone.out_channels, 2, 3)


@pytest.mark.parametrize("backbone", [*SMALL, "resnet50"])
def test_heatmaps_at_a_quarter_and_gradients_everywhere(backbone):
    torch.manual_seed(0)
    net = SimpleBaseline(3, backbone)
    (heatmaps,) = net(torch.randn(2, 3, 64, 96))
    assert tuple(heatmaps.shape) == (2, 3, 16, 24)
    assert heatmaps.isfinite().all()
    (heatmaps * torch.randn_like(heatmaps)).sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_input_that_would_be_misaligned_is_refused():
    with pytest.raises(InputSizeError, match="multiples of 32"):
        SimpleBaseline(3, "shufflenetv2")(torch.randn(1, 3, 48, 64))


def test_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="backbone='vgg'"):
        SimpleBaseline(3, "vgg")  # pyright: ignore[reportArgumentType]


def test_head_starts_as_published():
    torch.manual_seed(0)
    net = SimpleBaseline(17, "shufflenetv2")
    for layer in net.deconv_layers[::3]:
        assert layer.weight.std().item() == pytest.approx(1e-3, rel=0.02)
    assert net.final_layer.weight.std().item() == pytest.approx(1e-3, rel=0.1)
    assert not net.final_layer.bias.any()  # pyright: ignore[reportOptionalMemberAccess]


def test_shuffle_unit_passes_half_of_the_channels_through_and_interleaves():
    torch.manual_seed(0)
    unit = ShuffleUnit(8, 8, stride=1).eval()
    x_BCHW = torch.randn(2, 8, 5, 5)
    y = unit(x_BCHW)
    worked = unit.branch(x_BCHW[:, 4:])
    for channel in range(4):
        torch.testing.assert_close(y[:, 2 * channel], x_BCHW[:, channel])
        torch.testing.assert_close(y[:, 2 * channel + 1], worked[:, channel])


def test_shuffle_unit_works_on_both_halves_where_it_strides():
    unit = ShuffleUnit(6, 10, stride=2).eval()
    x_BCHW = torch.randn(1, 6, 8, 8)
    y = unit(x_BCHW)
    torch.testing.assert_close(y[:, 0::2], unit.shortcut(x_BCHW))
    torch.testing.assert_close(y[:, 1::2], unit.branch(x_BCHW))


@pytest.mark.parametrize(("stride", "out_channels", "kept"), [(1, 4, True), (2, 4, False), (1, 6, False)])
def test_inverted_residual_has_a_shortcut_only_where_the_shape_stays(stride, out_channels, kept):
    block = InvertedResidual(4, 8, out_channels, 3, stride, torch.nn.ReLU6).eval()
    x_BCHW = torch.randn(1, 4, 6, 6)
    torch.testing.assert_close(block(x_BCHW), block.layers(x_BCHW) + (x_BCHW if kept else 0))
