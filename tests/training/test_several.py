"""Trainings by two processes on the CPU, which talk by gloo: they are one training. `pytest -m slow`, a minute."""

import csv
import os
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from leanpose.datasets.readers.pack import write_pack
from leanpose.training.recipes import Recipe

from .checkpoints import assert_equal
from .several import start

pytestmark = pytest.mark.slow


def _train(folder: Path, recipe: Recipe, pack: Path, name: str, **options: Any) -> Path:
    started = start(folder, recipe, pack, folder / name, **options)
    _, said = started.communicate(timeout=300)
    assert started.returncode == 0, said
    return folder / name


def _drawn(out: Path, part: str) -> list[Counter[tuple[int, int]]]:
    found = []
    for path in sorted(out.glob("drawn.*")):
        lines = [line.split() for line in path.read_text().splitlines()]
        found.append(Counter((int(epoch), int(index)) for kind, epoch, index in lines if kind == part))
    return found


def _scores(out: Path, name: str = "val_pck") -> list[float]:
    rows = csv.DictReader((out / "logs/version_0/metrics.csv").read_text().splitlines())
    return [float(row[name]) for row in rows if row[name]]


def _weights(out: Path) -> dict[str, torch.Tensor]:
    content = torch.load(out / "last.ckpt", weights_only=True)
    return {name: value for name, value in content["state_dict"].items() if "running" not in name and value.ndim}


def _apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return float(torch.sqrt(sum(((one[name] - other[name]) ** 2).sum() for name in one)))  # type: ignore[arg-type]


def _runs(process: int) -> bool:
    """Whether it does, and is not one that ended and whom nobody asked for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, made_samples: Any) -> Path:
    """8 people to train on, and 5 to validate on, which two processes cannot share evenly."""
    path = tmp_path_factory.mktemp("pack") / "made.npz"
    write_pack(path, {"train": made_samples(8, 0), "val": made_samples(5, 1)})
    return path


def test_two_processes_are_one_training(tmp_path: Path, pack: Path, small_recipe: Recipe) -> None:
    """The same loss, and weights that are apart by rounding alone, which Adam makes much of where a gradient is else 0.
    In float64, for in float32 the order of the pictures of a batch changes this network's gradients by a fifth."""
    precision = "64-true"
    options = {"precision": precision, "max_epochs": 3}
    one, two = (_train(tmp_path, small_recipe, pack, f"by{n}", devices=n, **options) for n in (1, 2))
    begun = _train(tmp_path, replace(small_recipe, lr=1e-12), pack, "begun", precision=precision, max_epochs=1)

    parts = _drawn(two, "train")
    assert len(parts) == 2
    assert not parts[0] & parts[1]
    assert parts[0] + parts[1] == _drawn(one, "train")[0] == Counter((e, i) for e in range(3) for i in range(8))
    validated = _drawn(two, "val")
    assert (validated[0] | validated[1]).keys() == _drawn(one, "val")[0].keys()

    moved, apart = _apart(_weights(begun), _weights(one)), _apart(_weights(one), _weights(two))
    print(f"moved {moved:.3g}, apart {apart:.3g}, {_scores(one)} {_scores(two)}")
    assert apart < 0.01 * moved
    assert _scores(two) == pytest.approx(_scores(one))
    assert _scores(two, "train_loss") == pytest.approx(_scores(one, "train_loss"), rel=1e-5)


def test_resumed_by_two_is_as_uninterrupted(tmp_path: Path, pack: Path, small_recipe: Recipe) -> None:
    straight = _train(tmp_path, small_recipe, pack, "straight", devices=2)
    broken = _train(tmp_path, small_recipe, pack, "broken", devices=2, max_epochs=2)
    _train(tmp_path, small_recipe, pack, "broken", devices=2, resume=True)
    a, b = (torch.load(run / "last.ckpt", weights_only=True) for run in (straight, broken))
    assert a["epoch"] == b["epoch"] == 3
    assert a["global_step"] == b["global_step"] == 8
    for part in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
        assert_equal(a[part], b[part], part)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_loss_of_a_process_ends_the_others_with_a_word(
    tmp_path: Path, pack: Path, small_recipe: Recipe, lost: int
) -> None:
    out = tmp_path / "run"
    started = start(tmp_path, replace(small_recipe, epochs=1000), pack, out, devices=2)
    until = time.monotonic() + 120
    while not (out / "last.ckpt").exists():
        assert time.monotonic() < until
        assert started.poll() is None
        time.sleep(0.1)
    victim, other = (int((out / f"process.{rank}").read_text()) for rank in (lost, 1 - lost))
    os.kill(victim, signal.SIGKILL)
    _, said = started.communicate(timeout=60)  # the end of both, for both have its stderr
    assert "one of the 2 processes of the training ended" in said
    assert "start all of them again, and resume" in said
    assert started.returncode == (2 if lost else -signal.SIGKILL)
    assert not _runs(other)
    assert torch.load(out / "last.ckpt", weights_only=True)["epoch"] >= 0
