import json
from dataclasses import replace

import pytest
import torch

from leanpose.core.errors import TrainingError
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.iterative import train_rounds, validation_curve
from leanpose.training.run import train

OPTIONS = {"workers": 0, "progress": False}


@pytest.fixture
def recipe(small_recipe):
    return replace(small_recipe, epochs=2, rounds=2, ema=0.0)


def test_rounds_are_trainings_from_the_best_before(recipe, made_pack, tmp_path):
    rounds = train_rounds(recipe, [f"pack:{made_pack}"], tmp_path / "rounds", **OPTIONS)
    assert [entry.best for entry in rounds] == [tmp_path / f"rounds/round{n}/best.ckpt" for n in (1, 2)]
    second = read_checkpoint(rounds[1].best.with_name("last.ckpt"))
    assert (second.recipe.seed, second.recipe.rounds, second.recipe.epochs) == (recipe.seed + 1, 1, 2)

    # the same by hand: an ordinary training that starts from the first round's best
    by_hand = replace(recipe, seed=recipe.seed + 1, rounds=1)
    train(by_hand, [f"pack:{made_pack}"], tmp_path / "hand", start_from=rounds[0].best, **OPTIONS)
    expected = read_checkpoint(tmp_path / "hand/last.ckpt").weights
    assert all(torch.equal(second.weights[name], value) for name, value in expected.items())


def test_table_and_plot_tell_the_gain_of_each_round(recipe, made_pack, tmp_path):
    rounds = train_rounds(recipe, [f"pack:{made_pack}"], tmp_path, **OPTIONS)
    table = json.loads((tmp_path / "rounds.json").read_text())
    assert [row["curve"] for row in table] == [list(entry.curve) for entry in rounds]
    assert all(len(entry.curve) == recipe.epochs for entry in rounds)
    assert table[0]["gain"] is None
    assert table[1]["gain"] == pytest.approx(max(rounds[1].curve) - max(rounds[0].curve))
    assert (tmp_path / "rounds.png").read_bytes()[:4] == b"\x89PNG"


def test_an_interrupted_round_goes_on_and_finished_ones_stay(recipe, made_pack, tmp_path):
    data = [f"pack:{made_pack}"]
    whole = train_rounds(recipe, data, tmp_path / "whole", **OPTIONS)
    first = train(replace(recipe, rounds=1), data, tmp_path / "cut/round1", **OPTIONS)
    again = replace(recipe, rounds=1, seed=recipe.seed + 1)
    train(again, data, tmp_path / "cut/round2", start_from=first, max_epochs=1, **OPTIONS)
    before = (tmp_path / "cut/round1/last.ckpt").read_bytes()
    resumed = train_rounds(recipe, data, tmp_path / "cut", resume=True, **OPTIONS)
    assert (tmp_path / "cut/round1/last.ckpt").read_bytes() == before
    assert resumed[1].curve == pytest.approx(whole[1].curve)
    ours, theirs = (read_checkpoint(r[1].best.with_name("last.ckpt")).weights for r in (resumed, whole))
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_rounds_of_another_recipe_or_without_asking_are_refused(recipe, made_pack, tmp_path):
    data = [f"pack:{made_pack}"]
    train_rounds(replace(recipe, rounds=1), data, tmp_path, **OPTIONS)
    with pytest.raises(TrainingError, match="already holds rounds"):
        train_rounds(recipe, data, tmp_path, **OPTIONS)
    with pytest.raises(TrainingError, match="lr was"):
        train_rounds(replace(recipe, lr=5e-4), data, tmp_path, resume=True, **OPTIONS)


def test_curve_of_a_resumed_training_takes_the_later_log(tmp_path):
    for version, rows in {0: "0,10\n1,20\n", 1: "1,21\n2,30\n", 10: "3,40\n"}.items():
        log = tmp_path / f"logs/version_{version}/metrics.csv"
        log.parent.mkdir(parents=True)
        log.write_text("epoch,val_pck\n" + rows + "4,\n")
    assert validation_curve(tmp_path) == (10.0, 21.0, 30.0, 40.0)
