"""Half precision: the very rounding of NumPy, and nothing else."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from leanpose.core.errors import ExportError
from leanpose.engines import create_engine
from leanpose.engines.card import ModelCard
from leanpose.export.quantize.graph import load
from leanpose.export.quantize.half import halve_weights
from leanpose.export.quantize.parity import check_same, coarse_noise


def network(network_of, scale: float = 1.0):
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["images", "w", "b"], ["a"], strides=[4, 4]),
        helper.make_node("Mul", ["head", "alpha"], ["scaled"]),
        helper.make_node("Mul", ["a", "gain"], ["c"]),
        helper.make_node("Conv", ["c", "scaled"], ["heatmaps"]),
    ]
    weights = {
        "w": scale * rng.normal(size=(8, 3, 4, 4)),
        "b": rng.normal(size=8),
        "gain": rng.normal(size=(1, 8, 1, 1)),
        "head": rng.normal(size=(3, 8, 1, 1)),
        "alpha": rng.normal(size=(3, 1, 1, 1)),
    }
    return network_of(nodes, {name: value.astype(np.float32) for name, value in weights.items()}), weights


def test_weights_are_numpys_halves_and_the_rest_is_untouched(network_of) -> None:
    model, weights = network(network_of)
    assert halve_weights(model) == 3
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert set(stored) == {"w_f16", "head_f16", "alpha_f16", "b", "gain"}
    for name in ("w", "head", "alpha"):
        assert stored[f"{name}_f16"].dtype == np.float16
        np.testing.assert_array_equal(stored[f"{name}_f16"], weights[name].astype(np.float32).astype(np.float16))
    for name in ("b", "gain"):
        np.testing.assert_array_equal(stored[name], weights[name].astype(np.float32))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_both_engines_compute_on_the_rounded_weights(tmp_path, network_of, engine: str) -> None:
    pytest.importorskip(engine)
    model, weights = network(network_of)
    halve_weights(model)
    path = tmp_path / "half.onnx"
    path.write_bytes(model.SerializeToString())
    images = np.random.default_rng(1).normal(size=(2, 3, 96, 64)).astype(np.float32)
    half = {n: weights[n].astype(np.float32).astype(np.float16).astype(float) for n in ("w", "head", "alpha")}
    windows = images.reshape(2, 3, 24, 4, 16, 4).transpose(0, 2, 4, 1, 3, 5)  # stride is the kernel's side
    inner = np.einsum("nyxcij,ocij->noyx", windows, half["w"]) + weights["b"][:, None, None]
    head = (half["head"] * half["alpha"])[..., 0, 0]
    expected = np.einsum("ncyx,oc->noyx", inner * weights["gain"], head)
    answer = create_engine(path, engine, precision="f32")(images)
    np.testing.assert_allclose(answer, expected, atol=2e-5 * np.abs(expected).max())


def test_a_weight_beyond_half_precision(network_of) -> None:
    with pytest.raises(ExportError, match="weight w is beyond"):
        halve_weights(network(network_of, scale=1e5)[0])


def test_a_file_that_computes_anything_else(dot_network) -> None:
    """The gate of the export, on a file whose head differs by a thousandth."""
    model = load(dot_network)
    for tensor in model.graph.initializer:
        if tensor.name == "head.weight":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.001), tensor.name))
    other = dot_network.with_name("other.onnx")
    other.write_bytes(model.SerializeToString())
    card = ModelCard.load(dot_network.with_suffix(".json"))
    assert coarse_noise(card).shape == (2, 3, 96, 64)
    assert check_same(dot_network, dot_network, card) == 0
    with pytest.raises(ExportError, match=r"other\.onnx: output 'heatmaps' differs by 1\.0e-03"):
        check_same(other, dot_network, card)


def test_integers_are_no_weights(network_of) -> None:
    nodes = [
        helper.make_node("Cast", ["whole"], ["w"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["images", "w"], ["heatmaps"], strides=[4, 4]),
    ]
    model = network_of(nodes, {"whole": np.ones((3, 3, 4, 4), np.int32)})
    assert halve_weights(model) == 0
