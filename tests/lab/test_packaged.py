"""The command that measures packaged models: what it writes into a card, and when it writes nothing."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.io import loadmat, savemat
from typer.testing import CliRunner

from lab.packaged import SETS, main, measure_packaged
from leanpose.cli import app
from leanpose.core.errors import DatasetError, ModelError
from leanpose.datasets.readers.parts import part_of
from leanpose.engines import zoo
from leanpose.engines.card import ModelCard


@pytest.fixture
def small_root(data_root: Path, tmp_path: Path) -> Path:
    """A data root with one test image of LSP, the 1,001st, and two images of the COCO sample: one squashed, one not."""
    root = tmp_path / "data"
    lsp, coco = root / "lsp_dataset", root / "coco_sample"
    for folder in (lsp, coco):
        folder.mkdir(parents=True)
        (folder / "images").symlink_to(data_root / folder.name / "images")
    savemat(lsp / "joints.mat", {"joints": loadmat(data_root / "lsp_dataset/joints.mat")["joints"][..., :1001]})
    document = json.loads((data_root / "coco_sample/person_keypoints_sample.json").read_text())
    test = [image for image in document["images"] if part_of(image["file_name"]) == "test"]
    held_out = [next(image for image in test if image["aspect_lost"] == lost) for lost in (True, False)]
    document["images"] = held_out
    known = {image["id"] for image in held_out}
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] in known]
    (coco / "person_keypoints_sample.json").write_text(json.dumps(document))
    return root


@pytest.fixture
def a_copy(tmp_path: Path) -> Path:
    """The packaged model in a folder of its own, without scores."""
    path, card = zoo.find_model("small")
    model = tmp_path / "copy.onnx"
    model.write_bytes(path.read_bytes())
    replace(card, scores=()).save(model.with_suffix(".json"))
    return model


def test_the_card_has_what_its_commands_print(
    small_root: Path, a_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = measure_packaged(str(a_copy), small_root)
    assert list(ModelCard.load(a_copy.with_suffix(".json")).scores) == scores
    metrics = [score.metric for score in scores]
    assert metrics[:4] == 2 * ["PCK@0.2 mean of joints, lsp test", "PCK@0.2 mean of limb joints, lsp test"]
    assert {"AP, coco test, undistorted", "PCK@0.2 of the torso, limbs, coco test, undistorted"} <= set(metrics)
    assert any(score.metric.startswith("end-point error, px") and "joints of" in score.protocol for score in scores)
    monkeypatch.setenv("LEANPOSE_DATA", str(small_root))
    for number, (command, spec) in enumerate(zip(dict.fromkeys(score.command for score in scores), SETS, strict=True)):
        assert f"--data {spec} " in command
        words = shlex.split(command.replace("$LEANPOSE_DATA", str(small_root)))
        assert words[2] == str(a_copy)
        out = tmp_path / str(number)
        result = CliRunner().invoke(app, [*words[1:], "--out", str(out)])
        assert result.exit_code == 0, result.output
        results = json.loads((out / "evaluation.json").read_text())["results"]
        mine = [score for score in scores if score.command == command]
        for entry in results:
            main = entry["interval 95 %"]
            shown = (round(entry[main["figure"]], 2), (round(main["low"], 2), round(main["high"], 2)))
            assert shown in [(score.value, score.interval) for score in mine if score.protocol == entry["protocol"]]


def test_a_model_that_is_not_the_cards_is_not_measured(small_root: Path, a_copy: Path) -> None:
    card = a_copy.with_suffix(".json")
    before = card.read_bytes()
    a_copy.write_bytes(a_copy.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="sha256"):
        measure_packaged(str(a_copy), small_root)
    assert card.read_bytes() == before


def test_a_model_that_is_exchanged_meanwhile_keeps_its_card(small_root: Path, a_copy: Path) -> None:
    card = a_copy.with_suffix(".json")

    def exchange(samples):
        replace(ModelCard.load(card), sha256="0" * 64).save(card)
        return samples

    with pytest.raises(ModelError, match="sha256"):
        measure_packaged(str(a_copy), small_root, exchange)
    assert ModelCard.load(card).scores == ()


def test_a_figure_that_misses_people_is_not_written(small_root: Path, a_copy: Path) -> None:
    images = small_root / "lsp_dataset/images"
    images.unlink()
    images.mkdir()
    with pytest.raises(DatasetError, match=r"im1001\.jpg"):
        measure_packaged(str(a_copy), small_root)
    assert ModelCard.load(a_copy.with_suffix(".json")).scores == ()


def test_the_command_wants_data_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEANPOSE_DATA", raising=False)
    for models in (["small"], []):
        with pytest.raises(SystemExit, match="usage: LEANPOSE_DATA=DIR"):
            main(models)
