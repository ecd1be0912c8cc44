import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.measure.metrics.reference import box_lengths, head_lengths, hull_lengths, reference_lengths, reference_of
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

pytestmark = pytest.mark.filterwarnings("error")

FACE = Skeleton("face", ("nose", "chin"))


def test_lengths_of_boxes_by_hand():
    boxes = np.array([[10.0, 10, 13, 14], [0, 0, 30, 16], [5, 5, 5, 5]])
    np.testing.assert_allclose(head_lengths(boxes), [0.6 * 5, 0.6 * 34, 0])
    np.testing.assert_array_equal(box_lengths(boxes), [4, 30, 0])


@given(st.integers(0, 2**31))
def test_hulls_equal_a_loop(seed):
    rng = np.random.default_rng(seed)
    keypoints, labelled = rng.uniform(0, 100, (6, 4, 2)), rng.random((6, 4)) < 0.4
    keypoints[~labelled] = np.nan
    expected = []
    for points, known in zip(keypoints, labelled, strict=True):
        x, y = (
            [p[0] for p, k in zip(points, known, strict=True) if k],
            [p[1] for p, k in zip(points, known, strict=True) if k],
        )
        expected.append(max(max(x) - min(x), max(y) - min(y)) if x else np.nan)
    np.testing.assert_array_equal(hull_lengths(keypoints, labelled), expected)


def test_a_skeleton_with_a_torso_is_measured_by_it_alone():
    keypoints, labelled = np.zeros((2, 14, 2)), np.ones((2, 14), bool)
    keypoints[:, LSP14.index("left_shoulder")] = 6, 8
    labelled[1, LSP14.index("right_hip")] = False
    np.testing.assert_array_equal(reference_lengths(keypoints, labelled, LSP14, 77), [10, np.nan])
    assert reference_of(LSP14) == reference_of(COCO17) == "torso"


def test_a_skeleton_without_a_torso_is_measured_by_its_boxes():
    keypoints, labelled = np.zeros((2, 2, 2)), np.ones((2, 2), bool)
    assert reference_of(FACE) == "box"
    np.testing.assert_array_equal(reference_lengths(keypoints, labelled, FACE, np.array([3.0, 4.0])), [3, 4])
    np.testing.assert_array_equal(reference_lengths(keypoints, labelled, FACE, 5), [5, 5])
