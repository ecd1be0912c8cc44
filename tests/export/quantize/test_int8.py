"""int8 of layers whose rounding is worked out by hand, by both methods, on both engines."""

import sys

import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper

from leanpose.core.errors import MissingExtraError
from leanpose.engines import create_engine
from leanpose.export.quantize.graph import prepare
from leanpose.export.quantize.int8 import OnnxRuntimeQuantizer, quantize_by_nncf

HW = (16, 16)
RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(5, 3, 4, 4)).astype(np.float32) * np.float32([[[[0.3]]], [[[1]]], [[[3]]], [[[1]]], [[[9]]]])
CROPS = RNG.uniform(-2, 2, (6, 3, *HW)).astype(np.float32)


def quantized(model: ModelProto, method: str, crops: np.ndarray, keep: tuple[str, ...] = ()) -> ModelProto:
    prepare(model)
    return (
        quantize_by_nncf(model, crops, keep) if method == "nncf" else OnnxRuntimeQuantizer(model, crops).quantize(keep)
    )


def one_convolution(network_of) -> ModelProto:
    return network_of(
        [helper.make_node("Conv", ["images", "w"], ["heatmaps"], "only", strides=[4, 4])], {"w": WEIGHT}, HW, 5
    )


def convolve(images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    windows = images.reshape(len(images), 3, HW[0] // 4, 4, HW[1] // 4, 4).transpose(0, 2, 4, 1, 3, 5)
    return np.einsum("nyxcij,ocij->noyx", windows.astype(float), weight.astype(float))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("method", ["nncf", "onnxruntime"])
def test_one_convolution_by_hand(tmp_path, network_of, method: str, engine: str) -> None:
    """No output is further from the exact one than half a step of each input, weight by weight, and their rounding.

    A step of a weight is the largest of its channel over 127, or half of that by NNCF, which spares the sums of CPUs
    without VNNI in the first layer; one of the input is at most the largest over 127.
    """
    pytest.importorskip(engine)
    model = quantized(one_convolution(network_of), method, CROPS)
    step_w = np.abs(WEIGHT).max(axis=(1, 2, 3), keepdims=True) / (63.5 if method == "nncf" else 127)
    whole = [numpy_helper.to_array(t) for t in model.graph.initializer if t.dims == [*WEIGHT.shape]]
    assert [values.dtype for values in whole] == [np.int8]
    assert np.abs(whole[0] - WEIGHT / step_w).max() <= 0.51
    path = tmp_path / "int8.onnx"
    path.write_bytes(model.SerializeToString())
    answer = create_engine(path, engine, precision="f32")(CROPS)
    half_x, half_w = np.abs(CROPS).max() / 127 / 2, step_w / 2
    exact = convolve(CROPS, WEIGHT)
    bound = convolve(np.full_like(CROPS, half_x), np.abs(WEIGHT)) + convolve(
        np.abs(CROPS) + half_x, np.broadcast_to(half_w, WEIGHT.shape)
    )
    if method == "onnxruntime":  # rounds the answer too, by at most the largest over 127, half of that
        bound = bound + np.abs(exact).max() / 127 / 2 * 1.1
    assert (np.abs(answer - exact) <= 1.01 * bound).all()
    assert np.abs(answer - exact).max() > 1e-3 * np.abs(exact).max()  # it is int8


@pytest.mark.parametrize("method", ["nncf", "onnxruntime"])
def test_what_is_kept_is_exact(tmp_path, network_of, method: str) -> None:
    model = quantized(one_convolution(network_of), method, CROPS, keep=("only",))
    path = tmp_path / "kept.onnx"
    path.write_bytes(model.SerializeToString())
    answer = create_engine(path, "onnxruntime")(CROPS)
    np.testing.assert_allclose(answer, convolve(CROPS, WEIGHT), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("ranges", ["minmax", "entropy", "percentile"])
def test_ranges_of_activations(network_of, ranges) -> None:
    """One input in 300,000 is a hundred times the others: only the two that weigh frequencies leave it out."""
    crops = RNG.uniform(-1, 1, (400, 3, *HW)).astype(np.float32)
    crops[7, 0, 0, 0] = 100
    model = one_convolution(network_of)
    prepare(model)
    made = OnnxRuntimeQuantizer(model, crops, ranges).quantize(())
    scales = {t.name: float(numpy_helper.to_array(t)) for t in made.graph.initializer if t.name == "images_scale"}
    assert list(scales) == ["images_scale"]
    if ranges == "minmax":
        assert scales["images_scale"] == pytest.approx(101 / 255, rel=1e-3)
    else:
        assert 2 / 255 * 0.9 < scales["images_scale"] < 0.1


def test_an_answer_that_goes_two_ways_is_the_same_on_both_engines(tmp_path, network_of) -> None:
    """A convolution without a bias, whose answer is both normalised for the next one and joined with that one's.

    OpenVINO 2026.4, compiled for any batch, applies the scale of such a convolution twice.
    """
    openvino = pytest.importorskip("openvino")
    weights = {
        "stem": RNG.normal(size=(16, 3, 4, 4)) / 5,
        "one": RNG.normal(size=(16, 16, 3, 3)) / 12,
        "two": RNG.normal(size=(16, 16, 3, 3)) / 12,
        "head": RNG.normal(size=(5, 32, 1, 1)) / 6,
    }
    nodes = [
        helper.make_node("Conv", ["images", "stem"], ["s"], "stem", strides=[4, 4]),
        helper.make_node("Relu", ["s"], ["sr"]),
        helper.make_node("Conv", ["sr", "one"], ["a"], "one", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["ar"]),
        helper.make_node("Conv", ["ar", "two"], ["b"], "two", pads=[1] * 4),
        helper.make_node("Concat", ["a", "b"], ["ab"], axis=1),
        helper.make_node("Conv", ["ab", "head"], ["heatmaps"], "head"),
    ]
    model = network_of(nodes, {name: value.astype(np.float32) for name, value in weights.items()}, HW, 5)
    made = quantized(model, "nncf", CROPS, keep=("stem", "two", "head"))
    (tmp_path / "after.onnx").write_bytes(made.SerializeToString())
    expected = create_engine(tmp_path / "after.onnx", "onnxruntime")(CROPS)
    compiled = openvino.Core().compile_model(tmp_path / "after.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled([CROPS])[0], expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("before", [None, "false"])
def test_without_nncf(monkeypatch: pytest.MonkeyPatch, network_of, before: str | None) -> None:
    import os

    monkeypatch.setitem(sys.modules, "nncf", None)
    if before is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", before)
    with pytest.raises(MissingExtraError, match=r"nncf.*leanpose\[quantize\]"):
        quantize_by_nncf(one_convolution(network_of), CROPS, ())
    assert os.environ.get("CI") == before
