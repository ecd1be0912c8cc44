"""Who is measured takes turns: A, B, C, then B, C, A, so that drift of the machine hits all alike."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from leanpose.core.errors import BenchmarkError, LeanposeError
from leanpose.measure.timing.energy import EnergyMeter
from leanpose.measure.timing.statistics import Timing

Clock = Callable[[], float]


class Contender(Protocol):
    """Something whose calls are timed.

    Attributes:
        name: that no other contender of the run has.
    """

    name: str

    def turn(self, calls: int) -> list[float]:
        """Seconds of each of ``calls`` calls in a row, after one that is not counted."""
        ...


class Call:
    """A function of this process.

    The first call of a turn is not counted: it brings back into the caches what the others have pushed out.
    """

    def __init__(self, name: str, function: Callable[[], object], clock: Clock = time.perf_counter) -> None:
        self.name = name
        self._function = function
        self._clock = clock

    def turn(self, calls: int) -> list[float]:
        self._function()
        seconds = []
        for _ in range(calls):
            start = self._clock()
            self._function()
            seconds.append(self._clock() - start)
        return seconds


@dataclass
class Outcome:
    """What the turns brought, by name.

    Attributes:
        timings: of those who took all their turns.
        joules: of one call, where the machine tells.
        failed: why others did not.
    """

    timings: dict[str, Timing] = field(default_factory=dict)
    joules: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def take_turns(
    contenders: Sequence[Contender],
    rounds: int,
    calls: int,
    warm_up: int = 2,
    meter: EnergyMeter | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Outcome:
    """Time everybody in turn, round by round; in each round another one begins.

    Args:
        calls: that are timed in a turn.
        warm_up: turns of each that are not counted at all, at the start.
        meter: of the energy that the machine takes meanwhile, the call that is not counted included.
        progress: wraps the rounds, for a bar.

    Raises:
        BenchmarkError: for fewer than 1 round or call, and two contenders of one name. A contender that raises one of
            leanpose's own errors is left out, and the others go on.
    """
    if rounds < 1 or calls < 1 or warm_up < 0:
        raise BenchmarkError(f"{rounds} rounds of {calls} calls after {warm_up}: at least 1 of each, 0 for warming up")
    names = [contender.name for contender in contenders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BenchmarkError(f"measured twice in one run: {', '.join(twice)}")
    seconds: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    spent: dict[str, list[float | None]] = {name: [] for name in names}
    outcome = Outcome()
    for number in progress(range(-warm_up, rounds)):
        first = number % max(len(contenders), 1)
        for contender in (*contenders[first:], *contenders[:first]):
            if contender.name in outcome.failed:
                continue
            before = meter.read() if meter else None
            try:
                taken = contender.turn(calls)
            except LeanposeError as error:
                outcome.failed[contender.name] = str(error)
                continue
            if number >= 0:
                seconds[contender.name].append(tuple(taken))
                spent[contender.name].append(meter.since(before) if meter else None)
    for name in names:
        if name in outcome.failed:
            continue
        outcome.timings[name] = Timing(tuple(seconds[name]))
        told = [joules for joules in spent[name] if joules is not None]
        if len(told) == rounds:
            outcome.joules[name] = sum(told) / (rounds * (calls + 1))
    return outcome
