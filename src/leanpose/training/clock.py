"""The time of a training: counted over all its starts, and, where it has only so much, its schedule and its end."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import lightning as L

from leanpose.training.progress import Progress

WRITING = 2.0  # seconds for the last checkpoints, until it is known how long they take
MARGIN = 1.1  # of the time kept for the end over the longest that it took before


class TrainingClock(L.Callback):
    """Counts time and epochs, which every checkpoint then says, and ends a training of limited time.

    With a budget the recipe's schedule is stretched: its last epoch ends when the time is over but for what the last
    validation and the checkpoints take. How long that is, is measured at the end of each epoch; before the first it is
    taken to be a training step for each batch of the validation.

    Args:
        epochs: of the recipe's schedule.
        budget: seconds, this training's earlier starts included; None for no limit.
        now: seconds on a clock that never goes back.
        start: when this start began on that clock; now if not given.
    """

    def __init__(
        self,
        epochs: int,
        budget: float | None = None,
        now: Callable[[], float] = time.monotonic,
        start: float | None = None,
    ) -> None:
        self.schedule_epochs = epochs
        self.budget = budget
        self.now = now
        self._before = Progress(0.0, 0)
        self._start = now() if start is None else start
        self._began: float | None = None
        self._batches = 0
        self._per_epoch = 1
        self._place = (0, 0)
        self._ended = False
        self._this_batch = 0.0
        self._last_end: float | None = None
        self._epoch_ended = False
        self._step_seconds, self._steps = 0.0, 0
        self._pause: float | None = None
        self._val_batches = 0
        self._share = 0.0

    def go_on(self, before: Progress) -> None:
        """Counts on from where a training stopped, before it starts again."""
        self._before, self._began, self._place = before, before.began, (before.epoch, before.batch)
        self._this_batch = self.seconds

    @property
    def seconds(self) -> float:
        """Of training until now, over all its starts."""
        return (self._before.seconds or 0.0) + self.now() - self._start

    @property
    def progress(self) -> Progress:
        """What checkpoints say."""
        epochs = round(self._before.epochs + self._batches / self._per_epoch, 6)
        return Progress(epochs, *self._place, self.seconds, self._began, self.budget, self._ended)

    def epoch(self) -> float:
        """The point of the recipe's schedule, in its epochs, fractions included; needs a budget."""
        assert self.budget is not None
        began = self._began or 0.0
        share = (self._this_batch - began) / max(self.budget - self._reserve - began, 1e-9)
        # a validation that takes longer than thought moves the end, and nothing may go back for it
        self._share = max(self._share, min(max(share, 0.0), 1.0))
        return self._share * self.schedule_epochs

    @property
    def _reserve(self) -> float:
        """Seconds between the last step and the end."""
        step = self._step_seconds / max(self._steps, 1)
        return MARGIN * (WRITING + step * self._val_batches if self._pause is None else self._pause)

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Takes the time of this step: one process's for all, or their schedules would differ."""
        seconds = self.seconds
        self._this_batch = trainer.strategy.broadcast(seconds) if trainer.world_size > 1 else seconds
        if self._began is None:
            self._began = self._this_batch
        if self._epoch_ended and self._last_end is not None:
            self._pause = max(self._pause or 0.0, self._this_batch - self._last_end)
        if self._epoch_ended or self._last_end is None:
            self._last_end, self._epoch_ended = self._this_batch, False
        self._per_epoch = int(trainer.num_training_batches)
        self._val_batches = sum(int(n) for n in trainer.num_val_batches)

    def on_train_batch_end(self, trainer: L.Trainer, _module: Any, _outputs: Any, _batch: Any, batch_idx: int) -> None:
        """Counts the step, and ends the training if another one would take more than what is left."""
        self._batches += 1
        self._place = (trainer.current_epoch, batch_idx + 1)
        seconds = self.seconds if trainer.world_size == 1 else trainer.strategy.broadcast(self.seconds)
        self._step_seconds += seconds - (self._last_end or 0.0)
        self._steps += 1
        self._last_end = seconds
        if self.budget is None:
            return
        # at an epoch's end a validation comes first, and after another step there is a second one
        first = self._reserve if batch_idx + 1 >= self._per_epoch else 0.0
        if seconds + first + self._step_seconds / self._steps > self.budget - self._reserve:
            self._ended = trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """The next batch is another epoch's first."""
        self._place = (trainer.current_epoch + 1, 0)
        self._epoch_ended = True

    @property
    def state_key(self) -> str:
        """Where :func:`leanpose.training.checkpoint.read_checkpoint` finds it."""
        return "TrainingClock"

    def state_dict(self) -> dict[str, Any]:
        """The progress. What reads it is :meth:`go_on`, before the training starts again."""
        return asdict(self.progress)
