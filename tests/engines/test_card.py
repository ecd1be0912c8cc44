"""Cards: what is written is read back, and what is wrong is named."""

import json

import pytest

from leanpose.core.errors import ModelError
from leanpose.engines.calibration import Calibration
from leanpose.engines.card import DataSource, ModelCard, Score, file_sha256
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

CALIBRATION = {
    "curves": {"intercept": 1.1, "slope": 1.5, "scale": 0.5, "peak_power": 0.7, "spread_power": 1},
    "right": "PCK@0.2 of the torso", "data": "lsp val", "protocol": "flip test off", "ece_before": 0.2,
    "ece_after": 0.02, "command": "leanpose calibrate",
}  # fmt: skip


def card(**fields):
    return ModelCard(
        **{
            "name": "small",
            "architecture": "softgate_1x128",
            "skeleton": LSP14,
            "input_hw": (192, 128),
            "sigma": 1.5,
            "sha256": "0123456789abcdef" * 4,
            "params": 1_700_000,
            "macs": 2_500_000_000,
            "recipe": "softgate_lsp",
            "data": (DataSource("Leeds Sports Pose", "research use"),),
            "epochs": 30,
            "license": "as the images",
            "mean": (1.5, 2, 3),
            "std": (4, 5, 6),
            "scores": (Score("PCK@0.2", 70.5, "LSP test, hull", "leanpose evaluate small", (68.0, 73.0)),),
        }
        | fields
    )


@pytest.mark.parametrize(
    "skeleton", [LSP14, COCO17, Skeleton("own", ("left_ear", "right_ear"), (("left_ear", "right_ear"),))]
)
def test_file_round_trip(tmp_path, skeleton):
    written = card(
        skeleton=skeleton,
        color="rgb",
        cell_offset=0,
        flip_shift=1,
        decode="quarter",
        precision="int8",
        quantization="nncf",
        calibration=Calibration.from_dict(CALIBRATION),
    )
    written.save(tmp_path / "small.json")
    assert ModelCard.load(tmp_path / "small.json") == written


def test_heatmap_size():
    assert card().heatmap_hw == (48, 32)


WRONG = {
    "name": ["", 7, None],
    "architecture": [""],
    "skeleton": ["lsp14", None, {"name": "x"}, {"name": "x", "joints": "nose"}, {"name": "x", "joints": ["left_ear"]}],
    "input_hw": [[192], [192, 0], [192.5, 128], [True, 128], "192", [190, 128]],
    "sigma": [0, -1, "1", float("nan"), None, True],
    "sha256": ["0" * 63, "g" * 64, "A" * 64, None],
    "params": [-1, 1.5],
    "macs": ["2 G"],
    "recipe": [None],
    "data": ["LSP", [{"name": "LSP"}], [{"name": "LSP", "terms": 7}], ["LSP"], None],
    "epochs": [-1, "30"],
    "hours": [-0.5, "1 h", float("inf"), True],
    "license": [""],
    "color": ["gbr", None, ["bgr"]],
    "mean": [[1, 2], [1, 2, float("inf")], 3],
    "std": [[1, 2, 0], [1, 2, -3]],
    "padding": [0],
    "stride": [0, 4.0],
    "cell_offset": [0.25, "0.5"],
    "flip_shift": [-1, 0.5],
    "loss": ["magic", 3],
    "model_args": [[], "width", 3],
    "decode": ["magic"],
    "precision": ["f64"],
    "quantization": ["", 8],
    "scores": [
        [{"metric": "PCK", "value": "70", "protocol": "p", "command": "c"}],
        [{"metric": "PCK", "value": 70, "protocol": "p", "command": "c", "interval": [73, 68]}],
        [{"metric": "PCK", "value": 70, "protocol": "p", "command": "c", "interval": 68}],
        {},
    ],
    "calibration": [7, [], {"curves": {}}, CALIBRATION | {"ece_after": 2}],
}


def test_every_field_has_a_wrong_value_here():
    assert set(WRONG) == set(card().to_dict()) - {"schema"}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_wrong_values_are_refused_by_name(tmp_path, field, value):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(json.loads(json.dumps(card().to_dict())) | {field: value}))
    with pytest.raises(ModelError, match=rf"small.json.*{field}"):
        ModelCard.load(path)


def test_missing_and_unknown_fields_are_named():
    data = json.loads(json.dumps(card().to_dict()))
    for field in ("name", "skeleton", "sha256", "data"):
        with pytest.raises(ModelError, match=f"missing field '{field}'"):
            ModelCard.from_dict({k: v for k, v in data.items() if k != field})
    with pytest.raises(ModelError, match="unknown field 'colour'"):
        ModelCard.from_dict(data | {"colour": "bgr"})
    assert ModelCard.from_dict({k: v for k, v in data.items() if k != "color"}).color == "bgr"


@pytest.mark.parametrize("schema", [0, 2, None, "1"])
def test_other_schemas_are_refused(schema):
    with pytest.raises(ModelError, match="schema"):
        ModelCard.from_dict(json.loads(json.dumps(card().to_dict())) | {"schema": schema})


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe\x00"])
def test_files_that_are_no_cards(tmp_path, content):
    path = tmp_path / "small.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"small\.json"):
        ModelCard.load(path)


def test_missing_file(tmp_path):
    with pytest.raises(ModelError, match=r"no model card at .*small\.json"):
        ModelCard.load(tmp_path / "small.json")


def test_sha256_of_a_published_example(tmp_path):
    """FIPS 180-2, appendix B.1: the message "abc"."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
