"""Every family exported to ONNX computes the heatmaps that PyTorch does, with weights that leave nothing at rest."""

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from leanpose.export.onnx_file import write_onnx
from leanpose.models import create_model

# The smallest variant of each family, and what makes the deep ones shallow: the operations stay the same.
FAMILIES: dict[str, dict[str, Any]] = {
    "softgate_1x64": {},
    "softgate_1x64_hsa": {"where": "every"},
    "softgate_1x64_cbam": {"where": "every"},
    "softgate_1x64_gc": {"where": "every", "decoder": "lpn"},
    "hourglass_1": {},
    "cunet_2x64_g16": {},
    "hrnet_w16": {},
    "elhrnet_w32_la_r8": {"modules": (1, 1, 1), "units": 1},
    "litehrnet_18": {"modules": (1, 1, 1)},
    "litehrnet_wider_naive_18": {"modules": (1, 1, 1)},
    "lpn_50": {"depths": (1, 1, 1, 1)},
    "simplebaseline_r50": {},
    "simplebaseline_mobilenetv2": {},
    "simplebaseline_mobilenetv3": {},
    "simplebaseline_shufflenetv2": {},
    "sfm_basic72": {},
}
INPUT_HW = (64, 128)  # unequal, so that swapped axes show


class LastStage(nn.Module):
    """The answer of a network alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)[-1]


def randomise(network: nn.Module, images: Tensor) -> None:
    """Random weights, heads and gates included, and BatchNorm statistics near but not at those of ``images``."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.0)  # larger gains amplify rounding itself to the tolerance
            nn.init.normal_(module.bias, std=0.2)
        else:
            for parameter in module.parameters(recurse=False):  # gates, which start at zero
                nn.init.uniform_(parameter, -0.5, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean += 0.1 * torch.randn_like(module.running_mean)
                module.running_var *= 0.8 + 0.4 * torch.rand_like(module.running_var)


@pytest.mark.parametrize("name", FAMILIES)
def test_exported_heatmaps_equal_those_of_pytorch(name, tmp_path):
    torch.manual_seed(0)
    images = torch.randn(3, 3, *INPUT_HW)
    network = create_model(name, 5, **FAMILIES[name])
    randomise(network, images)
    network.eval()
    path = tmp_path / f"{name}.onnx"
    write_onnx(LastStage(network), INPUT_HW, path)  # pyright: ignore[reportArgumentType]
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (images, images[:1]):  # the example that the exporter saw had two images
        with torch.inference_mode():
            expected = network(batch)[-1].numpy()
        (actual,) = session.run(None, {"images": batch.numpy()})
        assert actual.shape == (len(batch), 5, INPUT_HW[0] // 4, INPUT_HW[1] // 4)
        peak = np.abs(expected).max()
        assert np.abs(actual - expected).max() < 1e-4 * peak
        assert expected.std(axis=(2, 3)).min() > 1e-3 * peak  # heatmaps, not constants, were compared
    with torch.inference_mode():
        first, second, _ = network(images)[-1]
    assert (first - second).abs().max() > 0.01 * first.abs().max()  # and they depend on the image
