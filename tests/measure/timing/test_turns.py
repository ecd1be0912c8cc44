"""Who is timed when, on a clock that only moves when told to."""

from pathlib import Path

import pytest

from leanpose.core.errors import BenchmarkError, EngineError
from leanpose.measure.timing.energy import EnergyMeter
from leanpose.measure.timing.turns import Call, take_turns


class FakeClock:
    """Seconds that pass only in the calls, and who called."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def engine(self, name: str, *durations: float) -> Call:
        """Somebody whose calls take these seconds in turn, over and over."""

        def call() -> None:
            self.now += durations[self.calls.count(name) % len(durations)]
            self.calls.append(name)

        return Call(name, call, self)


def test_each_call_takes_what_it_took() -> None:
    """Two turns of warming up with 1 + 2 calls each; then the first call of each turn is not counted."""
    clock = FakeClock()
    outcome = take_turns([clock.engine("a", *range(1, 13)), clock.engine("b", 0.5)], rounds=2, calls=2)
    assert outcome.timings["a"].seconds == ((8.0, 9.0), (11.0, 12.0))
    assert outcome.timings["b"].seconds == ((0.5, 0.5), (0.5, 0.5))
    assert clock.calls.count("a") == clock.calls.count("b") == 12
    assert not outcome.failed
    assert not outcome.joules


def test_everybody_begins_a_round_in_turn() -> None:
    clock = FakeClock()
    take_turns([clock.engine(name, 1) for name in "abc"], rounds=4, calls=1, warm_up=0)
    assert "".join(clock.calls[::2]) == "abcbcacababc"


def test_who_fails_is_left_out_and_the_others_go_on() -> None:
    clock = FakeClock()

    class Fails:
        name = "fails"
        turns = 0

        def turn(self, calls: int) -> list[float]:
            self.turns += 1
            if self.turns > 3:
                raise EngineError("no memory")
            return [1.0] * calls

    fails = Fails()
    outcome = take_turns([fails, clock.engine("goes on", 2)], rounds=5, calls=1)
    assert outcome.failed == {"fails": "no memory"}
    assert list(outcome.timings) == ["goes on"]
    assert len(outcome.timings["goes on"].seconds) == 5
    assert fails.turns == 4


def test_a_mistake_of_the_code_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        take_turns([Call("a", lambda: 1 / 0)], 1, 1)


@pytest.mark.parametrize(("rounds", "calls", "warm_up"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_no_rounds_make_no_sense(rounds: int, calls: int, warm_up: int) -> None:
    with pytest.raises(BenchmarkError, match="at least 1"):
        take_turns([], rounds, calls, warm_up)


def test_two_of_one_name_are_refused() -> None:
    clock = FakeClock()
    with pytest.raises(BenchmarkError, match="twice in one run: a"):
        take_turns([clock.engine("a", 1), clock.engine("b", 1), clock.engine("a", 1)], 1, 1)


def test_energy_is_that_of_ones_own_turns(tmp_path: Path) -> None:
    """The counter goes up by 3 J in a call of a, by 5 J in one of b; it begins again at 10 J."""
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    for name, text in {"name": "package-0", "energy_uj": "9000000", "max_energy_range_uj": "10000000"}.items():
        (package / name).write_text(text + "\n")

    def take(joules: int) -> None:
        counter = package / "energy_uj"
        counter.write_text(str((int(counter.read_text()) + 1_000_000 * joules) % 10_000_000))

    clock = iter(range(10_000))
    both = [Call(name, lambda j=j: take(j), lambda: float(next(clock))) for name, j in (("a", 3), ("b", 2))]
    outcome = take_turns(both, rounds=3, calls=1, meter=EnergyMeter(tmp_path))
    assert outcome.joules == pytest.approx({"a": 3.0, "b": 2.0})
