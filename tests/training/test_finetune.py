"""Fine-tuning from a network trained on made people, to other joints, with a report and a model that predicts."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from leanpose import readers
from leanpose.card import ModelCard
from leanpose.errors import DatasetError, ModelError
from leanpose.estimator import PoseEstimator
from leanpose.readers import map_sample
from leanpose.skeleton_files import load_skeleton
from leanpose.training.finetune import finetune, finetune_recipe, weights_of
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
    assert done.before is not None
    assert f"{done.after:.1f}" in done.report.read_text()
    assert (tmp_path / "mine/worst.png").stat().st_size > 0


def test_people_and_steps_set_the_budget(data, source, arms, tmp_path):
    finetune(data, tmp_path / "few", source, arms, people=20, steps=10, patience=0, **OPTIONS)
    report = json.loads((tmp_path / "few/report.json").read_text())
    assert report["people"] == 20
    batch = finetune_recipe(ablation_lsp(), 20, 10).batch_size
    assert abs(report["epochs"] * (20 // batch) - 10) < 20 // batch


def test_it_ends_when_validation_no_longer_gains(data, source, arms, tmp_path):
    # nothing is learned, so the first epoch stays the best
    finetune(data, tmp_path / "still", source, arms, steps=60, patience=2, assignments=["lr=1e-12"], **OPTIONS)
    report = json.loads((tmp_path / "still/report.json").read_text())
    assert report["epochs"] < report["planned epochs"]
    assert "ended early" in (tmp_path / "still/report.md").read_text()


def test_too_few_people_are_refused(data, source, tmp_path):
    with pytest.raises(DatasetError, match="needs 20"):
        finetune(data, tmp_path / "x", source, people=19, **OPTIONS)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["nothing.ckpt", "large", "model.onnx"])
def test_what_cannot_be_started_from_is_refused(name):
    with pytest.raises(ModelError, match="--from"):
        weights_of(name)


@pytest.mark.parametrize(("people", "steps"), [(20, 300), (100, 420), (500, 939), (5000, 2970)])
def test_steps_grow_with_the_root_of_the_set(people, steps):
    recipe = finetune_recipe(ablation_lsp(), people)
    taken = recipe.epochs * (people // recipe.batch_size)
    assert taken == pytest.approx(steps, abs=people // recipe.batch_size / 2 + 1)
