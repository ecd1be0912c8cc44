"""Keeping what is trained: checkpoints within long epochs and on signals to stop, and files that are whole or not."""

import io
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from leanpose.core.errors import TrainingError, TrainingStoppedError
from leanpose.core.files import write_whole
from leanpose.core.stopping import Stopped, exit_status, leave_closed_terminal, stop_signals
from leanpose.training.resuming import BEFORE, LAST

SAVE_EVERY = 300.0  # seconds


class WholeFiles(TorchCheckpointIO):
    """Writes checkpoints beside their place and renames them; the ``last.ckpt`` before it stays as well.

    Lightning writes into the folder of temporary files and moves: that is a copy, which may be cut off, where this is
    another file system.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Writes ``checkpoint`` to ``path``; ``storage_options`` are not used.

        Raises:
            TrainingError: when it cannot be written. What stood there before still does.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        if Path(path).name == LAST:
            _keep(Path(path))  # first: on a full disk the one before that then makes room
        write_whole(path, content.getvalue(), TrainingError, durable=True)


def _keep(last: Path) -> None:
    """Gives the checkpoint a second name, under which it stays when it is replaced."""
    if not last.exists():
        return
    before = last.with_name(BEFORE)
    with suppress(OSError):  # a disk that lets nothing be removed: writing says so
        before.unlink(missing_ok=True)
        try:
            os.link(last, before)
        except OSError:  # file systems without links; resuming knows the other name
            os.replace(last, before)


class StopSignals:
    """While entered, remembers the first SIGINT, SIGTERM or SIGHUP instead of dying of it; the second ends at once.

    In a thread other than the main one, where Python allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._remember) for number in stop_signals()}
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None or os.getpid() != self._process:
            raise Stopped(number)
        leave_closed_terminal()
        self.received = signal.Signals(number)


class KeptWithinEpochs(Checkpoint):
    """Writes ``last.ckpt`` every few minutes between two steps of an epoch, and once more on a signal to stop.

    A training that goes on from it is what it would have been. Lightning calls checkpoint callbacks after all others,
    so that averages and counts are those of the step.

    Args:
        path: of the checkpoint.
        signals: whose first one ends the training.
        every: seconds from one writing to the next.
        now: seconds on a clock that never goes back.
    """

    def __init__(
        self, path: Path, signals: StopSignals, every: float = SAVE_EVERY, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.path, self.signals, self.every, self.now = path, signals, every, now
        self._written = now()

    def on_train_start(self, _trainer: L.Trainer, _module: Any) -> None:
        """The first writing is due that much later."""
        self._written = self.now()

    def on_train_batch_end(self, trainer: L.Trainer, _module: Any, _outputs: Any, _batch: Any, batch_idx: int) -> None:
        """Writes if it is time to; not after an epoch's last step, whose validation and checkpoints come next.

        Raises:
            TrainingError: after a signal.
        """
        stop, due = self.signals.received is not None, self.now() - self._written >= self.every
        if trainer.world_size > 1:  # all processes write together
            stop, due = (trainer.strategy.reduce_boolean_decision(each, all=False) for each in (stop, due))
        if not (stop or due) or trainer.should_stop or batch_idx + 1 >= trainer.num_training_batches:
            return
        trainer.save_checkpoint(self.path)
        self._written = self.now()
        if stop:
            batches = f"{batch_idx + 1} of {trainer.num_training_batches} batches"
            self._end(f"in epoch {trainer.current_epoch} after {batches}")

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Does not wait for the end of a validation.

        Raises:
            TrainingError: after a signal.
        """
        if self.signals.received is not None:
            self._end(f"in the validation of epoch {trainer.current_epoch}")

    def on_train_epoch_end(self, trainer: L.Trainer, _module: Any) -> None:
        """Comes after the callback that writes ``last.ckpt`` at the end of an epoch.

        Raises:
            TrainingError: after a signal.
        """
        self._written = self.now()
        if self.signals.received is not None:
            self._end(f"at the end of epoch {trainer.current_epoch}")

    def _end(self, where: str) -> None:
        received = self.signals.received or signal.SIGTERM
        name = received.name if self.signals.received else "a signal to another process"
        kept = f"{self.path} goes on from there when resumed" if self.path.exists() else "nothing was written before it"
        raise TrainingStoppedError(f"stopped by {name} {where}: {kept}", exit_status(received))
