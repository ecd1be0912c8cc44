"""Shares of layers: kinds and multiply-adds of every operation by hand, on both engines."""

from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from leanpose.benchmark.layer_times import Layer, layer_times, shares
from leanpose.cli import app
from leanpose.core.errors import EngineError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.ReLU(),
        nn.Conv2d(32, 16, 1), nn.MaxPool2d(2),
        nn.ConvTranspose2d(16, 16, 4, 2, 1), nn.Softmax(3),
    ).eval()  # fmt: skip
    path = tmp_path_factory.mktemp("layers") / "m.onnx"
    torch.onnx.export(
        network, (torch.zeros(2, 3, 16, 32),), path, input_names=["images"], dynamo=True, external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_kinds_and_multiply_adds(model: Path, engine: str) -> None:
    pytest.importorskip(engine)
    layers = layer_times(model, (16, 32), engine, "f32", runs=2)
    counted = {layer.kind: layer.macs for layer in layers if layer.macs}
    assert counted == {
        "convolution 3x3": 3 * 32 * 9 * 8 * 16,
        "depthwise convolution 3x3": 32 * 9 * 8 * 16,
        "convolution 1x1": 32 * 16 * 8 * 16,
        "transposed convolution 4x4": 16 * 16 * 16 * 4 * 8,
    }
    assert {"pooling", "softmax"} <= {layer.kind for layer in layers}
    assert all(layer.seconds >= 0 for layer in layers)
    assert any(layer.seconds > 0 for layer in layers)


def test_shares_are_of_the_sums() -> None:
    found = shares([Layer("a", 30, 1.0), Layer("b", 10, 5.0), Layer("a", 60, 2.0), Layer("c", 0, 2.0)])
    assert [(share.kind, share.layers, share.macs, share.time) for share in found] == [
        ("b", 1, 0.1, 0.5), ("a", 2, 0.9, pytest.approx(0.3)), ("c", 1, 0.0, 0.2),
    ]  # fmt: skip


def test_bad_requests_are_refused(model: Path) -> None:
    with pytest.raises(EngineError, match="unknown engine 'tensorrt'"):
        layer_times(model, (16, 32), "tensorrt")
    with pytest.raises(EngineError, match="0 runs"):
        layer_times(model, (16, 32), runs=0)


def test_the_command_shows_both_shares() -> None:
    result = CliRunner().invoke(
        app, ["complexity", "softgate_1x64", "--input", "64x64", "--profile", "onnxruntime"], env={"COLUMNS": "120"}
    )
    assert result.exit_code == 0, result.output
    assert "softgate_1x64, 64x64, onnxruntime" in result.output
    assert "transposed" in result.output
    assert "% of time" in result.output
