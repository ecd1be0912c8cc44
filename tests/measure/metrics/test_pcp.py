import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.measure.metrics.pcp import STICKS, pcp, stick_rows
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

pytestmark = pytest.mark.filterwarnings("error")

LIMBS = np.array([[0, 1], [1, 2], [3, 1], [2, 2]])


def drawn(seed, people=8, joints=4):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 40, (people, joints, 2))
    predicted = true + rng.normal(0, 8, true.shape)
    predicted[rng.random((people, joints)) < 0.1] = np.nan
    return predicted, true, rng.random((people, joints)) < 0.8


def distance(a, b):
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5


def by_loop(predicted, true, labelled, limbs, threshold):
    fractions = []
    for a, b in limbs:
        found = []
        for n in range(len(true)):
            length = distance(true[n, a], true[n, b])
            if labelled[n, a] and labelled[n, b] and length > 0:
                near = [distance(predicted[n, k], true[n, k]) <= threshold * length for k in (a, b)]
                found.append(near[0] and near[1])
        fractions.append(sum(found) / len(found) if found else np.nan)
    return fractions


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_equals_a_loop(seed, threshold):
    predicted, true, labelled = drawn(seed)
    expected = by_loop(predicted, true, labelled, LIMBS, threshold)
    assert np.isnan(expected[3])  # a limb from a joint to itself has no length
    np.testing.assert_allclose(pcp(predicted, true, labelled, LIMBS, threshold), expected)


@pytest.mark.parametrize(("errors", "found"), [((5, 5), 1), ((5, 5.1), 0), ((0, 9), 0), ((0, np.nan), 0)])
def test_both_ends_must_be_near(errors, found):
    # a limb of 10 px; the loose definition, mean error at most 5, would take (0, 9)
    true = np.array([[[0.0, 0], [10, 0]]])
    predicted = true + np.array([[[0, errors[0]], [0, errors[1]]]])
    assert pcp(predicted, true, np.ones((1, 2), bool), np.array([[0, 1]]))[0] == found


@given(st.integers(0, 2**31), st.floats(0.1, 10), st.floats(-500, 500))
def test_does_not_depend_on_size_place_and_order(seed, scale, shift):
    predicted, true, labelled = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(true))
    moved = pcp((scale * predicted + shift)[order], (scale * true + shift)[order], labelled[order], LIMBS[:, ::-1])
    np.testing.assert_allclose(moved[:3], pcp(predicted, true, labelled, LIMBS)[:3])


def test_unlabelled_positions_may_be_anything():
    true = np.array([[[0.0, 0], [10, 0]], [[np.nan, 0], [10, 0]]])
    labelled = np.array([[True, True], [False, True]])
    assert pcp(np.nan_to_num(true), true, labelled, np.array([[0, 1]])).tolist() == [1]


def rows_by_loop(predicted, true, labelled):
    """The ten sticks of LSP by its joint numbers from 1; the torso runs from middle to middle."""
    pairs = {
        "torso": [((3, 4), (9, 10))],
        "upper leg": [((2,), (3,)), ((4,), (5,))],
        "lower leg": [((1,), (2,)), ((5,), (6,))],
        "upper arm": [((8,), (9,)), ((10,), (11,))],
        "forearm": [((7,), (8,)), ((11,), (12,))],
        "head": [((13,), (14,))],
    }
    rows, every = {}, []
    for row, sticks in pairs.items():
        figures = []
        for ends in sticks:
            columns = [[k - 1 for k in end] for end in ends]
            answer, truth = (np.stack([p[:, c].mean(axis=1) for c in columns], 1) for p in (predicted, true))
            known = np.stack([labelled[:, c].all(axis=1) for c in columns], 1)
            figures += by_loop(answer, truth, known, [(0, 1)], 0.5)
        rows[row] = np.nanmean(figures)
        every += figures
    return rows | {"mean": np.nanmean(every)}


@given(st.integers(0, 2**31))
def test_rows_of_the_published_tables(seed):
    predicted, true, labelled = drawn(seed, people=30, joints=14)
    found = stick_rows(predicted, true, labelled, LSP14)
    expected = rows_by_loop(predicted, true, labelled)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def test_rows_of_other_skeletons():
    one = np.arange(17.0)[None, :, None] * [3, 4]
    everything = np.ones((1, 17), bool)
    rows = stick_rows(one, one, everything, COCO17)
    assert list(rows) == ["torso", "upper leg", "lower leg", "upper arm", "forearm", "mean"]
    assert set(rows.values()) == {1}
    # MPII labels a pelvis and a thorax; the torso is taken between hips and shoulders all the same
    person = np.random.default_rng(0).uniform(0, 100, (1, 16, 2))
    labelled = np.ones((1, 16), bool)
    labelled[:, 6:8] = False
    assert stick_rows(person, person, labelled, MPII16) == dict.fromkeys([*STICKS, "mean"], 1)
    assert stick_rows(one[:, :1], one[:, :1], everything[:, :1], Skeleton("face", ("nose",))) == {}
