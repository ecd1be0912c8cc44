"""Networks that judge labels they have not learned from: each trained without one fold of a dataset's people."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leanpose.checkpoint import read_checkpoint
from leanpose.errors import TrainingError
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

LOG = logging.getLogger(__name__)


def train_folds(
    recipe: Recipe, data: Sequence[str], out: Path, folds: int = 2, also: Sequence[str] = (), **options: Any
) -> list[Path]:
    """Train ``recipe`` once for each fold, without that fold of ``data``, into ``out/fold0``, ``out/fold1`` and so on.

    What stands there already is gone on with; finished trainings are left as they are.

    Args:
        data: datasets whose labels are to be judged, as ``KIND:PATH`` specs.
        folds: how many there are. More train on more people each, and take longer.
        also: datasets that all folds learn from, such as one whose labels are trusted.
        options: ``workers``, ``accelerator``, ``devices``, ``progress`` and ``compiled``, as
            :func:`leanpose.training.run.train` takes them.

    Returns:
        The best checkpoint of each fold.

    Raises:
        TrainingError: with fewer than two folds, and as a training raises it.
        DatasetError: when a dataset cannot be read.
    """
    if folds < 2:
        raise TrainingError(f"{folds} folds: at least two are needed, or nobody is left to learn from")
    best = []
    for fold in range(folds):
        folder = out / f"fold{fold}"
        last = folder / "last.ckpt"
        LOG.info("fold %d of %d", fold + 1, folds)
        specs = [*(f"{spec},without={fold}/{folds}" for spec in data), *also]
        best.append(train(recipe, specs, folder, resume=last.exists(), **options))
        if not read_checkpoint(last).finished:
            raise TrainingError(f"{folder} stopped before its last epoch: start again with the same to go on there")
    return best
