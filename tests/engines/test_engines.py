"""Engines: the same numbers from each, what they compute in, and refusals."""

import gc
from concurrent.futures import ThreadPoolExecutor
from weakref import ref

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from leanpose import engines
from leanpose.core.errors import EngineError, ModelError
from leanpose.engines import create_engine, installed_engines, open_session

from ..blobs import constant_network
from .networks import convolution, doubling, half_weights, halves, quantized


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
        ({"engine": "auto:cuda"}, "unknown engine 'auto:cuda'"),
        ({"engine": "onnxruntime:"}, "unknown engine 'onnxruntime:'"),
        ({"mode": "speed"}, "latency or throughput"),
        ({"precision": "f8"}, "f32, bf16 or int8"),
        ({"threads": 0}, "threads"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "onnxruntime computes in f32"),
    ],
)
def test_refused_options(dot_model, options, fault):
    with pytest.raises(EngineError, match=fault):
        create_engine(dot_model(), **options)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "letters"])
def test_damaged_files(dot_model, engine, damage):
    path = dot_model()
    whole = path.read_bytes()
    letters = whole.replace(b"AveragePool", b"Averag\xae\xaeool")  # which the engine's message may repeat
    path.write_bytes({"empty": b"", "text": b"Not Found", "cut": whole[: len(whole) // 2], "letters": letters}[damage])
    with pytest.raises(ModelError, match=r"dots\.onnx is damaged"):
        create_engine(path, engine)


def test_names_that_are_no_text(dot_model):
    path = dot_model()
    path.write_bytes(path.read_bytes().replace(b"batch", b"ba\xffch"))
    with pytest.raises(ModelError, match=r"dots\.onnx is damaged"):
        create_engine(path, "onnxruntime")


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


def noise(people, hw=(8, 8), seed=0):
    return np.random.default_rng(seed).normal(size=(people, 3, *hw)).astype(np.float32)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_what_is_submitted_comes_out_as_when_called(tmp_path, engine, mode):
    loaded = create_engine(doubling(tmp_path / "net.onnx"), engine, threads=2, precision="f32", mode=mode)
    batches = [noise(people, seed=people) for people in (1, 3, 2, 5, 1)]
    pending = [loaded.submit(batch) for batch in batches]
    for number in (4, 0, 2, 1, 3):
        np.testing.assert_allclose(pending[number].result(), 2 * batches[number], rtol=1e-6)
        np.testing.assert_allclose(loaded(batches[number]), 2 * batches[number], rtol=1e-6)


@pytest.mark.parametrize("engine", installed_engines())
def test_many_threads_at_one_engine(tmp_path, engine):
    loaded = create_engine(doubling(tmp_path / "net.onnx"), engine, threads=1, precision="f32")
    batches = [noise(1 + seed % 3, seed=seed) for seed in range(60)]
    with ThreadPoolExecutor(6) as pool:
        for batch, answer in zip(batches, pool.map(loaded, batches), strict=True):
            np.testing.assert_allclose(answer, 2 * batch, rtol=1e-6)


@pytest.mark.parametrize("engine", installed_engines())
def test_deterministic_gives_the_same_bits_again(tmp_path, engine):
    path, batch = convolution(tmp_path / "net.onnx", (32, 48)), noise(5, (32, 48))
    loaded = create_engine(path, engine, deterministic=True)
    assert loaded.precision == "f32"
    assert loaded.describe() == f"{engine} f32, deterministic"
    first = loaded(batch)
    np.testing.assert_array_equal(loaded(batch), first)
    np.testing.assert_array_equal(loaded.submit(batch).result(), first)
    del loaded
    np.testing.assert_array_equal(create_engine(path, engine, deterministic=True)(batch), first)
    with pytest.raises(EngineError, match="f32"):
        create_engine(path, engine, precision="bf16", deterministic=True)


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize("make", [half_weights, halves])
def test_half_precision_files_compute_in_f32(tmp_path, engine, make):
    loaded = create_engine(make(tmp_path / "net.onnx"), engine, threads=1, precision="f32")
    answer = loaded(noise(2))
    assert (answer.dtype, loaded.precision) == (np.float32, "f32")
    np.testing.assert_allclose(answer, 0.1 * noise(2), rtol=2e-3)


@pytest.mark.parametrize("engine", installed_engines())
def test_quantized_files_say_int8(tmp_path, engine):
    loaded = create_engine(quantized(tmp_path / "net.onnx"), engine, threads=1, precision="f32")
    assert loaded.precision == "int8"
    np.testing.assert_array_equal(loaded(noise(2)), np.round(4 * noise(2)) / 4)


@pytest.mark.parametrize("engine", installed_engines())
def test_alike_networks_are_loaded_once(tmp_path, engine):
    def network(threads=1, name="net.onnx"):
        loaded = create_engine(doubling(tmp_path / name), engine, threads=threads)
        return getattr(loaded, "_network", None) or loaded._session

    first = network()
    assert network(name="copy.onnx") is first
    assert network(threads=2) is not first
    gone = ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_words_for_what_is_used(tmp_path):
    path = doubling(tmp_path / "net.onnx")
    assert create_engine(path, "onnxruntime").describe() == "onnxruntime f32"
    assert create_engine(path, "onnxruntime", threads=1).describe() == "onnxruntime f32, 1 thread"
    busy = create_engine(path, "onnxruntime", threads=2, mode="throughput")
    assert busy.describe() == "onnxruntime f32, 2 threads, throughput"


@pytest.mark.parametrize("engine", installed_engines())
@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (TensorProto.FLOAT, np.float32),
        (TensorProto.FLOAT16, np.float16),
        (TensorProto.INT32, np.int32),
        (TensorProto.UINT8, np.uint8),
    ],
)
def test_a_session_tells_what_kind_of_numbers_go_in(tmp_path, engine, element, dtype):
    """Whoever feeds another project's network has to know."""
    graph = helper.make_graph(
        [helper.make_node("Cast", ["image"], ["seen"], to=TensorProto.FLOAT)], "kind",
        [helper.make_tensor_value_info("image", element, [1, 2])],
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, [1, 2])],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "net.onnx"
    )
    session = open_session(tmp_path / "net.onnx", engine, precision="f32")
    assert session.input_types == {"image": np.dtype(dtype)}
    assert session.run({"image": np.array([[1, 7]], dtype)})["seen"] == pytest.approx(np.array([[1, 7]]))
