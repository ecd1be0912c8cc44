import numpy as np
import pytest

from leanpose.measure.intervals import bootstrap_weights, pck_interval, percentile_interval, wilson_interval


def test_weights_draw_as_many_people_as_there_are_from_a_seed() -> None:
    weights = list(bootstrap_weights(7, 50, seed=3))
    assert len(weights) == 50
    assert all(w.shape == (7,) and w.sum() == 7 for w in weights)
    assert (np.array(weights) == np.array(list(bootstrap_weights(7, 50, seed=3)))).all()
    assert (np.array(weights) != np.array(list(bootstrap_weights(7, 50, seed=4)))).any()


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_of_one_joint_it_is_the_binomial_interval(share: float) -> None:
    """2,000 people, one joint: +-1.96 sqrt(p (1 - p) / N), within what 1,000 resamples can tell."""
    distances = np.where(np.arange(2000) < share * 2000, 0.1, 0.3)[:, None]
    low, high = pck_interval(distances, 0.2)
    half = 1.96 * np.sqrt(share * (1 - share) / 2000)
    assert (low + high) / 2 == pytest.approx(share, abs=0.2 * half)
    assert (high - low) / 2 == pytest.approx(half, rel=0.12)


@pytest.mark.parametrize("pooled", [False, True])
def test_it_equals_a_loop_over_drawn_people(pooled: bool) -> None:
    rng = np.random.default_rng(1)
    distances = rng.uniform(0, 0.4, (15, 4))
    distances[rng.random((15, 4)) < 0.4] = np.nan
    distances[0, 0] = np.inf
    means = []
    for weights in bootstrap_weights(15, 60, seed=9):
        drawn = np.repeat(distances, weights, axis=0)
        if pooled:
            means.append((drawn <= 0.2).sum() / (~np.isnan(drawn)).sum())
        else:
            joints = [(d[~np.isnan(d)] <= 0.2).mean() for d in drawn.T if not np.isnan(d).all()]
            means.append(np.mean(joints))
    expected = np.percentile(means, [2.5, 97.5])
    assert pck_interval(distances, 0.2, pooled, resamples=60, seed=9) == pytest.approx(tuple(expected))


@pytest.mark.filterwarnings("error")
def test_nothing_judged_has_no_interval() -> None:
    assert np.isnan(pck_interval(np.full((3, 2), np.nan), 0.2, resamples=5)).all()
    assert np.isnan(percentile_interval(np.array([]))).all()


def test_shares_of_none_and_all_end_exactly() -> None:
    """So that no share lies outside its interval by rounding, which plots refuse."""
    for count in range(1, 2000):
        assert wilson_interval(0, count)[0] == 0
        assert wilson_interval(count, count)[1] == 1
