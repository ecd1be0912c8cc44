"""Engines: the same numbers from each, what they compute in, and refusals."""

import numpy as np
import pytest

from leanpose import engines
from leanpose.engines import create_engine, installed_engines, open_session
from leanpose.errors import EngineError, ModelError

from .blobs import constant_network


@pytest.fixture
def crops():
    return np.random.default_rng(0).normal(size=(3, 3, 96, 64)).astype(np.float32)


def averages(crops, mean=(10, 20, 30), std=(50, 60, 70)):
    """The dot model by hand: back to pixels, then the mean of each 4x4 cell."""
    pixels = (crops * np.reshape(std, (3, 1, 1)) + np.reshape(mean, (3, 1, 1))) / 255
    return pixels.reshape(*crops.shape[:2], 24, 4, 16, 4).mean(axis=(3, 5))


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("people", [1, 2, 3])
def test_heatmaps_in_f32(dot_model, crops, engine, people):
    loaded = create_engine(dot_model(), engine, threads=1, precision="f32")
    assert (loaded.name, loaded.precision, loaded.input_shape) == (engine, "f32", (None, 3, 96, 64))
    heatmaps = loaded(crops[:people])
    assert heatmaps.dtype == np.float32
    np.testing.assert_allclose(heatmaps, averages(crops[:people]), atol=1e-6)


@pytest.mark.parametrize("engine", installed_engines())
def test_results_are_not_overwritten_by_the_next_call(dot_model, crops, engine):
    loaded = create_engine(dot_model(), engine, threads=1)
    first = loaded(crops[:1])
    before = first.copy()
    loaded(crops[1:2])
    np.testing.assert_array_equal(first, before)


def test_threads_reach_the_engines(dot_model):
    session = create_engine(dot_model(), "onnxruntime", threads=1)._session
    assert session.get_session_options().intra_op_num_threads == 1
    if "openvino" in installed_engines():
        engine = create_engine(dot_model(), "openvino", threads=1)
        (compiled,) = engine._network._compiled.values()
        assert compiled._model.get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.parametrize("engine", installed_engines())
def test_mirrored_view_of_an_array(dot_model, crops, engine):
    loaded = create_engine(dot_model(), engine, threads=1, precision="f32")
    np.testing.assert_allclose(loaded(crops[..., ::-1]), averages(crops[..., ::-1]), atol=1e-6)


def test_openvino_says_when_it_rounds(dot_model):
    openvino = pytest.importorskip("openvino")
    bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert create_engine(dot_model(), "openvino").precision == ("bf16" if bf16 else "f32")
    if bf16:
        assert create_engine(dot_model(), "openvino", precision="bf16").precision == "bf16"
    else:
        with pytest.raises(EngineError, match="bf16"):
            create_engine(dot_model(), "openvino", precision="bf16")


def test_auto_takes_openvino_only_where_it_is_installed(dot_model, monkeypatch):
    assert create_engine(dot_model()).name == installed_engines()[0]
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "openvino" else object())
    assert create_engine(dot_model()).name == "onnxruntime"
    with pytest.raises(EngineError, match=r"pip install 'leanpose\[openvino\]'"):
        create_engine(dot_model(), "openvino")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"engine": "abacus"}, "openvino or onnxruntime"),
        ({"precision": "f8"}, "f32 or bf16"),
        ({"threads": 0}, "threads"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "onnxruntime computes in f32"),
    ],
)
def test_refused_options(dot_model, options, fault):
    with pytest.raises(EngineError, match=fault):
        create_engine(dot_model(), **options)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_damaged_files(dot_model, engine, damage):
    path = dot_model()
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"Not Found", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(ModelError, match=r"dots\.onnx is damaged"):
        create_engine(path, engine)


def test_files_that_are_not_there_or_not_onnx(dot_model, tmp_path):
    other = tmp_path / "dots.bin"
    other.write_bytes(dot_model().read_bytes())
    for path in (tmp_path / "nowhere.onnx", other, tmp_path):
        with pytest.raises(ModelError, match=r"no \.onnx file at"):
            create_engine(path)


@pytest.mark.parametrize("engine", installed_engines())
def test_networks_of_several_outputs(dot_model, engine):
    import onnx

    path = dot_model()
    model = onnx.load(path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, None))
    onnx.save(model, path)
    with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
        create_engine(path, engine)


@pytest.mark.parametrize("engine", installed_engines())
def test_sessions_have_the_files_names_for_their_ports(tmp_path, engine):
    outputs = {"second": np.arange(3.0, dtype=np.float32), "first": np.arange(4)[None]}
    sizes = {"images": (1, 3, "height", 64), "orig_target_sizes": (1, 2)}
    session = open_session(constant_network(tmp_path / "two.onnx", sizes, outputs), engine, precision="f32")
    assert session.inputs == {"images": (1, 3, None, 64), "orig_target_sizes": (1, 2)}
    assert session.outputs == {"second": (3,), "first": (1, 4)}
    feeds = {"orig_target_sizes": np.array([[9, 9]]), "images": np.ones((1, 3, 32, 64), np.float32)}
    answers = session.run(feeds)
    assert list(answers) == ["second", "first"]
    for name, expected in outputs.items():
        np.testing.assert_array_equal(answers[name], expected)
    with pytest.raises(ModelError, match=r"two\.onnx cannot compute on .*images \(1, 3, 32, 60\) float32"):
        session.run(feeds | {"images": np.ones((1, 3, 32, 60), np.float32)})
