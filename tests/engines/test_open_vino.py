"""OpenVINO: fixed shapes, pixels in the network, and the cache on disk."""

import gc

import numpy as np
import pytest

pytest.importorskip("openvino")

from leanpose.core.errors import EngineError, ModelError
from leanpose.core.normalisation import Normalisation
from leanpose.engines import create_engine, open_session, open_vino

from .networks import convolution, doubling, frozen_graph


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_nobody_is_changed_by_who_else_is_there(tmp_path, precision):
    loaded = create_engine(convolution(tmp_path / "net.onnx", (32, 48)), "openvino", threads=1, precision=precision)
    people = noise(5, 3, 32, 48)
    together = loaded(people)
    for number in range(5):
        np.testing.assert_array_equal(loaded(people[number : number + 1])[0], together[number])


def test_pixels_are_normalised_in_the_network(tmp_path):
    mean, std = (10.0, 20.0, 30.0), (50.0, 60.0, 70.0)
    loaded = create_engine(
        doubling(tmp_path / "net.onnx"), "openvino", precision="f32", pixels=Normalisation(mean, std)
    )
    assert loaded.takes_pixels
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    by_hand = 2 * ((pixels - np.array(mean)) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(loaded(pixels), by_hand, atol=1e-5)


@pytest.mark.parametrize("deterministic", [False, True])
def test_inputs_of_many_sizes(tmp_path, deterministic):
    session = open_session(
        doubling(tmp_path / "net.onnx", ("height", "width")), "openvino", 1, "f32", deterministic=deterministic
    )
    sizes = [(1, 3, 8 + number, 40 - number) for number in range(open_vino.SHAPES + 3)]
    for size in sizes + sizes[::-1]:
        np.testing.assert_allclose(session.run({"images": noise(*size)})["heatmaps"], 2 * noise(*size), rtol=1e-6)
    assert len(session._network._compiled) == (1 if deterministic else open_vino.SHAPES + 1)


@pytest.mark.parametrize("shape", [(1, 3, 8, 9), (1, 4, 8, 8), (3, 8, 8)])
def test_inputs_that_do_not_fit(tmp_path, shape):
    with pytest.raises(ModelError, match=r"net\.onnx cannot compute on images .*must be \(None, 3, 8, 8\)"):
        create_engine(doubling(tmp_path / "net.onnx"), "openvino").submit(noise(*shape))


def test_stops_inside_a_network(tmp_path):
    path = frozen_graph(tmp_path / "g.pb", {"x": (1, 2)}, {"inner": ("Relu", "x"), "outer": ("Neg", "inner")})
    x = np.array([[-3, 2]], np.float32)
    for outputs, expected in (((), [[0, -2]]), (("inner:0",), [[0, 2]])):
        session = open_session(path, "openvino", precision="f32", outputs=outputs)
        (answer,) = session.run(dict.fromkeys(session.inputs, x)).values()
        np.testing.assert_array_equal(answer, expected)
    with pytest.raises(ModelError, match=r"g\.pb.*no tensor middle:0"):
        open_session(path, "openvino", outputs=("middle:0",))
    with pytest.raises(ModelError, match=r"small\.onnx.*frozen graphs"):
        open_session(doubling(tmp_path / "small.onnx"), "openvino", outputs=("two",))
    with pytest.raises(EngineError, match=r"only OpenVINO stops at heatmaps inside.*not onnxruntime"):
        open_session(tmp_path / "small.onnx", "onnxruntime", outputs=("heatmaps",))


def test_devices_are_not_named(tmp_path):
    with pytest.raises(EngineError, match="runs on the CPU"):
        create_engine(doubling(tmp_path / "net.onnx"), "openvino:gpu")


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a network as a new process would: nobody else holds it; and says whether it was compiled."""
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "kept"))
    compiled = []
    prepare = open_vino._Network._with_pixels
    monkeypatch.setattr(
        open_vino._Network, "_with_pixels", lambda self, model: (compiled.append(1), prepare(self, model))[1]
    )
    path = convolution(tmp_path / "net.onnx", (32, 48))

    def run(**options):
        gc.collect()
        compiled.clear()
        return create_engine(path, "openvino", threads=1, **options)(noise(2, 3, 32, 48)), bool(compiled)

    return run


def test_compiled_once_and_kept(load, tmp_path, monkeypatch):
    first, compiled = load()
    assert compiled
    again, compiled = load()
    assert not compiled
    np.testing.assert_array_equal(again, first)
    _, compiled = load(precision="f32", deterministic=True)
    assert compiled
    assert len(list((tmp_path / "kept").iterdir())) == 2
    monkeypatch.setenv("LEANPOSE_CACHE", "0")
    off, compiled = load()
    assert compiled
    np.testing.assert_array_equal(off, first)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:99] + b"?" + b[100:]])
def test_a_damaged_file_is_compiled_again_and_replaced(load, tmp_path, damage):
    first, _ = load()
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    again, compiled = load()
    assert compiled
    np.testing.assert_array_equal(again, first)
    assert not load()[1]


def test_a_whole_file_that_openvino_refuses(load, monkeypatch):
    first, _ = load()
    monkeypatch.setattr(open_vino, "read_cached", lambda *key: b"not a network")
    again, compiled = load()
    assert compiled
    np.testing.assert_array_equal(again, first)


def test_a_cache_that_cannot_be_written(load, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "file"))
    assert load()[1]


def test_other_weights_beside_the_same_graph_are_another_network(tmp_path):
    """OpenVINO's own files keep the weights in a second one, which says nothing in the first."""
    import openvino

    port = openvino.opset13.parameter([1, 3, 2, 2], np.float32)
    weights = openvino.opset13.constant(np.ones((1, 3, 2, 2), np.float32))
    graph = openvino.Model([openvino.opset13.multiply(port, weights)], [port], "scaling")
    answers, sessions = [], []
    for scale in (1, 3):
        folder = tmp_path / str(scale)
        folder.mkdir()
        openvino.save_model(graph, folder / "net.xml", False)
        (folder / "net.bin").write_bytes(np.full(12, scale, np.float32).tobytes())
        sessions.append(open_session(folder / "net.xml", "openvino", precision="f32"))
        (name,) = sessions[-1].inputs
        answers += sessions[-1].run({name: np.ones((1, 3, 2, 2), np.float32)}).values()
    assert (tmp_path / "1/net.xml").read_bytes() == (tmp_path / "3/net.xml").read_bytes()
    assert answers[0] == pytest.approx(1)
    assert answers[1] == pytest.approx(3)
