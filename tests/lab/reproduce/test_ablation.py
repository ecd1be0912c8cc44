"""A whole table on made people: trained, measured, not trained twice, refused where a folder holds another budget."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

from lab.reproduce import REPRODUCTIONS
from lab.reproduce.ablation import Ablation
from lab.reproduce.budget import Budget
from lab.reproduce.trainings import Arm, Setting
from leanpose.core.errors import DatasetError, TrainingError
from leanpose.datasets import readers
from leanpose.estimate.estimator import PoseEstimator
from leanpose.training.checkpoint import load_checkpoint, read_checkpoint
from leanpose.training.recipes import ablation_lsp

ARMS = [Arm("gated", "with gates", published={"PCKh": 88.0}), Arm("plain", "without", model_args={"gate": 1.0})]


@pytest.fixture
def setting(tmp_path, monkeypatch, made_samples):
    """8 people to train on, 4 to validate, 6 to test on."""

    def read(path, part, problems=None):
        return made_samples(*{"train": (8, 0), "val": (4, 1), "test": (6, 2)}[part])

    monkeypatch.setitem(readers.READERS, "made", read)
    return Setting(
        "made_table", [f"made:{tmp_path}"], Budget(epochs=1, side=64, seeds=2), tmp_path / "work", tmp_path / "out"
    )


@pytest.fixture
def table():
    base = replace(ablation_lsp(), model_args={"width": 8}, batch_size=4)
    return Ablation("Gates", "A paper", base, ARMS, [("gated", "plain", "gates help")])


def test_table_is_trained_measured_and_judged(setting, table, made_samples):
    result = table.run(setting)
    assert sorted(p.name for p in setting.work.iterdir()) == ["gated-s0", "gated-s1", "plain-s0", "plain-s1"]
    gates = {p.name: load_checkpoint(p / "last.ckpt").recipe for p in setting.work.iterdir()}
    assert gates["plain-s1"].model_args == {"width": 8, "gate": 1.0}
    assert (gates["gated-s0"].seed, gates["gated-s1"].seed) == (0, 1)

    metric = "lsp test PCK@0.2 mean of joints"
    for row, slug in zip(result.rows, ("gated", "plain"), strict=True):
        for seed, value in enumerate(row.measured[metric]):
            assert value == pytest.approx(_pck(setting.work / f"{slug}-s{seed}" / "last.ckpt", made_samples(6, 2)))
    assert result.rows[0].published == {"PCKh": 88.0}
    a, b = (row.measured[metric] for row in result.rows)
    p = ttest_rel(a, b).pvalue
    assert (result.claims[0].verdict == "cannot tell") == (not p < 0.05)
    assert "seeds=2" in result.setting["command"]


def _pck(checkpoint, samples):
    """PCK@0.2 by a loop over people and joints."""
    estimator = PoseEstimator(str(checkpoint), flip_test=True)
    found = np.zeros((len(samples), 14), bool)
    for n, sample in enumerate(samples):
        poses = estimator(sample.load_image(), sample.box)
        torso = np.linalg.norm(sample.keypoints[9] - sample.keypoints[2])
        for k in range(14):
            found[n, k] = np.linalg.norm(poses.keypoints[0, k] - sample.keypoints[k]) <= 0.2 * torso
    return 100 * found.mean()


def test_nothing_is_trained_twice(setting, table):
    one_seed = replace(setting, budget=Budget(epochs=1, side=64, seeds=1))
    table.run(one_seed)
    before = {p.name: (p / "last.ckpt").stat().st_mtime_ns for p in setting.work.iterdir()}
    table.run(one_seed)
    assert {p.name: (p / "last.ckpt").stat().st_mtime_ns for p in setting.work.iterdir()} == before


def test_an_interrupted_training_goes_on(setting, table):
    from leanpose.training.run import train

    budget = Budget(epochs=2, side=64)
    folder = setting.work / "gated-s0"
    train(budget.recipe(table.base, 0), list(setting.data), folder, workers=0, max_epochs=1, progress=False)
    assert read_checkpoint(folder / "last.ckpt").epoch == 0
    replace(table, arms=ARMS[:1], claims=[]).run(replace(setting, budget=budget))
    assert read_checkpoint(folder / "last.ckpt").epoch == 1


def test_trainings_under_another_budget_are_refused(setting, table):
    single = replace(table, arms=ARMS[:1], claims=[])
    single.run(replace(setting, budget=Budget(epochs=1, side=64)))
    with pytest.raises(TrainingError, match="another training"):
        single.run(replace(setting, budget=Budget(epochs=2, side=64)))


def test_without_images_there_is_an_error_that_says_so(setting, table):
    with pytest.raises((DatasetError, TrainingError), match="no dataset is named"):
        table.run(replace(setting, data=[]))


@pytest.mark.parametrize(
    "name", [name for name, entry in REPRODUCTIONS.items() if not (entry.trains or entry.measures)]
)
def test_what_needs_no_images_writes_its_page(name, tmp_path):
    if name in ("softgate_fig3", "lpn_speed"):
        pytest.skip("looks at trained weights, and at the clock: run by hand")
    setting = Setting(name, [], Budget(), tmp_path, tmp_path)
    page = REPRODUCTIONS[name].run(setting).write(tmp_path)
    assert f"leanpose reproduce {name}" in page.read_text()
