import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import SkeletonError
from leanpose.measure.metrics.pck import (
    auc,
    epe,
    grouped,
    mean_over_joints,
    nme,
    normalised_distances,
    pck,
    pck_curve,
    torso_lengths,
)
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, Skeleton

pytestmark = pytest.mark.filterwarnings("error")


def drawn(seed, samples=6, joints=5):
    """Predictions around true keypoints, some missing, some joints not labelled, one sample without a reference."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 200, (samples, joints, 2))
    predicted = true + rng.normal(0, 10, true.shape)
    predicted[rng.random((samples, joints)) < 0.1] = np.nan
    labelled = rng.random((samples, joints)) < 0.8
    reference = rng.uniform(20, 80, samples)
    reference[rng.integers(samples)] = rng.choice([0, np.nan, np.inf, -1])
    return predicted, true, labelled, reference


def judged_by_loop(predicted, true, labelled, reference):
    """Per joint the list of normalised distances that count."""
    rows = [[] for _ in range(true.shape[1])]
    for n in range(true.shape[0]):
        if not (0 < reference[n] < float("inf")):
            continue
        for k in range(true.shape[1]):
            if labelled[n, k]:
                (px, py), (tx, ty) = predicted[n, k], true[n, k]
                rows[k].append(float("inf") if px != px else ((px - tx) ** 2 + (py - ty) ** 2) ** 0.5 / reference[n])
    return rows


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_all_figures_equal_a_loop(seed, threshold):
    predicted, true, labelled, reference = drawn(seed)
    distances = normalised_distances(predicted, true, labelled, reference)
    rows = judged_by_loop(predicted, true, labelled, reference)
    expected, areas = [], []
    for row in rows:
        expected.append(sum(d <= threshold for d in row) / len(row) if row else float("nan"))
        areas.append(sum(max(0.0, 1 - d / 0.5) for d in row) / len(row) if row else float("nan"))
    np.testing.assert_allclose(pck(distances, threshold), expected)
    np.testing.assert_allclose(pck_curve(distances, np.array([threshold]))[0], expected)
    np.testing.assert_allclose(auc(distances, 0.5), areas)
    known = [e for e in expected if e == e]
    assert mean_over_joints(pck(distances, threshold)) == pytest.approx(sum(known) / len(known), nan_ok=True)
    errors = [
        float(np.hypot(*(predicted[n, k] - true[n, k])))
        for n in range(6)
        for k in range(5)
        if labelled[n, k] and predicted[n, k, 0] == predicted[n, k, 0]
    ]
    assert epe(predicted, true, labelled) == pytest.approx(sum(errors) / len(errors))
    answered = [d for row in rows for d in row if d < float("inf")]
    assert nme(distances) == pytest.approx(sum(answered) / len(answered))


def test_hand_computed_case():
    # torso 50 px; joint 0 is off by 10 (exactly 0.2), joint 1 by 15 (0.3), joint 2 is missing, joint 3 not labelled
    true = np.zeros((1, 4, 2))
    predicted = np.array([[[6.0, 8.0], [0.0, 15.0], [np.nan, np.nan], [99.0, 99.0]]])
    labelled = np.array([[True, True, True, False]])
    distances = normalised_distances(predicted, true, labelled, np.array([50.0]))
    np.testing.assert_allclose(distances, [[0.2, 0.3, np.inf, np.nan]])
    np.testing.assert_array_equal(pck(distances), [1, 0, 0, np.nan])
    assert mean_over_joints(pck(distances)) == pytest.approx(1 / 3)
    np.testing.assert_allclose(auc(distances, 0.4), [0.5, 0.25, 0, np.nan])
    assert epe(predicted, true, labelled) == pytest.approx(12.5)
    assert nme(distances) == pytest.approx(0.25)
    np.testing.assert_array_equal(pck_curve(distances, np.array([0.1, 0.25, 0.3])).T[:2], [[0, 1, 1], [0, 0, 1]])


def test_mean_weighs_joints_alike_however_often_they_are_labelled():
    distances = np.array([[0.0, 9.0], [0.0, np.nan], [0.0, np.nan]])
    assert mean_over_joints(pck(distances)) == 0.5


@given(st.integers(0, 2**31), st.floats(0.1, 10), st.floats(-500, 500), st.floats(-500, 500))
def test_figures_do_not_depend_on_size_place_and_order(seed, scale, dx, dy):
    predicted, true, labelled, reference = drawn(seed)
    distances = normalised_distances(predicted, true, labelled, reference)
    order = np.random.default_rng(seed).permutation(len(true))
    moved = normalised_distances(
        (predicted * scale + [dx, dy])[order],
        (true * scale + [dx, dy])[order],
        labelled[order],
        (reference * scale)[order],
    )
    np.testing.assert_allclose(moved, distances[order], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(auc(moved), auc(distances), rtol=1e-6, atol=1e-9)
    assert epe((predicted * scale + [dx, dy])[order], (true * scale + [dx, dy])[order], labelled[order]) == (
        pytest.approx(scale * epe(predicted, true, labelled))
    )


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_auc_is_the_limit_of_the_sampled_curve(seed):
    distances = normalised_distances(*drawn(seed))
    thresholds = (np.arange(2000) + 0.5) / 2000 * 0.2
    sampled = [
        [np.mean(column[~np.isnan(column)] <= t) if (~np.isnan(column)).any() else np.nan for t in thresholds]
        for column in distances.T
    ]
    np.testing.assert_allclose(auc(distances, 0.2), np.mean(sampled, axis=1), atol=1e-3)


@given(st.integers(0, 2**31))
def test_pck_grows_with_the_threshold(seed):
    curve = pck_curve(normalised_distances(*drawn(seed)), np.linspace(0, 1, 11))
    assert curve.shape == (11, 5)
    assert (np.diff(curve, axis=0)[:, ~np.isnan(curve[0])] >= 0).all()


def test_perfect_predictions():
    _, true, labelled, _ = drawn(0)
    distances = normalised_distances(true, true, labelled, np.ones(6))
    for figure in (pck(distances, 0), auc(distances)):
        np.testing.assert_array_equal(figure[labelled.any(axis=0)], 1)
    assert epe(true, true, labelled) == 0


def test_torso_is_left_shoulder_to_right_hip():
    keypoints = np.full((2, 14, 2), 1000.0)
    keypoints[:, 9], keypoints[:, 2] = (3, 4), (0, 0)  # LSP counts these joints 10 and 3
    np.testing.assert_array_equal(torso_lengths(keypoints, LSP14), [5, 5])
    keypoints[1, 2] = np.nan
    np.testing.assert_array_equal(torso_lengths(keypoints, LSP14), [5, np.nan])
    with pytest.raises(SkeletonError, match="left_shoulder"):
        torso_lengths(keypoints, Skeleton("face", ("nose",)))


@pytest.mark.parametrize("length", [0.0, -3.0, np.nan, np.inf])
def test_a_sample_without_a_torso_is_not_judged(length):
    predicted, true = np.full((2, 3, 2), np.nan), np.zeros((2, 3, 2))
    predicted[:, 0] = 1
    distances = normalised_distances(predicted, true, np.ones((2, 3), bool), np.array([length, 10]))
    assert np.isnan(distances[0]).all()
    np.testing.assert_array_equal(distances[1] <= 0.2, [True, False, False])
    np.testing.assert_array_equal(pck(distances), [1, 0, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_half_a_prediction_is_wrong(value):
    predicted = np.array([[[0.0, value]]])
    distances = normalised_distances(predicted, np.zeros((1, 1, 2)), np.ones((1, 1), bool), np.ones(1))
    assert distances[0, 0] == np.inf
    assert pck(distances, 1e9)[0] == 0
    assert np.isnan(epe(predicted, np.zeros((1, 1, 2)), np.ones((1, 1), bool)))


def test_a_true_position_that_is_not_finite_must_not_be_labelled():
    true = np.array([[[np.nan, 0.0], [1.0, 1.0]]])
    predicted = np.ones((1, 2, 2))
    distances = normalised_distances(predicted, true, np.array([[False, True]]), np.ones(1))
    np.testing.assert_array_equal(distances, [[np.nan, 0]])
    for reference in (1.0, 0.0):  # judged or not, the labels contradict themselves
        with pytest.raises(ValueError, match="not finite"):
            normalised_distances(predicted, true, np.array([[True, True]]), np.array([reference]))


def test_nothing_to_judge_gives_nan():
    distances = normalised_distances(
        np.zeros((0, 4, 2)), np.zeros((0, 4, 2)), np.zeros((0, 4), bool), torso_lengths(np.zeros((0, 14, 2)), LSP14)
    )
    assert distances.shape == (0, 4)
    assert np.isnan(pck(distances)).all()
    assert np.isnan(auc(distances)).all()
    assert np.isnan(mean_over_joints(pck(distances)))
    assert np.isnan(nme(distances))
    assert np.isnan(nme(np.array([[np.inf, np.nan]])))


def test_rows_of_the_published_tables():
    # LSP: ankle knee hip | hip knee ankle | wrist elbow shoulder | shoulder elbow wrist | neck head_top
    rows = grouped(np.array([1, 2, 3, 5, 6, 7, 10, 20, 30, 50, 60, 70, 100, 200.0]), LSP14)
    assert rows == {
        "head": 150, "shoulder": 40, "elbow": 40, "wrist": 40, "hip": 4, "knee": 4, "ankle": 4,
    }  # fmt: skip
    assert list(rows) == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    # MPII: joints 6 and 7 (pelvis, thorax) belong to no row
    rows = grouped(np.array([0, 0, 0, 0, 0, 0, 99, 99, 4, 8, 0, 0, 0, 0, 0, 0.0]), MPII16)
    assert rows == {"head": 6, "shoulder": 0, "elbow": 0, "wrist": 0, "hip": 0, "knee": 0, "ankle": 0}
    assert grouped(np.arange(17.0), COCO17)["head"] == 2  # nose, eyes, ears: 0 to 4


def test_rows_without_figures_or_joints():
    values = np.zeros(14)
    values[[12, 6, 11]] = np.nan  # neck, both wrists
    values[13] = 0.8
    rows = grouped(values, LSP14)
    assert rows["head"] == 0.8
    assert np.isnan(rows["wrist"])
    assert grouped(np.array([1.0, 0.0]), Skeleton("arms", ("left_wrist", "right_wrist"))) == {"wrist": 0.5}
