"""The packaged models, and models by path."""

import pytest

from leanpose import zoo
from leanpose.card import ModelCard
from leanpose.detector_card import DetectorCard
from leanpose.engines import create_engine
from leanpose.errors import ModelError

from ..blobs import blob_detector


def test_model_by_path(dot_model):
    path = dot_model()
    assert zoo.find_model(path) == (path, ModelCard.load(path.with_suffix(".json")))
    assert zoo.find_model(str(path))[0] == path


def test_model_by_name(dot_model, monkeypatch):
    path = dot_model()
    monkeypatch.setattr(zoo, "FOLDER", path.parent)
    assert zoo.list_models() == ["dots"]
    assert zoo.find_model("dots")[0] == path
    with pytest.raises(ModelError, match=r"unknown model 'dot'.*\(dots\)"):
        zoo.find_model("dot")


def test_pose_models_and_detectors_side_by_side(dot_model, monkeypatch):
    path = dot_model()
    blobs = blob_detector(path.with_name("blobs.onnx"))
    monkeypatch.setattr(zoo, "FOLDER", path.parent)
    assert (zoo.list_models(), zoo.list_detectors()) == (["dots"], ["blobs"])
    assert (
        zoo.find_detector("blobs") == zoo.find_detector(blobs) == (blobs, DetectorCard.load(blobs.with_suffix(".json")))
    )
    with pytest.raises(ModelError, match=r"'dots' is a pose model: .* \(blobs\)"):
        zoo.find_detector("dots")
    with pytest.raises(ModelError, match=r"'blobs' is a person detector: .* \(dots\)"):
        zoo.find_model("blobs")
    with pytest.raises(ModelError, match=r"blobs\.json.*kind 'detector', but a model of kind 'pose'"):
        zoo.find_model(blobs)
    blobs.with_suffix(".json").unlink()
    assert zoo.find_detector(blobs) == (blobs, None)


def test_damaged_file_is_refused_before_it_is_loaded(dot_model):
    path = dot_model()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        zoo.find_model(path)


def test_missing_parts(dot_model):
    path = dot_model()
    with pytest.raises(ModelError, match="no model file at"):
        zoo.find_model(path.with_name("other.onnx"))
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match="no model card"):
        zoo.find_model(path)


@pytest.mark.parametrize("name", zoo.list_models())
def test_packaged_models_load_and_fit_their_cards(name):
    path, card = zoo.find_model(name)
    assert card.name == name
    shape = create_engine(path, "onnxruntime", threads=1).input_shape
    assert shape == (None, 3, *card.input_hw)


@pytest.mark.parametrize("name", zoo.list_detectors())
def test_packaged_detectors_load_and_fit_their_cards(name):
    path, card = zoo.find_detector(name)
    assert card is not None
    assert (card.name, card.layout) == (name, "leanpose")
    assert path.stat().st_size <= 5e6
    loaded = create_engine(path, "onnxruntime", threads=1)
    assert loaded.input_shape == (None, 3, None, None)
