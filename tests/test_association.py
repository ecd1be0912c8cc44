import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.association import Bodies, assign, extents, similarity
from leanpose.errors import MissingExtraError
from leanpose.geometry import box_iou
from leanpose.metrics.oks import oks

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)


def drawn(rng, people, joints=6):
    keypoints = rng.uniform(0, 100, (people, 1, 2)) + rng.uniform(-20, 20, (people, joints, 2))
    known = rng.random((people, joints)) < 0.7
    boxes = rng.uniform(0, 100, (people, 4))
    boxes[:, 2:] += boxes[:, :2]
    return Bodies(keypoints, known, boxes)


def sum_of_best(likeness, least):
    """By trying every one-to-one assignment; a pair below ``least`` adds nothing."""
    worth = np.where(likeness >= least, likeness, 0)
    rows, columns = worth.shape
    if rows > columns:
        worth, rows, columns = worth.T, columns, rows
    return max(worth[range(rows), order].sum() for order in itertools.permutations(range(columns), rows))


@given(SEEDS, st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.0, 0.2, 0.7]))
def test_assignment_is_the_best_of_all(seed, rows, columns, least):
    likeness = np.random.default_rng(seed).random((rows, columns))
    pairs = assign(likeness, least)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert all(likeness[pair] >= least for pair in pairs)
    assert sum(likeness[pair] for pair in pairs) == pytest.approx(sum_of_best(likeness, least), abs=1e-12)


def test_assignment_takes_the_best_sum_not_the_best_pair():
    assert assign(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.2) == [(0, 1), (1, 0)]
    assert assign(np.array([[0.9, 0.8], [0.15, 0.1]]), 0.2) == [(0, 0)]


def test_assignment_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"scipy.*leanpose\[video\]"):
        assign(np.ones((1, 1)), 0.2)


@given(SEEDS)
def test_similarity_is_the_mean_of_oks_and_overlap(seed):
    rng = np.random.default_rng(seed)
    earlier, later = drawn(rng, 3), drawn(rng, 4)
    sigmas, drift = rng.uniform(0.02, 0.1, 6), rng.uniform(0, 0.5, 3)
    found = similarity(earlier, later, sigmas, drift)
    for e, i in itertools.product(range(3), range(4)):
        both = earlier.known[e] & later.known[i]
        area = np.mean([np.prod(b[2:] - b[:2]) for b in (earlier.boxes[e], later.boxes[i])])
        d2 = ((earlier.keypoints[e] - later.keypoints[i]) ** 2).sum(-1)
        terms = np.exp(-d2 / (2 * area * ((2 * sigmas) ** 2 + drift[e] ** 2)))[both]
        overlap = box_iou(earlier.boxes[e], later.boxes[i])
        expected = (terms.mean() + overlap) / 2 if len(terms) >= 3 else overlap
        assert found[e, i] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_without_drift_the_joints_count_by_oks():
    rng = np.random.default_rng(0)
    people = Bodies(rng.uniform(0, 9, (2, 5, 2)), np.ones((2, 5), bool), np.array([[0.0, 0, 9, 9], [100, 0, 109, 9]]))
    found = similarity(people, people, np.full(5, 0.05), np.zeros(2))
    assert found.diagonal().tolist() == [1, 1]
    expected = oks(people.keypoints[1], people.keypoints[0], people.known[0], 81, np.full(5, 0.05))
    assert found[0, 1] == pytest.approx(expected / 2)


def test_extents_are_hulls_grown_by_part_of_the_longer_side():
    keypoints = np.array([[[10.0, 20], [30, 120], [20, 50], [np.nan, np.nan]]])
    known = np.array([[True, True, True, False]])
    boxes = np.array([[1.0, 2, 3, 4]])
    np.testing.assert_allclose(extents(keypoints, known, boxes), [[2.5, 12.5, 37.5, 127.5]])
    np.testing.assert_array_equal(extents(keypoints, np.array([[True, True, False, False]]), boxes), boxes)
    np.testing.assert_array_equal(extents(np.full((1, 4, 2), 7.0), np.ones((1, 4), bool), boxes), boxes)
    assert extents(np.zeros((0, 4, 2)), np.zeros((0, 4), bool), np.zeros((0, 4))).shape == (0, 4)
