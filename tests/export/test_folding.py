"""Folding: the rewritten graph computes what the network computes, has less to do, and keeps the weights."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional as F

from leanpose.export.folding import TRANSPOSED_TAPS, fold
from leanpose.export.onnx_file import write_onnx
from leanpose.models import create_model

from ..models.test_onnx import LastStage, randomise

Nodes = Sequence[onnx.NodeProto]
INPUT_HW = (64, 128)


def _run(path: Path, images: np.ndarray) -> np.ndarray:
    """The graph as it stands, with nothing changed by the engine."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


def test_taps_are_those_of_a_convolution_of_an_enlarged_line() -> None:
    rng = np.random.default_rng(0)
    line, kernel = rng.normal(size=7), rng.normal(size=3)
    enlarged = np.concatenate(([0], line.repeat(2), [0]))
    by_hand = [sum(kernel[k] * enlarged[i + k] for k in range(3)) for i in range(14)]
    transposed = np.zeros(16)
    for i, value in enumerate(line):
        for p, tap in enumerate(TRANSPOSED_TAPS @ kernel):
            transposed[2 * i + p - 1 + 1] += value * tap
    assert transposed[1:-1] == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("name", "options", "rewrites"),
    [
        ("softgate_2x64", {}, (4, 1, 0)),
        ("softgate_1x64", {"width": 16, "gate": 0.5, "skip": "identity"}, (2, 0, 0)),
        ("softgate_1x64", {"width": 16, "gate": "scalar", "skip": "conv1"}, (2, 0, 0)),
        ("softgate_1x64", {"width": 16, "merge": "concat_grouped"}, (0, 0, 0)),
        ("softgate_1x128_fast", {"width": 32}, (2, 0, 0)),
        ("softgate_1x64_cbam", {"width": 32, "where": "every"}, (2, 0, 0)),
        ("softgate_1x64_deconv", {"width": 32}, (0, 0, 4)),
        ("hourglass_2", {"width": 16}, (0, 1, 0)),
        ("lpn_50", {"depths": (1, 1, 1, 1)}, (0, 0, 2)),
    ],
)  # fmt: skip
def test_folded_heatmaps_equal_those_of_pytorch(
    name: str, options: dict, rewrites: tuple[int, int, int], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    images = torch.randn(3, 3, *INPUT_HW)
    network = create_model(name, 5, **options)
    randomise(network, images)
    plain, folded = tmp_path / "plain.onnx", tmp_path / "folded.onnx"
    write_onnx(LastStage(network.eval()), INPUT_HW, plain, folded=False)  # pyright: ignore[reportArgumentType]
    folded.write_bytes(plain.read_bytes())
    decoders, links, transposed = rewrites
    assert fold(folded) == {"split_decoders": decoders, "merge_links": links, "split_transposed": transposed}
    before, after = onnx.load(plain).graph, onnx.load(folded).graph
    onnx.checker.check_model(onnx.load(folded), full_check=True)
    with torch.inference_mode():
        expected = network(images)[-1].numpy()
    peak = np.abs(expected).max()
    assert expected.std(axis=(2, 3)).min() > 1e-3 * peak
    assert np.abs(_run(folded, images.numpy()) - expected).max() < 1e-4 * peak
    assert _run(folded, images[:1].numpy()).shape == (1, *expected.shape[1:])
    # every weight is there as it was
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in after.initializer}
    for tensor in before.initializer:
        if tensor.name.startswith("network."):
            assert np.array_equal(kept[tensor.name], numpy_helper.to_array(tensor))
    # and what the rewrites are there to take away is gone
    operations = [Counter(node.op_type for node in graph.node) for graph in (before, after)]
    assert operations[1]["Concat"] == operations[0]["Concat"] - decoders // 2 + transposed
    assert (_multiply_adds(after) < _multiply_adds(before)) == (decoders + links > 0)


def _multiply_adds(graph: onnx.GraphProto) -> int:
    """Of the convolutions, for one image."""
    inferred = onnx.shape_inference.infer_shapes(helper.make_model(graph), data_prop=True).graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
    } | {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    total = 0
    for node in inferred.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            places = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]][2:]
            total += int(np.prod(shapes[node.input[1]]) * np.prod(places))
    return total


# What the rewrites must leave alone, on a small decoder that is right for them but for one thing.


def _decoder(
    path: Path, side: int = 3, group: int = 1, also: str = "zero", hw: tuple[int, int] = (16, 18), **resizing: str
) -> Path:
    """``Conv(Relu(BatchNormalization(Concat(Resize(c), s))))`` with ``c`` and ``s`` made of the input."""
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    rng = np.random.default_rng(0)
    weights = {
        "gain": rng.uniform(0.5, 1.5, 4), "shift": rng.normal(size=4), "mean": rng.normal(size=4),
        "variance": rng.uniform(0.5, 1.5, 4), "weight": rng.normal(size=(4, 4 // group, side, side)),
        "bias": rng.normal(size=4), "zero": np.zeros((1, 4, 1, 1)), "scales": np.array([1, 1, 2, 2]),
    }  # fmt: skip
    nodes = [
        helper.make_node("AveragePool", ["images"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["c", "", "scales"], ["up"], **(nearest | resizing)),
        helper.make_node("Concat", ["up", "images"], ["cat"], axis=1),
        helper.make_node("BatchNormalization", ["cat", "gain", "shift", "mean", "variance"], ["norm"], epsilon=1e-3),
        helper.make_node("Relu", ["norm"], ["active"]),
        helper.make_node(
            "Conv", ["active", "weight", "bias"], ["made"], kernel_shape=[side, side], pads=[side // 2] * 4,
            strides=[1, 1], dilations=[1, 1], group=group,
        ),
        helper.make_node("Add", ["made", also], ["answer"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 2, *hw])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["batch", 4, *hw])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


@pytest.mark.parametrize("side", [1, 3])
def test_a_decoder_with_a_bias(side: int, tmp_path: Path) -> None:
    path = _decoder(tmp_path / "m.onnx", side=side)
    images = np.random.default_rng(1).normal(size=(2, 2, 16, 18)).astype(np.float32)
    expected = _run(path, images)
    assert fold(path)["split_decoders"] == 1
    assert _run(path, images) == pytest.approx(expected, abs=1e-5)
    assert "Concat" not in {node.op_type for node in onnx.load(path).graph.node}
    # by PyTorch, from the weights in the file
    weights = {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in onnx.load(path).graph.initializer}
    x = torch.from_numpy(images)
    joined = torch.cat((F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0, mode="nearest"), x), 1)
    mean, variance, gain, shift = (weights[name] for name in ("mean", "variance", "gain", "shift"))
    active = F.relu(F.batch_norm(joined, mean, variance, gain, shift, eps=1e-3))
    by_torch = F.conv2d(active, weights["weight"], weights["bias"], padding=side // 2)
    assert expected == pytest.approx(by_torch.numpy(), abs=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "linear"},
        {"coordinate_transformation_mode": "half_pixel"},
        {"side": 5},
        {"hw": (16, 16)},  # too small to gain
        {"group": 2},
        {"also": "active"},  # the ReLU has another consumer
        {"also": "norm"},
        {"also": "cat"},
    ],
)
def test_what_is_not_such_a_decoder_stays(changes: dict, tmp_path: Path) -> None:
    path = _decoder(tmp_path / "m.onnx", **changes)
    before = path.read_bytes()
    assert fold(path) == {"split_decoders": 0, "merge_links": 0, "split_transposed": 0}
    assert path.read_bytes() == before
