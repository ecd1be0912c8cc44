"""Which checkpoint a training goes on from: the newest that is whole."""

import logging
import os
from pathlib import Path

from leanpose.core.errors import ModelError, TrainingError
from leanpose.core.files import write_whole
from leanpose.training.checkpoint import Stored, read_checkpoint

LAST, BEFORE, BEST = "last.ckpt", "last.before.ckpt", "best.ckpt"
DAMAGED = "last.damaged.ckpt"
LOG = logging.getLogger(__name__)


def holds_training(out: Path) -> bool:
    """Whether a training has written into the folder."""
    return any((out / name).exists() for name in (LAST, BEFORE))


def newest_whole(out: Path) -> tuple[Path, Stored]:
    """The checkpoint of a folder that a training goes on from: ``last.ckpt``, or where that is damaged or not there the
    newest of the one before it and the best one.

    Raises:
        TrainingError: when there is none at all.
        ModelError: when none is whole; it is about ``last.ckpt``.
    """
    last = out / LAST
    if not any((out / name).exists() for name in (LAST, BEFORE, BEST)):
        raise TrainingError(f"{last} does not exist: nothing to resume; start without resuming")
    try:
        return last, read_checkpoint(last)
    except ModelError as error:
        found: list[tuple[Path, Stored]] = []
        for path in (out / BEFORE, out / BEST):
            try:
                found.append((path, read_checkpoint(path)))
            except ModelError:  # not there, or damaged too
                continue
        if not found:
            raise
        path, stored = max(found, key=lambda one: one[1].progress.epochs)
        LOG.warning("%s; going on from %s, the newest that is whole: %s", error, path, stored.progress)
        return path, stored


def make_last(path: Path) -> None:
    """Makes a checkpoint of a training its ``last.ckpt``, where that is another; a damaged one is set aside.

    Raises:
        TrainingError: when that fails.
    """
    last = path.with_name(LAST)
    if path == last:
        return
    try:
        if last.exists():
            os.replace(last, last.with_name(DAMAGED))
        if path.name == BEST:
            write_whole(last, path.read_bytes(), TrainingError, durable=True)
        else:
            os.replace(path, last)
    except OSError as error:
        raise TrainingError(f"cannot make {path} the last checkpoint: {error.strerror}") from error
