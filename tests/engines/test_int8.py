"""Int8 by ranges beside a model, against rounding by hand; and what happens where it does not work."""

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.signal import correlate

pytest.importorskip("openvino")

from leanpose.core.errors import EngineError, ModelError
from leanpose.engines import Settings, create_engine, open_vino
from leanpose.engines.card_file import file_sha256
from leanpose.engines.int8 import Int8Ranges, agrees, answer_of, beside, figure
from leanpose.engines.zoo import find_model

HW = (16, 24)
RANGES = {"images": (-2.0, 1.5), "bent": (0.0, 3.0)}
RNG = np.random.default_rng(1)
WEIGHTS = {
    "in": RNG.normal(size=(4, 3, 3, 3)).astype(np.float32),
    "out": RNG.normal(size=(2, 4, 3, 3)).astype(np.float32),
}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Two convolutions with ReLU between."""
    nodes = [
        helper.make_node("Conv", ["images", "in"], ["wide"], pads=[1] * 4),
        helper.make_node("Relu", ["wide"], ["bent"]),
        helper.make_node("Conv", ["bent", "out"], ["heatmaps"], pads=[1] * 4),
    ]
    ports = (("images", 3), ("heatmaps", 2))
    graph = helper.make_graph(
        nodes, "made", *([helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", c, *HW])] for n, c in ports),
        [numpy_helper.from_array(value, name) for name, value in WEIGHTS.items()],
    )  # fmt: skip
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def _beside(path: Path, **other: object) -> Int8Ranges:
    answer = answer_of(_by_hand(figure(*HW)[None].transpose(0, 3, 1, 2).astype(np.float32)))
    ranges = Int8Ranges(file_sha256(path), RANGES, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), answer, "a test")
    ranges = dataclasses.replace(ranges, **other)  # type: ignore[arg-type]
    ranges.save(path)
    return ranges


def _convolved(images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.array([[correlate(image, kernel, "valid")[0] for kernel in weights] for image in padded])


def _rounded(values: np.ndarray, low: float, high: float) -> np.ndarray:
    if low < 0:
        step = max(-low, high) / 128
        return np.clip(np.round(values / step), -128, 127) * step
    return np.clip(np.round(values / (high / 255)), 0, 255) * (high / 255)


def _rounded_weights(weights: np.ndarray) -> np.ndarray:
    step = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / 63
    return np.round(weights / step) * step


def _by_hand(images: np.ndarray) -> np.ndarray:
    bent = np.maximum(_convolved(_rounded(images, *RANGES["images"]), _rounded_weights(WEIGHTS["in"])), 0)
    return _convolved(_rounded(bent, *RANGES["bent"]), _rounded_weights(WEIGHTS["out"])).astype(np.float32)


def test_activations_take_eight_bits_and_weights_seven(network: Path) -> None:
    _beside(network)
    engine = create_engine(network, "openvino", threads=1, precision="int8")
    assert engine.precision == "int8"
    images = RNG.normal(size=(3, 3, *HW)).astype(np.float32)
    expected, found = _by_hand(images), engine(images)
    floats = create_engine(network, "openvino", threads=1, precision="f32")(images)
    step = 3.0 / 255 * np.abs(WEIGHTS["out"]).max()  # a value in the middle between two levels may go either way
    assert np.abs(found - expected).max() < 2.5 * step
    assert np.abs(found - expected).mean() < 0.2 * np.abs(floats - expected).mean()


def test_auto_takes_int8_where_there_are_no_matrix_units(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _beside(network)
    monkeypatch.setattr(open_vino, "has_amx", lambda: False)
    assert create_engine(network, "openvino").precision == "int8"
    assert create_engine(network, "openvino", precision="f32").precision == "f32"
    assert create_engine(network, "openvino", deterministic=True).precision == "f32"
    beside(network).unlink()
    assert create_engine(network, "openvino", threads=1).precision in ("f32", "bf16")


def test_a_wrong_answer_to_the_self_test_means_floating_point(
    network: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = _beside(network)
    far = tuple((x + 9.0, y, 1.0) for x, y, _ in right.answer)
    _beside(network, answer=far)
    monkeypatch.setattr(open_vino, "has_amx", lambda: False)
    images = RNG.normal(size=(1, 3, *HW)).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        engine = create_engine(network, "openvino", threads=1)
    assert engine.precision != "int8"
    assert "does not find the joints of its self-test: computing in floating point" in caplog.text
    np.testing.assert_allclose(
        engine(images), create_engine(network, "openvino", threads=1, precision="f32")(images), atol=0.2
    )
    with pytest.raises(EngineError, match=r"net\.onnx: int8 does not work on this CPU.*leave the precision at 'auto'"):
        create_engine(network, "openvino", threads=1, precision="int8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, r"about another file than net\.onnx"),
        ({"ranges": {"nowhere": [0, 1]}}, "no convolution of the model takes nowhere"),
        ({"ranges": {"images": [1, 0]}}, "'ranges' is not what it should be"),
        ({"ranges": {"images": [0, "1"]}}, "'ranges' is not what it should be"),
        ({"ranges": {}}, "has no ranges"),
        ({"std": [0, 1, 1]}, "'std' is not"),
        ({"answer": [["a"]]}, "'answer' is not"),
        ({"more": 1}, "are an object of"),
    ],
)
def test_ranges_that_cannot_be_used(
    network: Path,
    change: dict[str, object],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _beside(network)
    content = json.loads(beside(network).read_text()) | change
    beside(network).write_text(json.dumps(content))
    monkeypatch.setattr(open_vino, "has_amx", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert create_engine(network, "openvino", threads=1).precision != "int8"
    assert "computing in floating point" in caplog.text
    with pytest.raises((EngineError, ModelError), match=said):
        create_engine(network, "openvino", threads=1, precision="int8")


def test_int8_that_nobody_prepared(network: Path) -> None:
    with pytest.raises(EngineError, match="no ranges for int8 beside it: make them with leanpose quantize --on-load"):
        create_engine(network, "openvino", precision="int8")
    with pytest.raises(EngineError, match="computes in int8 what 'leanpose quantize' wrote: take engine 'openvino'"):
        create_engine(network, "onnxruntime", precision="int8")
    _beside(network)
    with pytest.raises(EngineError, match="deterministic is in f32"):
        create_engine(network, "openvino", precision="int8", deterministic=True)


def test_settings_know_int8() -> None:
    assert Settings(precision="int8").precision == "int8"


@pytest.mark.parametrize("name", ["small", "medium"])
def test_the_drawn_person_is_one_to_our_networks(name: str) -> None:
    """Where the drawing has its shoulders, an elbow and the neck."""
    path, card = find_model(name)
    height, width = card.input_hw
    engine = create_engine(path, "onnxruntime", pixels=None)
    pixels = (figure(height, width)[None].astype(np.float32) - card.mean) / card.std
    answer = answer_of(engine(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)))
    side = min(height, 1.5 * width)
    drawn = {
        "left_shoulder": (0.1, -0.24),
        "right_shoulder": (-0.1, -0.24),
        "left_elbow": (0.16, -0.11),
        "neck": (0, -0.3),
    }
    for joint, (x, y) in drawn.items():
        found = np.array(answer[card.skeleton.joints.index(joint)][:2]) * card.stride + card.stride / 2
        assert np.abs(found - (width / 2 + x * side, height / 2 + y * side)).max() < 0.09 * side, joint
    assert agrees(answer, answer)


def test_an_answer_agrees_up_to_rounding() -> None:
    expected = ((3.0, 4.0, 0.9), (10.0, 4.0, 0.5), (2.0, 9.0, 0.4), (7.0, 7.0, 0.6), (0.0, 0.0, 0.01))
    moved = ((4.0, 4.0, 0.8), (10.0, 5.0, 0.5), (2.0, 9.0, 0.2), (20.0, 7.0, 0.6), (30.0, 9.0, 0.01))
    assert agrees(moved, expected)  # one of four sure ones is elsewhere, and who is not sure does not count
    assert not agrees(((30.0, 4.0, 0.8), *moved[1:]), expected)
    assert not agrees(((float("nan"), 4.0, 0.8), *moved[1:]), expected)
    assert not agrees(moved[:2], expected)
    box = ((10.0, 10.0, 50.0, 90.0, 0.8),)
    assert agrees(((11.0, 10.0, 50.0, 92.0, 0.7),), box)
    assert not agrees(((10.0, 10.0, 30.0, 90.0, 0.7),), box)
    assert agrees(((0.0, 0.0, 1.0, 1.0, 0.1),), ((5.0, 5.0, 9.0, 9.0, 0.1),))  # nobody, both times
