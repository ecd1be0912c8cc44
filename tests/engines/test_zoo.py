"""The packaged models, and models by path."""

import inspect

import numpy as np
import pytest

from leanpose.core.errors import ModelError
from leanpose.engines import create_engine, zoo
from leanpose.engines.card import ModelCard
from leanpose.engines.detector_card import DetectorCard
from leanpose.estimate.estimator import PoseEstimator
from leanpose.pose.skeleton import BODY19, COCO17, LSP14

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


FAMILY = {"nano", "small", "medium"}
FIRST = {"small"}  # what was packaged before the family, of LSP's joints


def test_the_package_is_small_and_has_its_default():
    assert sum(file.stat().st_size for file in zoo.FOLDER.iterdir() if file.suffix in (".onnx", ".json")) < 20e6
    assert set(zoo.list_models()) in (FAMILY, FIRST)
    assert inspect.signature(PoseEstimator).parameters["model"].default == "small"


@pytest.mark.skipif(set(zoo.list_models()) == FIRST, reason="the family is not packaged yet")
def test_the_family_rises_in_compute_and_in_accuracy():
    cards = [zoo.find_model(name)[1] for name in ("nano", "small", "medium")]
    for values in ([card.macs for card in cards], [_hull(card).value for card in cards]):
        assert values == sorted(set(values))


@pytest.mark.skipif(set(zoo.list_models()) == FIRST, reason="the family is not packaged yet")
@pytest.mark.parametrize("name", zoo.list_models())
def test_packaged_models_answer_in_all_joints_and_their_views(name):
    """Views are the same places under the names of COCO's and LSP's joints, on any image."""
    card = zoo.find_model(name)[1]
    assert card.skeleton == BODY19
    assert set(BODY19.joints) == set(COCO17.joints) | set(LSP14.joints)
    assert card.precision == "f16"
    image = np.random.default_rng(0).integers(0, 255, (200, 150, 3), np.uint8)
    whole = PoseEstimator(name, "onnxruntime", detector=None)(image, [[10, 10, 140, 190]])
    for skeleton in (COCO17, LSP14):
        view = PoseEstimator(name, "onnxruntime", detector=None, skeleton=skeleton.name)(image, [[10, 10, 140, 190]])
        assert view.skeleton == skeleton
        order = [BODY19.index(joint) for joint in skeleton.joints]
        assert np.isfinite(view.keypoints).all()
        assert np.array_equal(view.keypoints, whole.keypoints[:, order])


@pytest.mark.skipif(set(zoo.list_models()) == FIRST, reason="the family is not packaged yet")
@pytest.mark.parametrize("name", zoo.list_models())
def test_packaged_models_have_the_figures_they_are_judged_by(name):
    card = zoo.find_model(name)[1]
    assert _hull(card).value > 60
    for start in ("PCK@0.2 mean of limb joints, lsp test", "AP, coco test", "PCK@0.2 of the torso, face, coco test"):
        assert any(score.metric.startswith(start) for score in card.scores)
    for score in card.scores:
        assert score.interval is not None
        assert score.interval[0] <= score.value <= score.interval[1]
        assert score.command.startswith(f"leanpose evaluate {name} --data ")
        assert "$LEANPOSE_DATA" in score.command


def _hull(card):
    return next(s for s in card.scores if s.metric.startswith("PCK@0.2 mean of joints, lsp") and "hull" in s.protocol)
