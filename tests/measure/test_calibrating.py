"""From dots of known brightness to a card: the way that ``leanpose calibrate`` takes, without a trained network."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from leanpose import PoseEstimator
from leanpose.cli import app
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.pack import write_pack
from leanpose.engines.calibration import Calibration
from leanpose.engines.card import ModelCard
from leanpose.measure.calibrating import calibrate
from leanpose.pose.skeleton import Skeleton

DOTS = Skeleton("dots", ("nose", "neck", "head_top"), (("nose", "neck"),))
BOX = np.array([20.0, 20, 100, 140])  # fills the crop of (96, 64) px at 1.5625 image pixels each: 1.25 * 120 / 96


def _right(peak: float) -> float:
    """How often a dot of this brightness is where its label says: not as often as it is bright."""
    return peak**2


@pytest.fixture(scope="module")
def people() -> list[Sample]:
    """People of three dots, whose labels are within 1 px of the dots or 20 px off; right is within 0.05 of 120 px."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:160, :120]
    made = []
    for i in range(120):
        image, labels = np.zeros((160, 120, 3)), []
        for channel in range(3):
            at, peak = rng.uniform((35, 35), (85, 125)), rng.uniform(0.3, 0.95)
            image[..., channel] = 255 * peak * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 16.0**2))
            angle = rng.uniform(0, 2 * np.pi)
            off = rng.uniform(0, 1) if rng.random() < _right(peak) else 20
            labels.append(at + off * np.array([np.cos(angle), np.sin(angle)]))
        data = cv2.imencode(".png", image.round().astype(np.uint8))[1].tobytes()
        made.append(Sample("csv", f"made/{i}.png", data, np.array(labels), np.ones(3, bool), BOX, DOTS))
    return made


def _estimator(model: Path) -> PoseEstimator:
    return PoseEstimator(model, engine="onnxruntime", precision="f32")


def test_scores_become_the_share_that_is_right(dot_model: Callable[..., Path], people: list[Sample]) -> None:
    estimator = _estimator(dot_model())
    fitted = calibrate(estimator, people, "made", "leanpose calibrate dots.onnx")
    assert estimator.card.calibration is None  # the caller's estimator is as it was
    assert (fitted.before.right == fitted.after.right).all()
    assert fitted.calibration.right == "PCK@0.05 of the box"
    assert fitted.calibration.data == "made: 360 joints of 120 people"
    expected = np.mean([_right(peak) for peak in fitted.before.scores])
    assert fitted.before.right.mean() == pytest.approx(expected, abs=0.07)
    # the scores promise p where p^2 comes true: a mean error of 1/0.65 times the integral of p - p^2 from 0.3 to 0.95
    assert fitted.calibration.ece_before == pytest.approx(0.19, abs=0.05)
    assert fitted.calibration.ece_after < 0.07  # of 36 joints in a bin the share alone is off by 0.05 or so
    for peak in (0.4, 0.6, 0.9):
        assert fitted.calibration.curves.probabilities(np.array([peak]))[0] == pytest.approx(_right(peak), abs=0.12)
    within = (fitted.after.errors <= fitted.after.radii).mean()
    assert within == pytest.approx(0.68, abs=0.06)


def test_each_person_is_judged_by_curves_fitted_on_the_others(
    dot_model: Callable[..., Path], people: list[Sample]
) -> None:
    """Turning the labels of one person away changes what is said of the others, and nothing of their own scores."""
    spoilt = [replace(people[0], keypoints=people[0].keypoints + 40), *people[1:]]
    estimator = _estimator(dot_model())
    first, second = (calibrate(estimator, some, "made", "c").after for some in (people, spoilt))
    own = first.people == 0
    np.testing.assert_array_equal(first.scores[own], second.scores[own])
    assert (first.scores[~own] != second.scores[~own]).any()


def test_uncertainties_are_pixels_of_the_image(dot_model: Callable[..., Path], people: list[Sample]) -> None:
    """An image twice as large has uncertainties twice as large, and the same scores."""
    model = dot_model()
    plain = _estimator(model)
    fitted = calibrate(plain, people, "made", "c")
    plain.card = replace(plain.card, calibration=fitted.calibration)
    image = people[0].load_image()
    once = plain(image, BOX)
    assert once.uncertainties is not None
    assert once.uncertainties.shape == (1, 3)
    twice = plain(np.repeat(np.repeat(image, 2, axis=0), 2, axis=1), 2 * BOX + 0.5)
    assert twice.uncertainties is not None
    np.testing.assert_allclose(twice.uncertainties, 2 * once.uncertainties, rtol=0.02)
    np.testing.assert_allclose(twice.scores, once.scores, atol=0.01)
    nothing = plain(np.zeros_like(image), BOX)
    np.testing.assert_array_equal(nothing.scores, np.zeros((1, 3)))
    assert nothing.uncertainties is not None
    assert np.isnan(nothing.uncertainties).all()


def test_without_judged_joints_there_is_nothing_to_fit(dot_model: Callable[..., Path], people: list[Sample]) -> None:
    hidden = [replace(person, labelled=np.zeros(3, bool)) for person in people[:3]]
    with pytest.raises(DatasetError, match="not one joint of these people can be judged"):
        calibrate(_estimator(dot_model()), hidden, "made", "c")
    one_image = [replace(person, name="made/0.png") for person in people]
    with pytest.raises(DatasetError, match="all images fall into one of 10 folds"):
        calibrate(_estimator(dot_model()), one_image, "made", "c")


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, words)], env={"COLUMNS": "200"})


def test_the_command_writes_the_card(
    dot_model: Callable[..., Path], people: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANPOSE_DATA", str(tmp_path))
    model = dot_model()
    before = json.loads(model.with_suffix(".json").read_text())
    write_pack(tmp_path / "people", {"val": people})
    words = (model, "--data", f"pack:{tmp_path}/people", "--engine", "onnxruntime", "--precision", "f32")
    result = _run(*words, "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "calibration error of scores (ECE), %" in result.output
    assert (tmp_path / "report" / "reliability.png").stat().st_size > 10_000
    card = ModelCard.load(model.with_suffix(".json"))
    assert isinstance(card.calibration, Calibration)
    assert card.calibration.command == (
        "leanpose calibrate dots.onnx --data pack:$LEANPOSE_DATA/people --part val --engine onnxruntime --precision f32"
    )
    assert {**json.loads(model.with_suffix(".json").read_text()), "calibration": None} == {
        **before,
        "calibration": None,
    }
    monkeypatch.delenv("LEANPOSE_DATA")
    again = _run(*words, "--part", "val")
    assert again.exit_code == 0, again.output
    repeated = ModelCard.load(model.with_suffix(".json")).calibration
    # The peaks were calibrated, not the calibrated scores; folders of this machine are nobody's business.
    assert repeated is not None
    assert repeated == replace(card.calibration, command=repeated.command)
    assert "--data pack:people --part" in repeated.command


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("small", "'small': give the .onnx file whose card is to be changed"),
        ("run/best.ckpt", "'leanpose export' makes one of a checkpoint"),
        ("nosuch.onnx", "no model file at nosuch.onnx"),
    ],
)
def test_what_has_no_card_to_write_is_refused(model: str, message: str, made_pack: Path) -> None:
    result = _run(model, "--data", f"pack:{made_pack}")
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
