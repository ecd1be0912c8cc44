"""How far a training has come: in epochs, in time, and where in an epoch it goes on."""

import re
from dataclasses import dataclass

from leanpose.core.errors import TrainingError

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True)
class Progress:
    """What a checkpoint says of the training behind it; plain data.

    Attributes:
        epochs: trained, fractions included.
        epoch, batch: where the training goes on: after this many batches of this epoch, from 0.
        seconds: of training, over all its starts; None where nobody counted them.
        began: seconds until the first batch.
        budget: seconds over which the schedule is stretched; None where epochs end it.
        ended: whether the budget is used up.
    """

    epochs: float
    epoch: int
    batch: int = 0
    seconds: float | None = None
    began: float | None = None
    budget: float | None = None
    ended: bool = False

    @property
    def hours(self) -> float | None:
        """The time as cards have it."""
        return None if self.seconds is None else round(self.seconds / 3600, 3)

    def __str__(self) -> str:
        """As in ``14.4 epochs in 1 h 29 min``."""
        epochs = f"{self.epochs:.4g} epoch{'' if self.epochs == 1 else 's'}"
        return epochs if self.seconds is None else f"{epochs} in {spoken(self.seconds)}"


def parse_time(text: str) -> float:
    """Seconds of a time such as ``45s``, ``90m``, ``2h`` or ``1h30m``.

    Raises:
        TrainingError: for anything else, and for no time at all.
    """
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text)
    seconds = sum(float(n) * unit for n, unit in zip(parts.groups(), UNITS.values(), strict=True) if n) if parts else 0
    if not seconds:
        raise TrainingError(f"time '{text}': write it as 45s, 90m, 2h or 1h30m")
    return seconds


def spoken(seconds: float) -> str:
    """As in ``2 h 5 min``, ``12 min`` or ``45 s``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
