import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.measure.metrics.pck import grouped, mean_over_joints, normalised_distances, pck
from leanpose.measure.metrics.pckh import HRNET_GROUPS, HRNET_MEAN_AT_01, in_mean, pckh_mean
from leanpose.measure.metrics.reference import head_lengths
from leanpose.pose.skeleton import LSP14, MPII16


def drawn(seed, people=20):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 300, (people, 16, 2))
    heads = np.concatenate((true[:, 8] - rng.uniform(5, 30, (people, 2)), true[:, 8]), axis=1)
    predicted = true + rng.normal(0, 10, true.shape)
    predicted[rng.random((people, 16)) < 0.05] = np.nan
    labelled = rng.random((people, 16)) < rng.uniform(0.2, 1, 16)
    return predicted, true, labelled, heads


@given(st.integers(0, 2**31), st.sampled_from([0.1, 0.11, 0.5]))
def test_mean_equals_a_loop(seed, threshold):
    predicted, true, labelled, heads = drawn(seed)
    right = judged = 0
    for n in range(20):
        x1, y1, x2, y2 = heads[n]
        size = 0.6 * ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        for k in range(16):
            if labelled[n, k] and k not in (6, 7):  # MPII's pelvis and thorax
                judged += 1
                right += ((predicted[n, k] - true[n, k]) ** 2).sum() ** 0.5 <= threshold * size
    distances = normalised_distances(predicted, true, labelled, head_lengths(heads))
    assert pckh_mean(distances, MPII16, threshold) == pytest.approx(right / judged)


def test_by_hand_with_unequal_counts():
    # both ankles right three times, one of three elbows right, pelvis and thorax wrong but not counted
    distances = np.full((3, 16), np.nan)
    distances[:, 0] = distances[:, 5] = 0.5
    distances[0, 11], distances[1, 11], distances[2, 11] = 0.2, 0.51, np.inf
    distances[:, 6:8] = np.inf
    assert pckh_mean(distances, MPII16) == pytest.approx(7 / 9)
    assert mean_over_joints(pck(distances, 0.5)[in_mean(MPII16)]) == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert pckh_mean(distances, MPII16, 0.1) == 0


def test_what_hrnet_calls_0_1_is_0_11():
    assert np.arange(0, 0.5 + 0.01, 0.01)[11] == HRNET_MEAN_AT_01  # the list of thresholds and the index of its code
    distances = np.full((1, 16), np.nan)
    distances[0, :4] = 0.1, 0.105, 0.11, 0.12
    assert pckh_mean(distances, MPII16, 0.1) == 0.25
    assert pckh_mean(distances, MPII16, HRNET_MEAN_AT_01) == 0.75


def test_head_of_mpii_and_of_hrnet():
    per_joint = np.zeros(16)
    per_joint[[8, 9]] = 0.5, 0.9  # neck, head top
    assert grouped(per_joint, MPII16)["head"] == pytest.approx(0.7)
    assert grouped(per_joint, MPII16, HRNET_GROUPS)["head"] == 0.9
    assert list(grouped(per_joint, MPII16, HRNET_GROUPS)) == list(grouped(per_joint, MPII16))


def test_joints_of_the_mean():
    assert [joint for joint, counts in zip(MPII16.joints, in_mean(MPII16), strict=True) if not counts] == [
        "pelvis", "thorax",
    ]  # fmt: skip
    assert in_mean(LSP14).all()


def test_nobody_judged():
    assert np.isnan(pckh_mean(np.full((2, 16), np.nan), MPII16))
    only_pelvis = np.full((2, 16), np.nan)
    only_pelvis[:, 6] = 0
    assert np.isnan(pckh_mean(only_pelvis, MPII16))
