"""Stopped trainings: what is kept of an epoch in its middle, and that going on there is as if there was no stop."""

import dataclasses
import os
import signal
import threading
from pathlib import Path

import pytest
import torch

from leanpose.core import files
from leanpose.core.errors import TrainingError, TrainingStoppedError
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.keeping import StopSignals, WholeFiles
from leanpose.training.module import PoseModule
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

from .checkpoints import assert_equal

CPU = {"accelerator": "cpu", "progress": False}


@pytest.fixture
def recipe(small_recipe: Recipe) -> Recipe:
    """Four steps an epoch."""
    return dataclasses.replace(small_recipe, batch_size=2, epochs=3)


def _signal_at(monkeypatch: pytest.MonkeyPatch, epoch: int, batch: int, number: int, hook: str = "training_step"):
    """Sends the signal to this process in that step."""
    original = getattr(PoseModule, hook)

    def step(self: PoseModule, content: dict, index: int) -> object:
        if (self.current_epoch, index) == (epoch, batch):
            os.kill(os.getpid(), number)
        return original(self, content, index)

    monkeypatch.setattr(PoseModule, hook, step)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.usefixtures("hangups")
@pytest.mark.parametrize(("epoch", "number"), [(0, signal.SIGTERM), (1, signal.SIGHUP)])
def test_going_on_within_an_epoch_equals_no_stop(
    epoch: int, number: int, workers: int, tmp_path: Path, made_pack: Path, recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    data = [f"pack:{made_pack}"]
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    train(recipe, data, straight, workers=workers, **CPU)
    with monkeypatch.context() as patched:
        _signal_at(patched, epoch, 1, number)
        name = signal.Signals(number).name
        words = rf"stopped by {name} in epoch {epoch} after 2 of 4 batches: .*last"
        with pytest.raises(TrainingStoppedError, match=words) as stopped:
            train(recipe, data, broken, workers=workers, **CPU)
    assert stopped.value.exit_status == 128 + number
    stored = read_checkpoint(broken / "last.ckpt")
    assert (stored.progress.epoch, stored.progress.batch) == (epoch, 2)
    assert stored.epochs == epoch + 0.5
    assert not stored.finished
    train(recipe, data, broken, resume=True, workers=workers, **CPU)
    a, b = (torch.load(run / "last.ckpt", weights_only=True) for run in (straight, broken))
    for part in (
        "epoch", "global_step", "state_dict", "current_model_state", "averaging_state", "optimizer_states",
        "lr_schedulers",
    ):  # fmt: skip
        assert_equal(a[part], b[part], part)
    assert read_checkpoint(broken / "last.ckpt").epochs == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_going_on_at_an_epochs_end_equals_no_stop_with_loader_processes_too(
    workers: int, tmp_path: Path, made_pack: Path, recipe: Recipe
) -> None:
    """They draw ahead: from the epoch that comes, not from the first."""
    data = [f"pack:{made_pack}"]
    train(recipe, data, tmp_path / "straight", workers=workers, **CPU)
    train(recipe, data, tmp_path / "broken", max_epochs=1, workers=workers, **CPU)
    train(recipe, data, tmp_path / "broken", resume=True, workers=workers, **CPU)
    a, b = (torch.load(tmp_path / run / "last.ckpt", weights_only=True) for run in ("straight", "broken"))
    for part in ("state_dict", "current_model_state", "optimizer_states"):
        assert_equal(a[part], b[part], part)


def test_a_long_epoch_is_written_in_its_middle(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, where no signal can be caught, it loses what came after the last writing."""
    original = PoseModule.training_step

    def killed(self: PoseModule, batch: dict, index: int) -> object:
        if (self.current_epoch, index) == (1, 3):
            raise OSError("power cut")
        return original(self, batch, index)

    with monkeypatch.context() as patched:
        patched.setattr(PoseModule, "training_step", killed)
        with pytest.raises(OSError, match="power cut"):
            train(recipe, [f"pack:{made_pack}"], tmp_path, save_every=0, workers=0, **CPU)
    stored = read_checkpoint(tmp_path / "last.ckpt")
    assert (stored.progress.epoch, stored.progress.batch) == (1, 3)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    (best,) = (state for key, state in content["callbacks"].items() if "val_pck" in key)
    assert best["best_model_score"] is not None  # of the first epoch, which a resumed run has to beat
    train(recipe, [f"pack:{made_pack}"], tmp_path, resume=True, workers=0, **CPU)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 12


@pytest.mark.parametrize(("epoch", "kept"), [(0, "nothing was written before"), (1, r"last\.ckpt goes on from there")])
def test_a_validation_is_not_waited_for(
    epoch: int, kept: str, tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _signal_at(monkeypatch, epoch, 0, signal.SIGTERM, "validation_step")
    with pytest.raises(TrainingError, match=rf"stopped by SIGTERM in the validation of epoch {epoch}: .*{kept}"):
        train(recipe, [f"pack:{made_pack}"], tmp_path, workers=0, **CPU)
    assert (tmp_path / "last.ckpt").exists() == (epoch > 0)


def test_a_signal_in_the_last_step_of_an_epoch_ends_in_its_validation(
    tmp_path: Path, made_pack: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _signal_at(monkeypatch, 1, 3, signal.SIGINT)
    with pytest.raises(TrainingError, match="stopped by SIGINT in the validation of epoch 1"):
        train(recipe, [f"pack:{made_pack}"], tmp_path, workers=0, **CPU)
    assert read_checkpoint(tmp_path / "last.ckpt").epochs == 1


def test_the_second_signal_ends_at_once_and_handlers_are_given_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received is signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in numbers] == before


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
        assert signals.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_trains_without_handlers() -> None:
    entered: list[StopSignals] = []

    def enter() -> None:
        with StopSignals() as signals:
            entered.append(signals)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered[0].received is None


def test_a_checkpoint_that_cannot_be_written_whole_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"epoch": 1}, path)

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(TrainingError, match=r"cannot write .*last\.ckpt: No space left on device"):
        WholeFiles().save_checkpoint({"epoch": 2}, path)
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["last.before.ckpt", "last.ckpt"]


@pytest.mark.parametrize("links", [True, False])
def test_the_last_checkpoint_before_stays(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for epoch in range(4):
        for name in ("last.ckpt", "best.ckpt"):
            WholeFiles().save_checkpoint({"epoch": epoch}, tmp_path / name)
        kept = {path.name: torch.load(path, weights_only=True)["epoch"] for path in tmp_path.iterdir()}
        before = {"last.before.ckpt": epoch - 1} if epoch else {}
        assert kept == {"last.ckpt": epoch, "best.ckpt": epoch} | before
