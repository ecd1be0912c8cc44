"""Who is calibrated on: training people, the same ones each time, as the network sees them."""

from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import READERS, read_samples
from leanpose.estimate.estimator import PoseEstimator
from leanpose.export.quantize.calibration import calibration_crops


@pytest.fixture
def estimator(dot_network: Path) -> PoseEstimator:
    return PoseEstimator(dot_network, "onnxruntime", detector=None)


def test_the_draw_is_the_same_each_time_and_without_repeats(estimator: PoseEstimator, dot_pack: Path) -> None:
    spec = [f"pack:{dot_pack}"]
    first, again = (calibration_crops(estimator, spec, 5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (5, 3, 96, 64)
    assert first.dtype == np.float32
    assert len({crop.tobytes() for crop in first}) == 5
    more = calibration_crops(estimator, spec, 9)
    np.testing.assert_array_equal(more[:5], first)
    other = calibration_crops(estimator, spec, 5, seed=1)
    assert {crop.tobytes() for crop in other} != {crop.tobytes() for crop in first}
    assert len(calibration_crops(estimator, spec, 100)) == 12


def test_crops_are_those_of_the_training_people(estimator: PoseEstimator, dot_pack: Path) -> None:
    """Normalised by the card, straight from its formula: (pixel - mean) / std of the estimator's crop."""
    crops = calibration_crops(estimator, [f"pack:{dot_pack}"], 100)
    card = estimator.card
    expected = set()
    for sample in read_samples([f"pack:{dot_pack}"], "train"):
        pixels = estimator.preprocess(sample.load_image(), sample.box[None])[0][0]
        values = (pixels.astype(np.float32) - np.float32(card.mean)) / np.float32(card.std)
        expected.add(values.transpose(2, 0, 1).tobytes())
    assert {crop.tobytes() for crop in crops} == expected


def test_only_the_train_part_is_read(estimator: PoseEstimator, dot_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    read = READERS["pack"]

    def spy(path: Path, part, problems=None):
        parts.append(part)
        return read(path, part, problems)

    monkeypatch.setitem(READERS, "pack", spy)
    calibration_crops(estimator, [f"pack:{dot_pack}"], 3)
    assert parts == ["train"]


def test_nobody_to_calibrate_on(estimator: PoseEstimator, dot_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "pack", lambda path, part, problems=None: [])
    with pytest.raises(DatasetError, match="nobody to calibrate on is in the train part of pack:"):
        calibration_crops(estimator, [f"pack:{dot_pack}"], 3)
