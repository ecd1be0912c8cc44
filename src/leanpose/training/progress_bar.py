"""The terminal's progress bar: Lightning's, with what a user of ours can read."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import RichProgressBar

from leanpose.training.clock import TrainingClock
from leanpose.training.progress import spoken


class TrainingProgressBar(RichProgressBar):
    """Without the number of the run, of whose name, ``tensorboard``, Lightning shows the last four letters."""

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class TimedProgressBar(TrainingProgressBar):
    """Of a training that ends with the time, not with an epoch.

    It says how much time was left when an epoch began, where Lightning's says the number of epochs.
    """

    def __init__(self, clock: TrainingClock) -> None:
        super().__init__()
        self.clock = clock

    def _get_train_description(self, current_epoch: int) -> str:
        left = max((self.clock.budget or 0.0) - self.clock.seconds, 0.0)
        return f"Epoch {current_epoch}, {spoken(left)} left "
