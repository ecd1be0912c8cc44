"""Fine-tuning from a network trained on made people, to other joints, with a report and a model that predicts."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import DatasetError
from leanpose.datasets import readers
from leanpose.datasets.readers import map_sample
from leanpose.engines.card import ModelCard
from leanpose.engines.zoo import find_model
from leanpose.estimate.estimator import PoseEstimator
from leanpose.pose.skeleton_files import load_skeleton
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.finetune import finetune, finetune_recipe
from leanpose.training.iterative import validation_curve
from leanpose.training.recipes import ablation_lsp
from leanpose.training.run import train

OPTIONS = {"workers": 0, "progress": False}
SIZES = {"train": (24, 0), "val": (6, 1), "test": (6, 2)}


@pytest.fixture
def data(tmp_path, monkeypatch, made_samples):
    def read(path, part, problems=None):
        return made_samples(*SIZES[part])

    monkeypatch.setitem(readers.READERS, "made", read)
    return [f"made:{tmp_path}"]


@pytest.fixture
def source(tmp_path, data):
    recipe = replace(ablation_lsp(), model_args={"width": 16}, input_hw=(64, 64), batch_size=8, epochs=1, ema=0.0)
    train(recipe, data, tmp_path / "source", **OPTIONS)
    return str(tmp_path / "source/last.ckpt")


@pytest.fixture
def arms(tmp_path):
    file = tmp_path / "arms.json"
    file.write_text(json.dumps({"name": "arms", "joints": ["left_wrist", "right_wrist", "left_elbow", "right_elbow"]}))
    return str(file)


def test_model_of_other_joints_predicts_and_its_report_holds(data, source, arms, tmp_path, made_samples):
    done = finetune(data, tmp_path / "mine", source, arms, steps=6, **OPTIONS)
    assert done.model == tmp_path / "mine/mine.onnx"
    card = ModelCard.load(done.model.with_suffix(".json"))
    assert card.skeleton == load_skeleton(tmp_path / "arms.json")
    onnx.checker.check_model(onnx.load(done.model))

    held_out = [map_sample(s, card.skeleton) for s in made_samples(*SIZES["val"])]
    estimator = PoseEstimator(str(done.model), flip_test=True)
    found = [estimator(s.load_image(), s.box).keypoints[0] for s in held_out]
    sides = [max(s.box[2:] - s.box[:2]) for s in held_out]
    errors = np.array(
        [np.linalg.norm(f - s.keypoints, axis=1) / side for f, s, side in zip(found, held_out, sides, strict=True)]
    )
    assert done.after == pytest.approx(100 * (errors <= 0.05).mean())  # arms have no torso: a twentieth of the box

    report = json.loads((tmp_path / "mine/report.json").read_text())
    assert report["people"] == 24
    assert report["held out"] == 6
    pixels = np.mean(errors * np.array(sides)[:, None])
    assert report["after"]["epe px"] == pytest.approx(pixels, rel=1e-4)  # a network this young may score 0
    assert done.before is not None
    assert card.recipe == "finetune of ablation_lsp"
    assert card.scores[0].value == round(done.after, 2)
    assert f"{done.after:.1f}" in done.report.read_text()
    assert (tmp_path / "mine/worst.png").stat().st_size > 0


def test_steps_are_those_asked_for_and_epochs_are_parts_of_them(data, tmp_path):
    source = replace(ablation_lsp(), model_args={"width": 16}, input_hw=(64, 64))
    recipe = finetune_recipe(source, 24, 10)
    assert (recipe.batch_size, recipe.epochs, recipe.epoch_batches) == (4, 10, 1)
    train(replace(recipe, people=20 / 24), data, tmp_path, **OPTIONS)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 10


def test_it_ends_when_validation_no_longer_gains_and_is_then_finished(data, tmp_path):
    source = replace(ablation_lsp(), model_args={"width": 16}, input_hw=(64, 64))
    recipe = replace(finetune_recipe(source, 24, 20), patience=2, lr=1e-12)  # learns nothing: the first epoch is best
    train(recipe, data, tmp_path, **OPTIONS)
    assert len(validation_curve(tmp_path)) == 3
    before = (tmp_path / "last.ckpt").read_bytes()
    train(recipe, data, tmp_path, resume=True, **OPTIONS)
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_too_few_people_are_refused(data, source, tmp_path):
    with pytest.raises(DatasetError, match="needs 20"):
        finetune(data, tmp_path / "x", source, people=19, **OPTIONS)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("people", "steps"), [(20, 300), (100, 420), (500, 939), (5000, 2970), (100_000, 3000)])
def test_steps_grow_with_the_root_of_the_set(people, steps):
    recipe = finetune_recipe(ablation_lsp(), people)
    assert recipe.epochs >= 20
    assert recipe.epoch_batches is not None
    assert recipe.epoch_batches <= people // recipe.batch_size
    taken = recipe.epochs * recipe.epoch_batches
    assert 0 <= taken - steps < recipe.epochs


def test_the_same_steps_are_taken_on_few_people_and_on_all():
    for people in (500, 10_873):
        recipe = finetune_recipe(ablation_lsp(), people, 2000)
        assert recipe.epochs * (recipe.epoch_batches or 0) == pytest.approx(2000, rel=0.01)


def test_the_command_starts_from_the_packaged_model_and_says_what_is_wrong(data, arms, tmp_path):
    run = ["finetune", *("--data", data[0]), *("--skeleton", arms), *("--workers", "0"), *("--accelerator", "cpu")]
    words = [*("--steps", "1"), *("--set", "input_hw=[64,64]"), *("--out", str(tmp_path / "arms_model"))]
    result = CliRunner().invoke(app, [*run, *words, *("--freeze", "backbone")])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "arms_model/arms_model.onnx") in result.output
    card = ModelCard.load(tmp_path / "arms_model/arms_model.json")
    # also what small has seen
    assert {"COCO", "LSP-extended", "Leeds Sports Pose"} < {entry.name for entry in card.data}
    assert sorted(card.data, key=str) == sorted(find_model("small")[1].data, key=str)
    # frozen: all but the heads is what the packaged model starts with
    start = load_file(tmp_path / "arms_model/start.safetensors")
    trained = read_checkpoint(tmp_path / "arms_model/last.ckpt").weights
    moved = {name for name, tensor in start.items() if not torch.equal(tensor, trained[f"model.{name}"])}
    assert moved == {"heads.0.weight", "heads.0.bias"}
    for wrong, message in {("--freeze", "all"): "--freeze all", ("--from", "large"): "unknown model 'large'"}.items():
        result = CliRunner().invoke(app, [*run, *wrong])
        assert result.exit_code == 2
        assert message in result.output
