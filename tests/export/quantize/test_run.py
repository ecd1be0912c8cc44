"""The gate: what is measured, what is refused, and what is written."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import AccuracyError, DatasetError, ExportError, ModelError
from leanpose.datasets.readers import READERS
from leanpose.engines import create_engine
from leanpose.engines.card import ModelCard
from leanpose.engines.zoo import list_detectors, list_models
from leanpose.estimate.estimator import PoseEstimator
from leanpose.export.quantize import Judge, halve_model, open_source, quantize_model
from leanpose.export.quantize import run as quantize_run
from leanpose.measure import evaluate
from leanpose.measure.datasets import read_data


@pytest.fixture
def judge(dot_pack: Path) -> Judge:
    return Judge(read_data([f"pack:{dot_pack}"], "val", None, []), "onnxruntime", flip_test=False)


def _spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrates on what is all but black: the ranges cut off everything."""
    crops = quantize_run.calibration_crops
    monkeypatch.setattr(quantize_run, "calibration_crops", lambda *words: crops(*words) * 1e-3)


@pytest.mark.parametrize("method", ["nncf", "onnxruntime"])
def test_a_good_model_is_written_with_its_own_card(
    dot_network: Path, dot_pack: Path, judge: Judge, method, tmp_path: Path
) -> None:
    made = quantize_model(dot_network, [f"pack:{dot_pack}"], judge, method, ("none",), count=9)
    assert (made.comparisons[0].before.mean, made.comparisons[0].change) == (100, 0)
    assert made.comparisons[0].interval == (0, 0)
    out = tmp_path / "new" / "dots8.onnx"
    assert made.save(out, max_drop=0) == ModelCard.load(out.with_suffix(".json"))
    card = ModelCard.load(out.with_suffix(".json"))
    assert (card.name, card.precision, card.scores) == ("dots8", "int8", ())
    assert card.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert card.quantization is not None
    for words in (f"int8 by {method} ", "9 people of pack train", "in float: no convolution"):
        assert words in card.quantization
    before = ModelCard.load(dot_network.with_suffix(".json"))
    assert (card.skeleton, card.input_hw, card.data) == (before.skeleton, before.input_hw, before.data)


def test_a_bad_model_is_refused_and_nothing_changes(
    dot_network: Path, dot_pack: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _spoil(monkeypatch)
    made = quantize_model(dot_network, [f"pack:{dot_pack}"], judge, "onnxruntime", ("none",), count=4)
    loss = -made.comparisons[0].change
    assert loss > 20
    out = tmp_path / "old.onnx"
    out.write_bytes(b"what stood here")
    with pytest.raises(AccuracyError, match=rf"old\.onnx: loses {loss:.2f} points on onnxruntime .* not written"):
        made.save(out, max_drop=loss - 0.01)
    assert out.read_bytes() == b"what stood here"
    assert not out.with_suffix(".json").exists()
    made.save(out, max_drop=loss)
    assert out.read_bytes() == made.onnx


def test_the_interval_is_that_of_pairs(
    dot_network: Path, dot_pack: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against people drawn by a loop of its own from their hits before and after."""
    _spoil(monkeypatch)
    row = quantize_model(dot_network, [f"pack:{dot_pack}"], judge, "onnxruntime", ("none",), count=4).comparisons[0]
    gain = (row.after.distances <= 0.05).astype(float) - (row.before.distances <= 0.05)
    rng = np.random.default_rng(0)
    changes = [100 * gain[rng.integers(0, len(gain), len(gain))].mean() for _ in range(1000)]
    assert row.interval == pytest.approx(tuple(np.percentile(changes, (2.5, 97.5))))
    assert row.change == pytest.approx(100 * gain.mean())


def test_what_stays_float_is_chosen_by_what_measures_best(
    dot_network: Path, dot_pack: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([50.0, 70.0, 70.0])
    measured = judge.measure

    class Scored:
        def __init__(self, path: Path) -> None:
            measured(path)
            self.mean = next(scores)

    monkeypatch.setattr(judge, "measure", Scored)
    made = quantize_model(dot_network, [f"pack:{dot_pack}"], judge, "onnxruntime", count=3)
    assert [(trial.kept, trial.layers, trial.score) for trial in made.trials] == [
        ((), 0, 50), (("heads",), 1, 70), (("heads", "stem"), 2, 70),
    ]  # fmt: skip
    assert made.card.quantization is not None
    assert made.card.quantization.endswith("in float: heads")


def test_val_and_test_people_are_never_calibrated_on(
    dot_network: Path, dot_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge(read_data([f"pack:{dot_pack}"], "val", None, []), "onnxruntime", flip_test=False)
    parts, read = [], READERS["pack"]

    def spy(path: Path, part, problems=None):
        parts.append(part)
        return read(path, part, problems)

    monkeypatch.setitem(READERS, "pack", spy)
    quantize_model(dot_network, [f"pack:{dot_pack}"], judge, "onnxruntime", ("none",), count=3)
    assert parts == ["train"]


def test_half_precision_of_a_pose_model(dot_network: Path, judge: Judge, tmp_path: Path) -> None:
    made = halve_model(dot_network, judge)
    assert made.comparisons[0].change == 0
    card = made.save(tmp_path / "half.onnx", max_drop=0)
    assert (card.name, card.precision, card.scores) == ("half", "f16", ())
    estimator = PoseEstimator(tmp_path / "half.onnx", "onnxruntime", detector=None)
    assert evaluate(estimator, judge._data.samples).mean == 100


@pytest.mark.parametrize("name", list_models() + list_detectors())
def test_half_precision_halves_what_is_packaged(name: str, tmp_path: Path) -> None:
    if open_card(name).precision != "f32":
        pytest.skip(f"{name} is packaged in {open_card(name).precision}")
    made = halve_model(name)
    assert len(made.onnx) < 0.56 * made.bytes_before
    card = made.save(tmp_path / "half.onnx")
    assert (type(card), card.precision) == (type(open_card(name)), "f16")
    if name in list_models():
        estimator = PoseEstimator(tmp_path / "half.onnx", detector=None)
        assert estimator.card == card


def open_card(name: str):
    from leanpose.engines.zoo import find_detector, find_model

    return (find_model if name in list_models() else find_detector)(name)[1]


def test_models_that_are_not_quantised(with_card, dot_pack: Path, judge: Judge, tmp_path: Path) -> None:
    path = with_card(precision="int8")
    with pytest.raises(ExportError, match="is in int8: give the one in f32"):
        open_source(path)
    with pytest.raises(ModelError, match="no model file at"):
        open_source(tmp_path / "none.onnx")
    path = with_card(precision="f32")
    made = halve_model(path)
    with pytest.raises(ExportError, match="is the model itself"):
        made.save(path)
    with pytest.raises(ExportError, match=r"NAME\.onnx"):
        made.save(tmp_path / "model.bin")
    with pytest.raises(ExportError, match="--keep-float legs: no such convolution"):
        quantize_model(path, [f"pack:{dot_pack}"], judge, "nncf", ("legs",))
    with pytest.raises(DatasetError, match="does not exist"):
        quantize_model(path, ["pack:nowhere"], judge, "nncf", ("none",))


@pytest.mark.skipif(not list_detectors(), reason="this build has no detector")
def test_a_detector_is_not_quantised_to_int8(dot_pack: Path, judge: Judge) -> None:
    name = list_detectors()[0]
    if open_card(name).precision != "f32":
        pytest.skip("packaged in half precision")
    with pytest.raises(ExportError, match=r"is a detector.*--fp16"):
        quantize_model(name, [f"pack:{dot_pack}"], judge)
    with pytest.raises(ExportError, match="leave --data out"):
        halve_model(name, judge)


def test_a_model_that_only_one_engine_computes_rightly(
    dot_network: Path, dot_pack: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By default both engines are asked, and one that loses is enough."""
    pytest.importorskip("openvino")
    judge = Judge(read_data([f"pack:{dot_pack}"], "val", None, []), flip_test=False)
    made = halve_model(dot_network, judge)
    assert [row.engine.split()[0] for row in made.comparisons] == judge.engines == ["openvino", "onnxruntime"]
    _spoil(monkeypatch)
    bad = quantize_model(dot_network, [f"pack:{dot_pack}"], judge, "onnxruntime", ("none",), count=4)
    mixed = quantize_run.Quantized(
        bad.source, bad.onnx, bad.card, bad.bytes_before, (made.comparisons[0], bad.comparisons[1])
    )
    with pytest.raises(AccuracyError, match="points on onnxruntime f32, and"):
        mixed.save(tmp_path / "mixed.onnx")


def test_the_dots_are_found_at_all(dot_network: Path, judge: Judge) -> None:
    """What the tests above compare with: the float network finds everybody, and a peak is as high as its dot."""
    assert judge.measure(dot_network).mean == 100
    images = np.ones((1, 3, 96, 64), np.float32)
    np.testing.assert_allclose(create_engine(dot_network, "onnxruntime")(images), 1, atol=1e-6)
