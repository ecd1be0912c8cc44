"""Small networks in the forms that files come in."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _save(path: Path, nodes, constants, element=TensorProto.FLOAT, hw=(8, 8)) -> Path:
    shape = ["batch", 3, *hw]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("images", element, shape)],
        [helper.make_tensor_value_info("heatmaps", element, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def doubling(path: Path, hw=(8, 8)) -> Path:
    """Twice the input; in all sizes with ``hw=("height", "width")``."""
    two = np.array(2, np.float32)
    return _save(path, [helper.make_node("Mul", ["images", "two"], ["heatmaps"])], {"two": two}, hw=hw)


def half_weights(path: Path) -> Path:
    """Times 0.1, kept as a half and widened in the graph."""
    nodes = [
        helper.make_node("Cast", ["tenth"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["images", "wide"], ["heatmaps"]),
    ]
    return _save(path, nodes, {"tenth": np.array(0.1, np.float16)})


def halves(path: Path) -> Path:
    """Times 0.1, all in halves, input and output too."""
    nodes = [helper.make_node("Mul", ["images", "tenth"], ["heatmaps"])]
    return _save(path, nodes, {"tenth": np.array(0.1, np.float16)}, TensorProto.FLOAT16)


def quantized(path: Path) -> Path:
    """Rounds to quarters from -32 to 31.75."""
    nodes = [
        helper.make_node("QuantizeLinear", ["images", "scale", "zero"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["rounded", "scale", "zero"], ["heatmaps"]),
    ]
    return _save(path, nodes, {"scale": np.array(0.25, np.float32), "zero": np.array(0, np.int8)})


def convolution(path: Path, hw=(8, 8)) -> Path:
    """A 3x3 convolution of 3 channels whose sums are long enough to come out differently in another order."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["images", "in"], ["wide"], pads=[1] * 4),
        helper.make_node("Tanh", ["wide"], ["bent"]),
        helper.make_node("Conv", ["bent", "out"], ["heatmaps"], pads=[1] * 4),
    ]
    weights = {"in": rng.normal(size=(64, 3, 3, 3)), "out": rng.normal(size=(3, 64, 3, 3))}
    return _save(path, nodes, {name: w.astype(np.float32) for name, w in weights.items()}, hw=hw)


def frozen_graph(
    path: Path,
    inputs: Mapping[str, tuple[int, ...]],
    nodes: Mapping[str, tuple[str, ...]],
    constants: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """A graph of TensorFlow in float32, written byte by byte as its protocol buffers have it.

    Args:
        inputs: shapes by name.
        nodes: by name the operation and what goes in; all of one type.
        constants: float32 or int32, by name.
    """
    float32 = _field(6, 1)
    graph = b""
    for name, shape in inputs.items():
        attributes = {"dtype": float32, "shape": _field(7, _tensor_shape(shape))}
        graph += _field(1, _node(name, "Placeholder", (), attributes))
    for name, value in (constants or {}).items():
        kind = {"float32": 1, "int32": 3}[value.dtype.name]
        tensor = _field(1, kind) + _field(2, _tensor_shape(value.shape)) + _field(4, value.tobytes())
        graph += _field(1, _node(name, "Const", (), {"dtype": _field(6, kind), "value": _field(8, tensor)}))
    for name, (kind, *given) in nodes.items():
        graph += _field(1, _node(name, kind, given, {"T": float32}))
    path.write_bytes(graph)
    return path


def _node(name: str, kind: str, inputs: Sequence[str], attributes: Mapping[str, bytes]) -> bytes:
    entries = [_field(1, key.encode()) + _field(2, value) for key, value in attributes.items()]
    parts = [(1, name.encode()), (2, kind.encode()), *((3, i.encode()) for i in inputs), *((5, e) for e in entries)]
    return b"".join(_field(number, content) for number, content in parts)


def _tensor_shape(shape: Sequence[int]) -> bytes:
    return b"".join(_field(2, _field(1, side)) for side in shape)


def _field(number: int, content: int | bytes) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
