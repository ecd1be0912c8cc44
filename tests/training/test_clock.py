"""Trainings of limited time, on a clock that training steps and validations move: schedule, end, resumption."""

import dataclasses
import functools
import signal
from pathlib import Path

import pytest
import torch

from leanpose.core.errors import TrainingError
from leanpose.engines.card import ModelCard
from leanpose.training import run
from leanpose.training.checkpoint import load_checkpoint, read_checkpoint, save_weights
from leanpose.training.clock import MARGIN, TrainingClock
from leanpose.training.module import PoseModule
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

CPU = {"accelerator": "cpu", "workers": 0, "progress": False}
READING, STEP, VALIDATION = 5.0, 1.0, 3.0  # seconds


class _Time:
    """A clock that stands still but for what the training does, and a record of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_at: float | None = None) -> None:
        self.seconds = 1000.0
        self.steps: list[tuple[float, float, int, bool]] = []  # time at the start, rate, crop side, whether frozen
        started, step, validation = run.keep_freed_memory, PoseModule.training_step, PoseModule.on_validation_epoch_end

        def read() -> None:
            started()
            self.seconds += READING

        def train_step(module: PoseModule, batch: dict, index: int) -> object:
            (group, *_) = module.optimizers().optimizer.param_groups  # type: ignore[union-attr]
            frozen = not next(module.model.parameters()).requires_grad
            self.steps.append((self.seconds, group["lr"], batch["images"].shape[-1], frozen))
            result = step(module, batch, index)
            self.seconds += STEP
            if stop_at is not None and self.seconds >= stop_at:
                signal.raise_signal(signal.SIGTERM)
            return result

        def validate(module: PoseModule) -> None:
            validation(module)
            self.seconds += VALIDATION

        monkeypatch.setattr(run, "keep_freed_memory", read)
        monkeypatch.setattr(PoseModule, "training_step", train_step)
        monkeypatch.setattr(PoseModule, "on_validation_epoch_end", validate)
        monkeypatch.setattr(run, "TrainingClock", functools.partial(TrainingClock, now=lambda: self.seconds))


@pytest.fixture
def recipe(small_recipe: Recipe) -> Recipe:
    """Four steps an epoch; the schedule is of other ten epochs than there will be."""
    return dataclasses.replace(small_recipe, batch_size=2, epochs=10, warmup_epochs=2.0, model_args={"width": 16})


def test_the_schedule_ends_with_the_time(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(recipe, input_hw=(128, 128), early_input_hw=(64, 64), early_share=0.5, frozen_epochs=3)
    time = _Time(monkeypatch)
    train(recipe, [f"pack:{made_pack}"], tmp_path, budget=60.0, **CPU)
    # 5 s of reading, then epochs of 4 s and validations of 3 s: seven end at 54 s, and in the eighth are two steps:
    # after a third one there would be 3 s, and 3.3 are kept
    assert time.seconds - 1000 == 59
    assert len(time.steps) == 30
    progress = read_checkpoint(tmp_path / "last.ckpt").progress
    assert progress.ended
    assert progress.seconds == time.seconds - 1000
    assert progress.epochs == len(time.steps) / 4
    began, end = 1000 + READING, 1000 + 60 - MARGIN * VALIDATION
    # from when a validation has told how long it takes
    for (before, *_), (now, rate, side, frozen) in zip(time.steps[5:-1], time.steps[6:], strict=True):
        share = (before - began) / (end - began)
        assert rate == pytest.approx(recipe.lr_at(10 * share), rel=1e-6)
        assert side == (64 if share < 0.5 else 128)
        assert frozen == ((now - began) / (end - began) < 0.3)
    rates = [rate for _, rate, _, _ in time.steps]
    assert max(rates) == pytest.approx(recipe.lr, rel=0.05)
    assert rates[0] < 0.1 * recipe.lr
    assert rates[-1] < 0.02 * recipe.lr


def test_time_used_before_a_stop_counts(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [f"pack:{made_pack}"]
    with monkeypatch.context() as patched:
        first = _Time(patched, stop_at=1028.0)
        with pytest.raises(TrainingError, match="stopped by SIGTERM"):
            train(recipe, data, tmp_path, budget=60.0, **CPU)
    kept = read_checkpoint(tmp_path / "last.ckpt").progress
    assert kept.seconds == first.seconds - 1000 == 28
    assert not kept.ended
    second = _Time(monkeypatch)
    train(recipe, data, tmp_path, resume=True, budget=60.0, **CPU)
    after = read_checkpoint(tmp_path / "last.ckpt").progress
    assert after.seconds is not None
    assert after.seconds == 28 + second.seconds - 1000
    assert 60 - 2 * (STEP + VALIDATION) <= after.seconds <= 60
    assert after.epochs == (len(first.steps) + len(second.steps)) / 4
    # reading anew takes its time, so that the rate goes on a little lower than it was
    rates = [rate for time in (first, second) for _, rate, _, _ in time.steps]
    top = rates.index(max(rates))
    assert rates[top:] == sorted(rates[top:], reverse=True)
    best = tmp_path / "best.ckpt"
    assert train(recipe, data, tmp_path, resume=True, budget=60.0, **CPU) == best
    assert len(second.steps) == round(4 * after.epochs) - len(first.steps)  # nothing was left to train
    with pytest.raises(TrainingError, match=r"the time for all of it was 1 min, is 2 min"):
        train(recipe, data, tmp_path, resume=True, budget=120.0, **CPU)
    with pytest.raises(TrainingError, match=r"the time for all of it was 1 min, is none"):
        train(recipe, data, tmp_path, resume=True, **CPU)


def test_too_little_time_still_gives_a_checkpoint(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = _Time(monkeypatch)
    train(recipe, [f"pack:{made_pack}"], tmp_path, budget=1.0, **CPU)
    assert len(time.steps) == 1
    assert read_checkpoint(tmp_path / "best.ckpt").epochs == 0.25


def test_card_and_weights_say_the_epochs_and_the_time(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Time(monkeypatch)
    train(recipe, [f"pack:{made_pack}"], tmp_path, budget=32.0, **CPU)
    stored = read_checkpoint(tmp_path / "last.ckpt")
    card = load_checkpoint(tmp_path / "last.ckpt").card
    assert card.epochs == stored.progress.epochs
    assert card.epochs % 1 > 0
    assert card.hours == round(stored.progress.seconds / 3600, 3)  # type: ignore[operator]
    save_weights(tmp_path / "last.ckpt", tmp_path / "w.safetensors")
    saved = ModelCard.load(tmp_path / "w.json")
    assert (saved.epochs, saved.hours) == (card.epochs, card.hours)


def test_checkpoints_of_earlier_versions_have_whole_epochs(tmp_path: Path, recipe: Recipe) -> None:
    parameters = {"recipe": recipe.to_dict(), "skeleton": "lsp14", "datasets": ["lsp"]}
    for epoch, finished in ((8, False), (9, True)):
        torch.save({"hyper_parameters": parameters, "state_dict": {}, "epoch": epoch}, tmp_path / "old.ckpt")
        stored = read_checkpoint(tmp_path / "old.ckpt")
        assert (stored.epochs, stored.progress.hours, stored.finished) == (epoch + 1, None, finished)


def test_time_that_goes_back_is_no_way_to_a_higher_rate(recipe: Recipe) -> None:
    """A validation that takes longer than thought leaves less time, never more."""
    clock = TrainingClock(recipe.epochs, 100.0, lambda: 0.0)
    clock._began, places = 0.0, []
    for seconds, pause in ((10, 5.0), (50, 5.0), (51, 40.0), (52, 5.0), (200, 5.0)):
        clock._this_batch, clock._pause = seconds, pause
        places.append(clock.epoch())
    assert places == sorted(places)
    assert places[0] == pytest.approx(10 * 10 / (100 - MARGIN * 5))
    assert places[-1] == 10


def test_what_ran_before_the_clock_counts_where_its_start_is_given() -> None:
    assert TrainingClock(10, now=lambda: 50.0).seconds == 0
    assert TrainingClock(10, now=lambda: 50.0, start=20.0).seconds == 30
