import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.pose.oks import oks, oks_nms, rescored
from leanpose.pose.skeleton import COCO17

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)


def drawn(seed, answers=4, people=3, joints=5):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 100, (people, joints, 2))
    predicted = true[rng.integers(0, people, answers)] + rng.normal(0, 8, (answers, joints, 2))
    labelled = rng.random((people, joints)) < 0.6
    return predicted, true, labelled, rng.uniform(200, 5000, people), rng.uniform(0.02, 0.11, joints)


def by_loop(predicted, true, labelled, area, sigmas):
    """One predicted and one true person, joint by joint."""
    terms = []
    for (px, py), (tx, ty), known, sigma in zip(predicted, true, labelled, sigmas, strict=True):
        if known:
            terms.append(0.0 if px != px else math.exp(-((px - tx) ** 2 + (py - ty) ** 2) / (8 * area * sigma**2)))
    return sum(terms) / len(terms) if terms else math.nan


def matrix_by_loop(predicted, true, labelled, areas, sigmas):
    return [[by_loop(p, *person, sigmas) for person in zip(true, labelled, areas, strict=True)] for p in predicted]


@given(SEEDS)
def test_matrix_equals_a_loop(seed):
    predicted, true, labelled, areas, sigmas = drawn(seed)
    predicted[np.random.default_rng(seed).random(predicted.shape[:2]) < 0.1] = np.nan
    true[~labelled] = np.nan
    found = oks(predicted[:, None], true, labelled, areas, sigmas)
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found, matrix_by_loop(predicted, true, labelled, areas, sigmas), atol=1e-14)
    one = oks(predicted[0], true[0], labelled[0], float(areas[0]), sigmas)
    assert np.ndim(one) == 0
    np.testing.assert_array_equal(one, found[0, 0])


@pytest.mark.parametrize("joints", [1, 17, 133])
@pytest.mark.parametrize("seed", range(5))
def test_matrix_equals_that_of_pycocotools(seed, joints):
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    predicted, true, labelled, areas, sigmas = drawn(seed, answers=6, people=5, joints=joints)
    labelled[0] = False
    low, high = true.min(axis=1) - 5, true.max(axis=1) + 5
    predicted[0] += 400  # far outside the box of the person without labels
    predicted[1] = true[0]
    people = [
        {
            "keypoints": np.column_stack((points, known * 2)).ravel(),
            "area": area,
            "bbox": [*corner, *(end - corner)],
        }
        for points, known, area, corner, end in zip(true, labelled, areas, low, high, strict=True)
    ]
    answers = [
        {"keypoints": np.column_stack((p, np.ones(joints))).ravel(), "score": -i} for i, p in enumerate(predicted)
    ]
    reference = cocoeval.COCOeval(iouType="keypoints")
    reference.params.kpt_oks_sigmas = sigmas
    reference._gts, reference._dts = {(1, 1): people}, {(1, 1): answers}
    boxes = np.concatenate((low, high), axis=1)
    found = oks(predicted[:, None], true, labelled, areas, sigmas, boxes)
    np.testing.assert_allclose(found, reference.computeOks(1, 1), rtol=0, atol=1e-12)
    assert found[0, 0] < 1e-6
    assert found[1, 0] == 1


def test_by_hand():
    # s^2 = 100, k = 0.2: 2 s^2 k^2 = 8. Joint 0 is off by 2 px (exp(-4/8)), joint 1 right, joint 2 not answered
    true = np.array([[0.0, 0], [5, 5], [9, 9], [7, 7]])
    predicted = np.array([[2.0, 0], [5, 5], [np.nan, np.nan], [99, 99]])
    labelled = np.array([True, True, True, False])
    assert oks(predicted, true, labelled, 100, np.full(4, 0.1)) == pytest.approx((math.exp(-0.5) + 1 + 0) / 3)


@pytest.mark.parametrize(("x", "expected"), [(0, 1), (29.9, 1), (-10, 1), (32, math.exp(-0.5)), (-12, math.exp(-0.5))])
def test_without_labels_only_joints_far_off_the_box_are_unlike(x, expected):
    # a box from 0 to 10 is grown to -10..20, one from 10 to 20 to 0..30
    box, nothing = np.array([10.0, 0, 20, 10] if x > 0 else [0.0, 0, 10, 10]), np.zeros(1, bool)
    predicted, true = np.array([[float(x), 5.0]]), np.full((1, 2), np.nan)
    assert oks(predicted, true, nothing, 100, np.array([0.1]), box) == pytest.approx(expected)
    assert np.isnan(oks(predicted, true, nothing, 100, np.array([0.1])))


@given(SEEDS, st.floats(0.1, 10), st.floats(-300, 300))
def test_does_not_depend_on_size_and_place(seed, scale, shift):
    predicted, true, labelled, areas, sigmas = drawn(seed)
    moved = oks((scale * predicted + shift)[:, None], scale * true + shift, labelled, scale**2 * areas, sigmas)
    np.testing.assert_allclose(moved, oks(predicted[:, None], true, labelled, areas, sigmas), atol=1e-9)


@given(SEEDS)
def test_does_not_depend_on_the_order_of_joints_and_people(seed):
    predicted, true, labelled, areas, sigmas = drawn(seed)
    rng = np.random.default_rng(seed)
    joints, people = rng.permutation(5), rng.permutation(3)
    found = oks(predicted[:, None], true, labelled, areas, sigmas)
    shuffled = oks(
        predicted[:, None, joints], true[people][:, joints], labelled[people][:, joints], areas[people], sigmas[joints]
    )
    np.testing.assert_allclose(shuffled, found[:, people], atol=1e-14)


def nms_by_loop(keypoints, scores, areas, sigmas, threshold):
    """Takes the best that is left, then strikes out what is too much like it."""
    left = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        stays = []
        for other in left:
            both = [not np.isnan([a, b]).any() for a, b in zip(keypoints[best], keypoints[other], strict=True)]
            area = (areas[best] + areas[other]) / 2
            like = by_loop(keypoints[best], keypoints[other], both, area, sigmas)
            if not like > threshold:
                stays.append(other)
        left = stays
    return kept


@given(SEEDS, st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_nms_equals_a_loop(seed, threshold):
    rng = np.random.default_rng(seed)
    people = rng.uniform(0, 100, (3, 5, 2))
    keypoints = people[rng.integers(0, 3, 12)] + rng.normal(0, rng.choice([0.5, 5, 20], (12, 1, 1)), (12, 5, 2))
    keypoints[rng.random((12, 5)) < 0.1] = np.nan
    scores = rng.integers(0, 8, 12) / 8
    areas, sigmas = rng.uniform(200, 5000, 12), rng.uniform(0.02, 0.11, 5)
    found = oks_nms(keypoints, scores, areas, sigmas, threshold)
    assert found.tolist() == nms_by_loop(keypoints, scores, areas, sigmas, threshold)


def test_nms_does_not_strike_out_by_what_is_struck_out():
    # three people in a row, each like its neighbour only: the middle one goes, and takes nobody with it
    keypoints = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[2.0, 0.0]]])
    likeness = [math.exp(-(d**2) / (2 * 100 * 0.04)) for d in (1, 2)]
    threshold = sum(likeness) / 2
    for scores in itertools.permutations([0.9, 0.8, 0.7]):
        kept = oks_nms(keypoints, np.array(scores), np.full(3, 100.0), np.array([0.1]), threshold)
        assert set(kept) == ({1} if scores[1] == 0.9 else {0, 2})
        assert list(kept) == sorted(kept, key=lambda i: -scores[i])


def test_nms_takes_the_mean_of_the_areas_and_keeps_what_is_just_as_like():
    keypoints, scores = np.array([[[0.0, 0.0]], [[3.0, 0.0]]]), np.array([0.9, 0.8])
    areas, sigmas = np.array([50.0, 150.0]), np.array([0.1])
    like = oks(keypoints[0], keypoints[1], np.array([True]), 100, sigmas)
    assert like == pytest.approx(math.exp(-9 / 8))
    assert oks_nms(keypoints, scores, areas, sigmas, float(like)).tolist() == [0, 1]
    assert oks_nms(keypoints, scores, areas, sigmas, float(like) - 1e-9).tolist() == [0]


def test_nms_of_nobody_one_and_the_unseen():
    sigmas = np.array(COCO17.sigmas)
    assert oks_nms(np.zeros((0, 17, 2)), np.zeros(0), np.zeros(0), sigmas).tolist() == []
    assert oks_nms(np.zeros((1, 17, 2)), np.ones(1), np.ones(1), sigmas).tolist() == [0]
    unseen = np.full((2, 17, 2), np.nan)
    assert oks_nms(unseen, np.ones(2), np.ones(2), sigmas).tolist() == [0, 1]
    assert oks_nms(np.zeros((2, 17, 2)), np.ones(2), np.ones(2), sigmas).tolist() == [0]


def test_rescoring_by_hand():
    joints = np.array([[0.9, 0.5, 0.1], [0.2, 0.1, 0.0], [np.nan, 0.4, 0.21]])
    np.testing.assert_allclose(rescored(joints, np.array([0.5, 1.0, 2.0])), [0.35, 0, 0.61])
    np.testing.assert_allclose(rescored(joints[:1], 1, min_joint_score=0), [0.5])
