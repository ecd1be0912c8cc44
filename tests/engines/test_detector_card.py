"""Cards of detectors: read back as written, wrong fields named, and never taken for those of pose models."""

import json
from dataclasses import fields

import pytest

from leanpose.core.errors import ModelError
from leanpose.engines.card import ModelCard
from leanpose.engines.card_file import DataSource, Score
from leanpose.engines.detector_card import DetectorCard

SHA = "0123456789abcdef" * 4


def card(**changes):
    return DetectorCard(
        **{"name": "p", "architecture": "n", "layout": "leanpose", "input_side": 320, "sha256": SHA} | changes
    )


def test_file_round_trip(tmp_path):
    written = card(
        input_multiple=64, margin=0.1,
        color="rgb", mean=(1.5, 2, 3), std=(4, 5, 6), threshold=0.35, nms_iou=1, params=7, macs=8,
        recipe="person_detector", data=(DataSource("scenes", "CC BY 4.0"),), epochs=2.5, license="x", precision="int8",
        scores=(Score("AP50", 70.5, "held out", "leanpose evaluate person"),),
    )  # fmt: skip
    written.save(tmp_path / "p.json")
    assert json.loads((tmp_path / "p.json").read_text())["kind"] == "detector"
    assert DetectorCard.load(tmp_path / "p.json") == written


WRONG = {
    "name": [""],
    "architecture": [None],
    "layout": ["yolov8", None],
    "input_side": [0, 320.0, "320", True],
    "sha256": ["0" * 63],
    "input_multiple": [0, -32, 1.5],
    "margin": [-0.1, 2, "0.1"],
    "color": ["gbr"],
    "mean": [[1, 2], 3],
    "std": [[1, 2, 0]],
    "threshold": [-0.1, 1.1, float("nan"), "0.5"],
    "nms_iou": [0, 1.5, None],
    "params": [-1],
    "macs": [1.5],
    "recipe": [""],
    "data": ["LSP"],
    "epochs": [-1],
    "hours": [-1, "2"],
    "license": [""],
    "precision": ["f64"],
    "quantization": ["", 8],
    "scores": [{}],
}


def test_every_field_has_a_wrong_value_here():
    assert set(WRONG) == {field.name for field in fields(DetectorCard)}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_wrong_values_are_refused_by_name(tmp_path, field, value):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(card().to_dict() | {field: value}))
    with pytest.raises(ModelError, match=rf"p\.json.*{field}"):
        DetectorCard.load(path)


def test_what_a_card_of_another_projects_network_may_leave_out():
    kept = {"schema", "kind", "name", "architecture", "layout", "input_side", "sha256"}
    least = {name: value for name, value in card().to_dict().items() if name in kept}
    assert DetectorCard.from_dict(least) == card()
    with pytest.raises(ModelError, match="missing field 'layout'"):
        DetectorCard.from_dict({name: value for name, value in least.items() if name != "layout"})


def test_one_kind_is_not_taken_for_the_other():
    with pytest.raises(ModelError, match="kind 'detector', but a model of kind 'pose'"):
        ModelCard.from_dict(card().to_dict())
    without = {name: value for name, value in card().to_dict().items() if name != "kind"}
    with pytest.raises(ModelError, match="kind 'pose', but a model of kind 'detector'"):
        DetectorCard.from_dict(without)
