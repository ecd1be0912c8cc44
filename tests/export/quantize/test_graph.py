"""What is found in a graph drawn by hand, and that preparing it changes no answer."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, helper, numpy_helper

from leanpose.core.errors import ExportError, ModelError
from leanpose.export.quantize.graph import NO_BIAS, find_layers, heads, load, prepare, stem, weight_expressions


@pytest.fixture
def branched(network_of) -> ModelProto:
    """One stem, two branches, one of which ends in a head; the other one's head is a sum of two convolutions.

    The weights of one branch are cut out of a larger tensor and scaled, in the graph.
    """
    rng = np.random.default_rng(0)
    weights: dict[str, Any] = {
        "net.stem.weight": rng.normal(size=(4, 3, 4, 4)),
        "net.left.weight": rng.normal(size=(4, 4, 3, 3)),
        "net.both.weight": rng.normal(size=(8, 4, 1, 1)),
        "net.scale": rng.normal(size=(4, 1, 1, 1)),
        "net.head.0.weight": rng.normal(size=(3, 4, 1, 1)),
        "net.head.1.weight": rng.normal(size=(3, 4, 1, 1)),
        "net.head.1.bias": rng.normal(size=3),
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    weights |= {"from": np.array([4]), "to": np.array([8]), "axis": np.array([0])}
    nodes = [
        helper.make_node("Slice", ["net.both.weight", "from", "to", "axis"], ["cut"]),
        helper.make_node("Mul", ["cut", "net.scale"], ["right.weight"]),
        helper.make_node("Conv", ["images", "net.stem.weight"], ["a"], "stem", strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "net.left.weight"], ["left"], "left", pads=[1] * 4),
        helper.make_node("Conv", ["b", "right.weight"], ["right"], "right"),
        helper.make_node("Conv", ["left", "net.head.0.weight"], ["h0"], "head0"),
        helper.make_node("Conv", ["right", "net.head.1.weight", "net.head.1.bias"], ["h1"], "head1"),
        helper.make_node("Add", ["h0", "h1"], ["heatmaps"]),
    ]
    return network_of(nodes, weights)


def answers(model: ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).normal(size=(2, 3, 96, 64)).astype(np.float32)
    return np.asarray(session.run(None, {"images": images})[0])


def test_stem_and_heads(branched: ModelProto) -> None:
    assert stem(branched) == ["stem"]
    assert heads(branched) == ["head0", "head1"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], []),
        (["heads", "stem"], ["head0", "head1", "stem"]),
        (["left"], ["left"]),
        (["net.head"], ["head0", "head1"]),
        (["net.head.1.", "heads"], ["head1", "head0"]),
        (["net.left.weight"], ["left"]),
    ],
)
def test_layers_by_name(branched: ModelProto, words: list[str], found: list[str]) -> None:
    assert find_layers(branched, words) == found


@pytest.mark.parametrize("word", ["net.hea", "Relu", "", "body"])
def test_a_name_of_nothing(branched: ModelProto, word: str) -> None:
    with pytest.raises(ExportError, match="no such convolution"):
        find_layers(branched, ["heads", word])


def test_what_weights_are_computed_from(branched: ModelProto) -> None:
    sources, numbers = weight_expressions(branched)
    assert numbers == [0, 1]
    assert sources == {
        "net.stem.weight", "net.left.weight", "net.both.weight", "net.scale", "net.head.0.weight", "net.head.1.weight",
        "from", "to", "axis",
    }  # fmt: skip


def test_preparing_changes_no_answer(branched: ModelProto) -> None:
    before = answers(branched)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in branched.graph.initializer}
    prepare(branched)
    np.testing.assert_allclose(answers(branched), before, rtol=1e-4, atol=1e-4)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in branched.graph.initializer}
    assert "net.both.weight" not in tensors
    np.testing.assert_array_equal(tensors["right.weight"], stored["net.both.weight"][4:] * stored["net.scale"])
    for node in branched.graph.node:
        assert node.name
        if node.op_type == "Conv":
            bias = tensors[node.input[2]]
            expected = stored["net.head.1.bias"] if node.name == "head1" else np.float32(NO_BIAS)
            np.testing.assert_array_equal(bias, np.broadcast_to(expected, len(tensors[node.input[1]])))


def test_a_damaged_file(tmp_path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\xff" * 50)
    with pytest.raises(ModelError, match=r"m\.onnx is damaged"):
        load(tmp_path / "m.onnx")
