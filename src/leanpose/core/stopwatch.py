"""Where the time goes: seconds by stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the time in named stages, one inside another taken off the outer one.

    Attributes:
        seconds: by stage, in the order in which they first ended.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._inside = [0.0]  # seconds of the stages inside each open one

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count what happens in the ``with`` block as ``stage``."""
        start = self._clock()
        self._inside.append(0.0)
        try:
            yield
        finally:
            taken = self._clock() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + taken - self._inside.pop()
            self._inside[-1] += taken
