"""Calibration error, Brier score and coverage, held against sums written out and cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import spearmanr

from leanpose.measure.metrics.reliability import (
    BINS,
    Binning,
    brier_score,
    calibration_error,
    coverage,
    rank_correlation,
    reliability_curve,
)

BINNINGS: tuple[Binning, ...] = ("mass", "width")


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 60))
    grid = draw(st.booleans())  # few values that repeat, or any
    unit = st.integers(0, 10).map(lambda k: k / 10) if grid else st.floats(0, 1)
    return draw(hnp.arrays(float, count, elements=unit)), draw(hnp.arrays(bool, count))


def _ece(bins: list[list[int]], p: np.ndarray, right: np.ndarray) -> float:
    total = 0.0
    for members in filter(None, bins):
        total += abs(sum(right[i] for i in members) - sum(p[i] for i in members))
    return total / len(p)


@given(answers())
def test_equal_width_is_the_sum_over_intervals(given_answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, right = given_answers
    bins: list[list[int]] = [[] for _ in range(BINS)]
    for i, value in enumerate(p):
        for b in range(BINS):
            if (b / BINS < value <= (b + 1) / BINS) or (b == 0 and value == 0):
                bins[b].append(i)
    assert sum(map(len, bins)) == len(p)
    assert calibration_error(p, right, binning="width") == pytest.approx(_ece(bins, p, right))


@given(st.integers(1, 80), st.integers(1, 15), st.randoms(use_true_random=False))
def test_equal_mass_takes_as_many_each(count: int, bins: int, random) -> None:
    """Of different probabilities bin b holds those of ranks from b M / B to (b + 1) M / B."""
    order = list(range(count))
    random.shuffle(order)
    p = (np.array(order) + 0.5) / count
    right = np.array([random.random() < 0.5 for _ in order])
    ranked = sorted(range(count), key=lambda i: p[i])
    slices = [ranked[b * count // bins : (b + 1) * count // bins] for b in range(bins)]
    assert calibration_error(p, right, bins) == pytest.approx(_ece(slices, p, right))
    assert [held.count for held in reliability_curve(p, right, bins)] == [len(s) for s in slices if s]


@given(answers(), st.sampled_from(BINNINGS))
def test_bins_hold_every_answer_once_and_equal_ones_together(
    given_answers: tuple[np.ndarray, np.ndarray], binning: Binning
) -> None:
    p, right = given_answers
    curve = reliability_curve(p, right, binning=binning)
    assert sum(held.count for held in curve) == len(p)
    assert sum(held.right for held in curve) == right.sum()
    predicted = [held.predicted for held in curve]
    assert predicted == sorted(predicted)
    assert sum(held.count * held.predicted for held in curve) == pytest.approx(p.sum())
    assert len(curve) <= len(np.unique(p))
    assert 0 <= calibration_error(p, right, binning=binning) <= 1


@given(answers(), st.sampled_from(BINNINGS))
def test_no_binning_hides_an_error_of_the_mean(given_answers: tuple[np.ndarray, np.ndarray], binning: Binning) -> None:
    """The triangle inequality, and with one bin equality."""
    p, right = given_answers
    gap = abs(right.mean() - p.mean())
    assert calibration_error(p, right, binning=binning) >= gap - 1e-12
    assert calibration_error(p, right, 1, binning) == pytest.approx(gap)


@pytest.mark.parametrize("binning", BINNINGS)
def test_perfect_scores_have_no_error_and_reversed_ones_the_largest(binning: Binning) -> None:
    p = np.repeat(np.arange(0, 1.1, 0.1), 10)
    right = np.concatenate([np.arange(10) < k for k in range(11)])
    assert calibration_error(p, right, binning=binning) == pytest.approx(0)
    certain = np.array([0.0, 1, 1, 0])
    assert calibration_error(certain, certain == 0, binning=binning) == 1
    assert calibration_error(certain, certain == 1, binning=binning) == 0


def test_brier_score_and_coverage_are_their_sums() -> None:
    assert brier_score(np.array([0.8, 0.3]), np.array([True, True])) == pytest.approx((0.04 + 0.49) / 2)
    errors, radii = np.array([1.0, 2, 3, 9]), np.array([1.0, 1, 2, 3])
    assert coverage(errors, radii) == 0.25
    assert coverage(errors, radii, 2) == 0.75


@given(hnp.arrays(float, st.tuples(st.just(2), st.integers(2, 30)), elements=st.integers(0, 9).map(float)))
def test_rank_correlation_is_scipys(values: np.ndarray) -> None:
    varied = all(len(np.unique(row)) > 1 for row in values)
    expected = spearmanr(*values).statistic if varied else np.nan
    assert rank_correlation(*values) == pytest.approx(expected, nan_ok=True)


def test_nothing_to_measure_is_not_zero() -> None:
    nothing = np.zeros(0)
    figures = (calibration_error(nothing, nothing > 0), brier_score(nothing, nothing > 0), coverage(nothing, nothing))
    assert np.isnan(rank_correlation(nothing, nothing))
    assert np.isnan(figures).all()


@pytest.mark.parametrize(
    ("p", "right", "bins", "message"),
    [
        ([0.5, 1.5], [True, False], 10, "must lie in"),
        ([0.5, np.nan], [True, False], 10, "must lie in"),
        ([0.5], [True, False], 10, "one probability for each answer"),
        ([0.5], [True], 0, "bins must be 1 or more"),
    ],
)
def test_wrong_input_is_refused(p: list[float], right: list[bool], bins: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration_error(np.array(p), np.array(right), bins)
