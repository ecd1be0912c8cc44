"""A study on made people: who judges, what is trained, what is said, and what is left to do."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import save_file

from lab.reproduce import our_ablation, our_factors
from lab.reproduce.budget import Budget
from lab.reproduce.our_ablation import DIFFERENCE, confirmation, run_study
from lab.reproduce.our_factors import Factor, Study
from lab.reproduce.our_screening import screening
from lab.reproduce.result import Result, Row
from lab.reproduce.trainings import Arm, Setting
from leanpose.core.errors import RecipeError
from leanpose.datasets import readers
from leanpose.datasets.readers.parts import fold_of, image_name
from leanpose.models import create_model
from leanpose.training.checkpoint import load_checkpoint, read_checkpoint
from leanpose.training.recipes import ablation_lsp

STUDY = Study(
    "Made",
    [
        Factor("ema", "ema", frozenset({"ema"}), [Arm("no_ema", "off", changes={"ema": 0.0})]),
        Factor("decode", "decode", frozenset(), decodes=["argmax"]),
        Factor("loss", "loss", frozenset({"loss"}), [Arm("mse", "MSE", changes={"loss": "mse"})], start="nothing"),
        Factor("rounds", "rounds", frozenset({"rounds"}), [Arm("twice", "two", changes={"rounds": 2})]),
    ],
)


@pytest.fixture
def setting(tmp_path, monkeypatch, made_samples):
    """One dataset with a validation part, one without, and a trained network to go on from."""

    def trusted(path, part, problems=None):
        return made_samples(*{"train": (4, 0), "val": (5, 1), "test": (1, 9)}[part])

    def crowd(path, part, problems=None):
        people = made_samples(40, 2) if part == "train" else []
        return [replace(sample, dataset="lspet", name=f"lspet/{i}", image_id=f"{i}") for i, sample in enumerate(people)]

    monkeypatch.setitem(readers.READERS, "trusted", trusted)
    monkeypatch.setitem(readers.READERS, "crowd", crowd)
    base = replace(ablation_lsp(), model="softgate_1x64_fast", model_args={"width": 8}, batch_size=4, warmup_epochs=0)
    monkeypatch.setattr(our_ablation, "base_recipe", lambda start: base)
    made = Setting("made_study", [f"trusted:{tmp_path}", f"crowd:{tmp_path}"], Budget(side=64, epochs=1, batches=2),
                   tmp_path / "work", tmp_path / "out")  # fmt: skip
    start = tmp_path / "start.safetensors"
    save_file(create_model(base.model, 14, **base.model_args).state_dict(), start)
    return replace(made, checkpoint=start)


def test_nobody_judges_whom_a_training_sees(setting):
    inner, people, trusted = screening(setting)
    assert [sample.dataset for sample in people] == ["lsp"] * 5 + ["lspet"] * (len(people) - 5)
    assert trusted.tolist() == [True] * 5 + [False] * (len(people) - 5)
    seen = {image_name(sample) for sample in readers.read_samples(inner.data, "train") if sample.dataset == "lspet"}
    held = {image_name(sample) for sample, own in zip(people, trusted, strict=True) if not own}
    assert held == {str(i) for i in range(40)} - seen
    assert held
    assert all(fold_of(sample, 2) == 0 for sample in people[5:])


def test_only_what_is_asked_for_is_trained_and_the_rest_said_to_be_left(setting):
    result = run_study(replace(setting, only=["ema"]), STUDY)
    assert {path.name for path in setting.work.iterdir()} == {"base-s0", "base_again-s0", "no_ema-s0"}
    ema, decode, loss, rounds = result.rows
    assert not ema.missing
    assert not decode.missing  # needs the baseline alone
    assert "--only loss" in loss.missing
    assert "--only rounds" in rounds.missing
    assert load_checkpoint(setting.work / "no_ema-s0" / "last.ckpt").recipe.ema == 0
    assert [claim.statement for claim in result.claims] == ["ema: off", "decode: argmax"]
    page = result.write(setting.out).read_text()
    assert "not trained yet" in page
    assert "## Measured" in page

    before = {path: path.stat().st_mtime_ns for path in setting.work.rglob("*.ckpt")}
    again = run_study(replace(setting, only=["ema"]), STUDY)
    assert again.rows == result.rows
    assert {path: path.stat().st_mtime_ns for path in setting.work.rglob("*.ckpt")} == before
    other = run_study(replace(setting, only=["decode"], budget=Budget(side=64, epochs=1, batches=2)), STUDY)
    assert other.rows == result.rows


def test_rounds_go_on_from_the_round_before(setting):
    result = run_study(replace(setting, only=["rounds"]), STUDY)
    folder = setting.work / "twice-s0"
    assert [read_checkpoint(folder / f"round{n}" / "last.ckpt").recipe.seed for n in (1, 2)] == [0, 1]
    assert not result.rows[3].missing
    assert (
        run_study(replace(setting, only=["decode"]), STUDY).rows[3] == result.rows[3]
    )  # found again when not asked for


def test_corrected_labels_are_one_variants_alone(setting, monkeypatch):
    asked = []
    monkeypatch.setattr(our_ablation, "trained", lambda s, arm, *_: asked.append((arm.slug, s.data[1])))
    monkeypatch.setattr(our_ablation, "judged", lambda *_: np.zeros((3, 2)))
    monkeypatch.setattr(our_ablation.Screen, "_chosen", lambda self, factor, measured: measured)
    cleaning = Factor("cleaning", "labels", frozenset(), [Arm("clean", "corrected", corrected=True)])
    plain = setting.data[1]
    (row,) = run_study(setting, Study("Clean", [cleaning])).rows
    assert row.missing
    named = replace(setting, data=[setting.data[0], f"{plain},corrections=a,b.json"])
    (row,) = run_study(named, Study("Clean", [cleaning])).rows
    assert not row.missing
    left = f"{plain},without=0/2"
    assert {data for slug, data in asked if slug != "clean"} == {left}
    assert [data for slug, data in asked if slug == "clean"] == [f"{plain},corrections=a,b.json,without=0/2"]


@pytest.mark.parametrize(
    ("gain", "noise", "verdict"),
    [(0.2, 0.1, "helps"), (-0.2, 0.1, "hurts"), (0.2, 0.4, "cannot tell"), (0.0, 0.0, "cannot tell"),
     (0.2, None, "cannot tell")],
)  # fmt: skip
def test_a_verdict_needs_more_than_another_seed_gives(gain, noise, verdict, setting, monkeypatch):
    rng = np.random.default_rng(0)
    base = (rng.random((500, 14)) < 0.5 - gain / 2) * -1.0 + 1
    ours = (rng.random((500, 14)) < 0.5 + gain / 2) * -1.0 + 1
    monkeypatch.setattr(our_ablation.Screen, "repeats", lambda *_: None if noise is None else 100 * noise)
    found = {"base": base, "no_ema": ours}
    monkeypatch.setattr(our_ablation.Screen, "distances", lambda self, arm, *_: found[arm.slug])
    monkeypatch.setattr(our_ablation.Screen, "_chosen", lambda self, factor, measured: measured)
    (claim,) = run_study(setting, Study("One", STUDY.factors[:1])).claims
    assert claim.verdict == verdict


def test_an_unknown_factor_is_refused_with_the_known_ones(setting):
    with pytest.raises(RecipeError, match=r"hue.*ema, decode, loss, rounds"):
        run_study(replace(setting, only=["hue"]), STUDY)


def test_the_best_are_confirmed_with_all_seeds(setting, monkeypatch):
    with pytest.raises(RecipeError, match="no page"):
        confirmation(setting)
    asked = []
    monkeypatch.setattr(
        our_ablation, "trained", lambda s, arm, base, seed, start: asked.append((arm.slug, seed, s.work))
    )
    monkeypatch.setattr(our_ablation, "judged", lambda *_: np.zeros((3, 2)))
    monkeypatch.setattr(our_ablation.Screen, "_chosen", lambda self, factor, measured: measured)
    monkeypatch.setattr(our_ablation, "ABLATION", STUDY)
    monkeypatch.setattr(our_ablation, "COMBINATION", Study("None", []))
    gains = {"ema: off": 3.0, "decode: argmax": 9.0, "loss: MSE": -1.0, "rounds: two": 5.0}
    rows = [Row(label, measured={DIFFERENCE: [gain]}) for label, gain in gains.items()]
    Result("our_ablation", "", "", rows).write(setting.out)
    result = confirmation(replace(setting, budget=Budget(side=64, seeds=2)))
    assert [row.label for row in result.rows] == ["rounds: two", "ema: off"]  # decode needs no training
    work = setting.work / "confirmation"
    expected = {(slug, seed, work) for slug in ("base", "no_ema", "twice") for seed in (0, 1)}
    assert set(asked) == expected | {("base_again", 0, work)}
    with pytest.raises(RecipeError, match="--only loss"):
        confirmation(replace(setting, only=["loss"]))


def test_two_variants_of_one_factor_can_be_among_the_best(setting, monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        our_ablation.Screen, "measure", lambda self, factor, arm, seeds=None: looked_at.append(arm.slug)
    )
    gains = {"rotation: none": 3.0, "targets: rounded to cells": 2.0, "rotation: 20°, never upside down": 1.0}
    rows = [Row(label, measured={DIFFERENCE: [gain]}) for label, gain in gains.items()]
    Result("our_ablation", "", "", rows).write(setting.out)
    result = confirmation(setting)
    assert sorted(row.label for row in result.rows) == sorted(gains)
    assert {"rotation_none", "rotation_20", "targets_rounded"} <= set(looked_at)


def test_the_common_start_is_the_network_of_folds():
    assert our_factors.base_recipe("trained").model == our_factors.recipe_named("fold_lsp").model
