"""Inputs that make no sense end in an error of leanpose that names them, and what is damaged is said to be."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from leanpose import PoseEstimator
from leanpose.core.decode import decode
from leanpose.core.errors import EngineError, ImageError, ModelError
from leanpose.engines.zoo import find_model
from leanpose.pose.poses import Poses


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator("nano", engine="onnxruntime", threads=1, detector=None)


def test_no_model_and_no_engine_are_named():
    with pytest.raises(ModelError, match="unknown model None"):
        PoseEstimator(None)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="unknown engine None"):
        PoseEstimator("nano", engine=None)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no model file at aaa"):
        PoseEstimator("a" * 5000 + ".onnx")


def test_heatmaps_that_are_not_finite_are_no_joints_that_were_not_found(estimator):
    maps = np.zeros((1, len(estimator.skeleton), *estimator.card.heatmap_hw), np.float32)
    maps[0, 3, 2, 2] = np.nan
    with pytest.raises(ModelError, match=r"heatmaps that are not finite.*precision='f32'"):
        estimator.postprocess(maps, np.array([[[1.0, 0, 0], [0, 1, 0]]]))


@pytest.mark.parametrize(
    ("field", "value"),
    [("sigma", 1e9), ("sigma", 10**400), ("padding", 1e308), ("params", 10**400), ("input_hw", (2**20, 2**20)),
     ("name", "a\x1b[2J"), ("flip_shift", 2**40)],
)  # fmt: skip
def test_cards_that_would_take_gigabytes_are_refused(field, value):
    with pytest.raises(ModelError, match=f"field '{field}' must be"):
        dataclasses.replace(find_model("nano")[1], **{field: value})


def test_a_sigma_that_is_wider_than_the_map_takes_no_more_memory_than_the_map():
    cells, _ = decode(np.random.default_rng(0).random((1, 2, 64, 48)).astype(np.float32), "taylor", sigma=1e12)
    assert np.isfinite(cells).all()


def test_a_damaged_picture_is_refused_or_taken_and_said_to_be(estimator, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    (tmp_path / "whole.jpg").write_bytes(data)
    with pytest.raises(ImageError, match="damaged or cut off"):
        estimator(tmp_path / "cut.jpg", whole_image=True)
    estimator.lenient = True
    try:
        cut, whole = (estimator(tmp_path / name, whole_image=True) for name in ("cut.jpg", "whole.jpg"))
        none = estimator(tmp_path / "cut.jpg", boxes=[])
    finally:
        estimator.lenient = False
    assert cut.damage == none.damage == "coded data are missing"
    assert cut[0].damage == cut.damage
    assert whole.damage is None
    assert json.loads(cut.to_json())["images"][0]["damage"] == cut.damage
    assert "damage" not in json.loads(whole.to_json())["images"][0]
    assert Poses.from_json(cut.to_json()).damage == cut.damage
