"""Training of the folds: who learns from whom, without learning anything."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leanpose.errors import TrainingError
from leanpose.training import folds
from leanpose.training.folds import train_folds
from leanpose.training.recipes import Recipe, recipe_named


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked of the trainer, which leaves a checkpoint that says whether it is finished."""
    asked: list[dict[str, Any]] = []

    def train(recipe: Recipe, data: list[str], out: Path, resume: bool = False, **options: Any) -> Path:
        asked.append({"recipe": recipe.name, "data": data, "out": out.name, "resume": resume, **options})
        out.mkdir(parents=True, exist_ok=True)
        (out / "last.ckpt").touch()
        return out / "best.ckpt"

    monkeypatch.setattr(folds, "train", train)
    monkeypatch.setattr(folds, "read_checkpoint", lambda path: SimpleNamespace(finished=path.parent.name != "fold2"))
    return asked


def test_each_fold_is_left_out_once_of_what_is_judged(tmp_path: Path, trained: list[dict[str, Any]]) -> None:
    recipe = recipe_named("fold_lsp")
    best = train_folds(recipe, ["lspet:a", "csv:b,images=c"], tmp_path, 2, ["lsp:d"], compiled=True)
    assert best == [tmp_path / "fold0" / "best.ckpt", tmp_path / "fold1" / "best.ckpt"]
    assert trained == [
        {
            "recipe": "fold_lsp", "out": f"fold{k}", "resume": False, "compiled": True,
            "data": [f"lspet:a,without={k}/2", f"csv:b,images=c,without={k}/2", "lsp:d"],
        }
        for k in range(2)
    ]  # fmt: skip
    train_folds(recipe, ["lspet:a"], tmp_path, 2)
    assert [entry["resume"] for entry in trained[2:]] == [True, True]


def test_what_cannot_judge_is_refused(tmp_path: Path, trained: Callable[..., None]) -> None:
    with pytest.raises(TrainingError, match="at least two are needed"):
        train_folds(recipe_named("fold_lsp"), ["lspet:a"], tmp_path, 1)
    with pytest.raises(TrainingError, match="fold2 stopped before its last epoch"):
        train_folds(recipe_named("fold_lsp"), ["lspet:a"], tmp_path, 3)
