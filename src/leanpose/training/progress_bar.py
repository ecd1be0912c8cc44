"""The terminal's progress bar of a training that ends with the time, not with an epoch."""

from lightning.pytorch.callbacks import RichProgressBar

from leanpose.training.clock import TrainingClock
from leanpose.training.progress import spoken


class TimedProgressBar(RichProgressBar):
    """Says how much time was left when an epoch began, where Lightning's says the number of epochs."""

    def __init__(self, clock: TrainingClock) -> None:
        super().__init__()
        self.clock = clock

    def _get_train_description(self, current_epoch: int) -> str:
        left = max((self.clock.budget or 0.0) - self.clock.seconds, 0.0)
        return f"Epoch {current_epoch}, {spoken(left)} left "
