"""Going on from what is whole, whatever happened to the rest; and full disks, which take nothing away."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.loggers import CSVLogger

from leanpose.core.errors import ModelError, TrainingError
from leanpose.training.checkpoint import read_checkpoint
from leanpose.training.recipes import Recipe
from leanpose.training.resuming import make_last, newest_whole
from leanpose.training.run import train

from .checkpoints import assert_equal

CPU = {"accelerator": "cpu", "progress": False, "workers": 0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, made_pack: Path) -> tuple[Recipe, Path]:
    """A training of three epochs of which two are done."""
    recipe = dataclasses.replace(
        Recipe(
            "small_test", "softgate_1x64", model_args={"width": 16, "stacks": 1}, input_hw=(64, 64), sigma=1.0,
            loss="cross_entropy", head_init="zero", optimizer="adamw", lr=1e-3, batch_size=4, warmup_epochs=0.5,
            schedule="cosine", ema=0.9,
        ),
        epochs=3,
    )  # fmt: skip
    out = tmp_path_factory.mktemp("trained")
    train(recipe, [f"pack:{made_pack}"], out, max_epochs=2, **CPU)
    return recipe, out


@pytest.fixture
def copy(trained: tuple[Recipe, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained[1], tmp_path / "copy"))


def test_the_two_last_are_there(copy: Path) -> None:
    epochs = {name: read_checkpoint(copy / name).epochs for name in ("last.ckpt", "last.before.ckpt")}
    assert epochs == {"last.ckpt": 2, "last.before.ckpt": 1}
    assert newest_whole(copy)[0] == copy / "last.ckpt"


@pytest.mark.parametrize("share", [None, 0, 0.2, 0.9, 0.9999])
def test_a_last_one_that_is_cut_or_gone_is_passed_over(copy: Path, share: float | None, caplog) -> None:
    last, best = copy / "last.ckpt", read_checkpoint(copy / "best.ckpt").epochs
    content = last.read_bytes()
    if share is None:
        last.unlink()
    else:
        last.write_bytes(content[: int(share * len(content))])
    path, stored = newest_whole(copy)
    assert path.name == ("best.ckpt" if best == 2 else "last.before.ckpt")
    assert stored.epochs == max(best, 1)
    assert f"going on from {path}, the newest that is whole: {stored.epochs} epoch" in caplog.text
    make_last(path)
    assert read_checkpoint(last).epochs == stored.epochs
    assert (copy / "last.damaged.ckpt").exists() == (share is not None)
    for name in ("last.ckpt", "last.before.ckpt", "best.ckpt"):
        (copy / name).write_bytes(content[:1000])
    with pytest.raises(ModelError, match=r"last\.ckpt: not a checkpoint"):
        newest_whole(copy)


@settings(max_examples=25, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_wrong_bit_is_seen_or_says_nothing(trained: tuple[Recipe, Path], place: float, bit: int) -> None:
    _, out = trained
    content = bytearray((out / "last.ckpt").read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path = out / "flipped.ckpt"
    path.write_bytes(content)
    try:
        stored = read_checkpoint(path)
    except ModelError:
        return
    finally:
        path.unlink()
    assert_equal(stored.weights, read_checkpoint(out / "last.ckpt").weights, "state_dict")


def test_going_on_from_the_one_before_is_the_same_training(
    trained: tuple[Recipe, Path], copy: Path, made_pack: Path, tmp_path: Path
) -> None:
    recipe, out = trained
    data = [f"pack:{made_pack}"]
    straight = Path(shutil.copytree(out, tmp_path / "straight"))
    (copy / "last.ckpt").write_bytes((copy / "last.ckpt").read_bytes()[:-5000])
    (copy / "best.ckpt").unlink()
    with pytest.raises(TrainingError, match="already holds a training"):
        train(recipe, data, copy, **CPU)
    for folder in (straight, copy):
        train(recipe, data, folder, resume=True, **CPU)
    a, b = (torch.load(folder / "last.ckpt", weights_only=True) for folder in (straight, copy))
    for part in ("epoch", "global_step", "state_dict", "optimizer_states", "averaging_state"):
        assert_equal(a[part], b[part], part)


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["checkpoint", "log"])
def test_a_full_disk_is_said_and_takes_nothing_away(
    where: str, trained: tuple[Recipe, Path], copy: Path, made_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, _ = trained
    data = [f"pack:{made_pack}"]
    with monkeypatch.context() as patched:
        if where == "checkpoint":
            patched.setattr("leanpose.core.files.Path.write_bytes", _full)
        else:
            patched.setattr(CSVLogger, "save", _full)
        with pytest.raises(TrainingError, match=r"cannot write .*: No space left on device; .*make room"):
            train(recipe, data, copy, resume=True, **CPU)
    assert read_checkpoint(copy / "last.ckpt").epochs == 2
    assert not [name for name in os.listdir(copy) if name.endswith(".part")]
    train(recipe, data, copy, resume=True, **CPU)
    assert read_checkpoint(copy / "last.ckpt").epochs == 3
