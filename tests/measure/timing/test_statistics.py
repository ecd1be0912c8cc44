"""Percentiles, ratios and the Pareto front, against closed forms and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import BenchmarkError
from leanpose.measure.timing.statistics import Timing, pareto_front, ratio

seconds = st.floats(1e-6, 10)
tables = st.integers(1, 6).flatmap(
    lambda calls: st.lists(st.tuples(*[seconds] * calls), min_size=1, max_size=12).map(tuple)
)


def test_median_and_p95_of_a_hundred_known_calls() -> None:
    """1 to 100 ms in rows of ten: between 50 and 51, and 95 % of the way from the first to the last."""
    timing = Timing(tuple(tuple((10 * row + i + 1) / 1000 for i in range(10)) for row in range(10)))
    assert timing.median == pytest.approx(0.0505)
    assert timing.p95 == pytest.approx((1 + 0.95 * 99) / 1000)
    assert timing.calls == 100
    assert timing.rounds == pytest.approx([(10 * row + 5.5) / 1000 for row in range(10)])


@given(tables)
def test_half_of_the_calls_are_no_slower_than_the_median(rows: tuple[tuple[float, ...], ...]) -> None:
    timing = Timing(rows)
    calls = sorted(s for row in rows for s in row)
    assert sum(s <= timing.median * (1 + 1e-12) for s in calls) >= len(calls) / 2
    assert sum(s >= timing.median * (1 - 1e-12) for s in calls) >= len(calls) / 2
    assert timing.median <= timing.p95 * (1 + 1e-12) <= calls[-1] * (1 + 1e-9)


@pytest.mark.parametrize(
    "rows", [(), ((),), ((1.0,), (1.0, 2.0)), ((0.0,),), ((-1.0,),), ((math.nan,),), ((math.inf,),)]
)
def test_times_that_are_none_are_refused(rows: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(BenchmarkError, match="timings"):
        Timing(rows)


@given(st.floats(0.01, 100), st.lists(st.floats(0.1, 10), min_size=1, max_size=20))
def test_a_machine_that_slows_down_does_not_change_the_ratio(factor: float, drift: list[float]) -> None:
    """Whatever slows a whole round slows both, and nothing is left of it, in the interval neither."""
    reference = Timing(tuple((slow, 1.1 * slow, 1.3 * slow) for slow in drift))
    other = Timing(tuple((1.3 * factor * slow, factor * slow, 1.1 * factor * slow) for slow in drift))
    found = ratio(other, reference)
    assert (found.value, found.low, found.high) == pytest.approx((factor,) * 3)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        noise = rng.lognormal(sigma=0.1, size=(2, 30))
        found = ratio(Timing(tuple((3 * s,) for s in noise[0])), Timing(tuple((s,) for s in noise[1])))
        assert found.low <= found.value <= found.high
        covered += found.low <= 3 <= found.high
    assert 0.88 <= covered / 300 <= 0.995


def test_a_ratio_of_two_runs_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="in one run"):
        ratio(Timing(((1.0,),)), Timing(((1.0,), (1.0,))))


points = st.lists(st.tuples(st.integers(1, 8).map(float), st.integers(1, 8).map(float)), max_size=12)


@given(points)
def test_the_front_is_whom_nobody_beats(points: list[tuple[float, float]]) -> None:
    def beaten(i: int) -> bool:
        (ms, right) = points[i]
        return any(m <= ms and r >= right and (m < ms or r > right) for m, r in points)

    front = pareto_front(points)
    assert sorted(front) == [i for i in range(len(points)) if not beaten(i)]
    assert [points[i] for i in front] == sorted(points[i] for i in front)
