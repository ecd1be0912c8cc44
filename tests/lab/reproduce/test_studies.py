"""Every study can start: the networks of all its rows can be built."""

from importlib import import_module
from pathlib import Path

import pytest
import torch

import lab.reproduce
from lab.reproduce.ablation import Ablation
from lab.reproduce.trainings import Arm
from leanpose.models import create_model
from leanpose.training.recipes import Recipe

JOINTS = 14


def _arms() -> list[tuple[str, Arm, Recipe]]:
    found = []
    for path in sorted(Path(lab.reproduce.__file__).parent.glob("*.py")):
        module = import_module(f"lab.reproduce.{path.stem}") if path.stem != "__init__" else lab.reproduce
        for name, study in vars(module).items():
            if isinstance(study, Ablation):
                found += [(f"{path.stem}.{name}.{arm.slug}", arm, study.base) for arm in study.arms]
    return found


ARMS = _arms()


def test_the_papers_ablations_are_among_them() -> None:
    assert {name.rpartition(".")[0] for name, _, _ in ARMS} >= {
        "softgate.table2", "softgate.table4", "softgate.skips", "elhrnet.blocks", "lpn.attention", "sfm.parts",
    }  # fmt: skip


@pytest.mark.parametrize(("arm", "base"), [row[1:] for row in ARMS], ids=[row[0] for row in ARMS])
def test_every_row_of_a_study_can_be_built(arm: Arm, base: Recipe) -> None:
    recipe = arm.recipe(base)
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(recipe.model, JOINTS, **recipe.model_args).parameters())
