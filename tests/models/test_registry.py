"""What every network in the registry must do, whatever paper it comes from."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leanpose.core.errors import InputSizeError, ModelError
from leanpose.models import REGISTRY, create_model
from leanpose.models.registry import PUBLISHED_ONLY, register

LARGE = {
    "cunet_8x128_g32", "elhrnet_w32_la_r16", "hourglass_4", "hourglass_8", "hrnet_w32", "hrnet_w48", "litehrnet_30",
    "lpn_101", "lpn_152", "simplebaseline_r152", "softgate_4x144", "softgate_4x256",
}  # fmt: skip
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in REGISTRY]
UNSEEN = "conv_mask.bias"  # a softmax over places does not see what is added to all of them
JOINTS, HEIGHT, WIDTH = 3, 64, 128


class Run:
    """A network with nothing left at rest, its heatmaps for three images and its gradients."""

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        self.name = name
        self.network: Any = create_model(name, JOINTS)
        for module in list(self.network.modules()):
            for child_name, child in module.named_children():
                if isinstance(child, nn.ReLU):  # so that no narrow layer sleeps by the chance of its weights
                    setattr(module, child_name, nn.LeakyReLU(0.1))
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # its statistics become those of the images below
            for parameter in module.parameters(recurse=False):
                if parameter.ndim == 1 or not parameter.any():  # biases and norms, gates that start at zero
                    nn.init.uniform_(parameter, 0.2, 0.8)
        self.images = torch.randn(3, 3, HEIGHT, WIDTH)
        with torch.no_grad():
            self.network.train()(self.images)
        self.network.eval()
        self.heatmaps: list[Tensor] = self.network(self.images)
        torch.stack([(h * torch.randn_like(h)).sum() for h in self.heatmaps]).sum().backward()


@pytest.fixture(scope="module", params=NAMES)
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.param)


def test_each_stage_gives_finite_heatmaps_of_the_stated_stride(run: Run) -> None:
    stride = run.network.stride
    for heatmaps in run.heatmaps:
        assert tuple(heatmaps.shape) == (3, JOINTS, HEIGHT // stride, WIDTH // stride)
        assert heatmaps.isfinite().all()
        assert heatmaps.std() > 0


def test_names_say_how_many_stages_are_supervised(run: Run) -> None:
    match = re.match(r"(?:softgate|cunet|hourglass)_(\d)", run.name)
    stages = int(match[1]) if match else 2 if run.name.startswith("sfm") else 1
    assert len(run.heatmaps) == stages


def test_every_parameter_gets_a_gradient(run: Run) -> None:
    for name, parameter in run.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or name.endswith(UNSEEN), name


def test_images_of_a_batch_do_not_mix(run: Run) -> None:
    with torch.inference_mode():
        alone = run.network(run.images[1:2])
    for one, three in zip(alone, run.heatmaps, strict=True):
        scale = three.abs().max().item()
        torch.testing.assert_close(one, three[1:2].detach(), rtol=1e-3, atol=1e-4 * scale)


def on_meta(name: str, num_joints: int) -> Any:
    """The network without numbers: shapes only."""
    with torch.device("meta"):
        return create_model(name, num_joints).eval()


@pytest.mark.parametrize("name", REGISTRY)
def test_sizes_are_those_of_the_stated_multiple(name: str) -> None:
    network = on_meta(name, 2)
    multiple = network.input_multiple
    for published in REGISTRY[name].published:
        assert not any(side % multiple for side in published.input_hw)
    for height, width in ((multiple + multiple // 2, multiple), (multiple, multiple + 1), (0, multiple)):
        with pytest.raises(InputSizeError, match=f"{height}x{width}.*{multiple}"):
            network(torch.empty(1, 3, height, width, device="meta"))


ONE_PER_FAMILY = {variant.build.__module__: name for name, variant in reversed(REGISTRY.items())}.values()


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_one_joint_and_one_image_of_the_smallest_size(name: str) -> None:
    network = on_meta(name, 1)
    side, stride = network.input_multiple, network.stride
    for heatmaps in network(torch.empty(1, 3, side, side, device="meta")):
        assert tuple(heatmaps.shape) == (1, 1, side // stride, side // stride)


def test_overrides_replace_what_the_variant_sets() -> None:
    assert create_model("softgate_1x68", 2, width=8).state_dict()["heads.0.weight"].shape == (2, 8, 1, 1)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="softgate_1x68"):
        create_model("softgate", 3)


def test_a_name_is_given_once() -> None:
    def lpn_50(num_joints: int) -> nn.Module:
        return nn.Identity()

    with pytest.raises(ValueError, match="two variants are called lpn_50"):
        register()(lpn_50)
    assert REGISTRY["lpn_50"].build is not lpn_50


def test_what_papers_print_is_well_formed() -> None:
    every = [(name, printed) for name, variant in REGISTRY.items() for printed in variant.published]
    for name, printed in [*every, *PUBLISHED_ONLY.items()]:
        assert printed.source, name
        for score, value in printed.scores.items():
            assert re.fullmatch(r"(COCO|MPII|LSP) (val|test|test-dev) (AP|AP50|AR|PCKh?@0\.\d)", score), (name, score)
            assert 10 < value < 100
