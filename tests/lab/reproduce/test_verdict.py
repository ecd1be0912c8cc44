import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from lab.reproduce.verdict import compare, compare_people, threshold

scores = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=6)


@given(scores)
def test_verdict_is_that_of_a_paired_t_test(pairs):
    better, worse = np.array(pairs).T
    differences = better - worse
    if differences.std() < 1e-6:
        return
    p = ttest_rel(better, worse).pvalue
    if abs(p - 0.05) < 1e-6:
        return
    expected = "cannot tell" if p > 0.05 else "agrees" if differences.mean() > 0 else "disagrees"
    assert compare("a claim", better, worse).verdict == expected


@given(scores)
def test_turning_a_claim_round_turns_its_verdict(pairs):
    better, worse = zip(*pairs, strict=True)
    opposite = {"agrees": "disagrees", "disagrees": "agrees", "cannot tell": "cannot tell"}
    assert compare("b", worse, better).verdict == opposite[compare("a", better, worse).verdict]


def test_one_seed_decides_nothing():
    claim = compare("far better", [90.0], [10.0])
    assert claim.verdict == "cannot tell"
    assert "one seed" in claim.evidence


@pytest.mark.parametrize(("gain", "verdict"), [(0.3, "agrees"), (-0.3, "disagrees"), (0.0, "cannot tell")])
def test_bootstrap_over_people_sees_what_is_there(gain, verdict):
    rng = np.random.default_rng(1)
    worse = rng.random((300, 14)) < 0.5
    better = rng.random((300, 14)) < 0.5 + gain
    judged = rng.random((300, 14)) < 0.9
    assert compare_people("claim", better, worse, judged).verdict == verdict


def test_bootstrap_ignores_what_is_not_judged():
    better, worse = np.ones((50, 3), bool), np.zeros((50, 3), bool)
    judged = np.zeros((50, 3), bool)
    judged[:, 0] = True
    worse[:, 0] = True
    assert compare_people("claim", better, worse, judged).verdict == "cannot tell"


def test_threshold_says_what_was_found():
    assert threshold("most", True, "60 %").verdict == "agrees"
    assert threshold("most", False, "40 %").verdict == "disagrees"
