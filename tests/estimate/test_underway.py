"""What becomes of a network's answers: joints that are not in the image are not seen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.stopwatch import Stopwatch
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.stream import PoseTracking
from leanpose.estimate.underway import looked_at


@given(st.integers(0, 2**31))
def test_joints_outside_the_image_score_0_and_keep_their_place(seed):
    from leanpose.engines.zoo import find_model

    _, card = find_model("nano")
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 50, 2).tolist()
    joints = len(card.skeleton)
    keypoints = rng.uniform(-10, 60, (3, joints, 2)).astype(np.float32)
    keypoints[0, :4] = [(-0.5, -0.5), (width - 0.5, height - 0.5), (-0.75, 0), (0, height - 0.25)]
    scores, uncertainties = rng.uniform(0.1, 1, (2, 3, joints))
    boxes = np.tile([0.0, 0, 9, 9], (3, 1))
    poses = looked_at(keypoints, scores, uncertainties, boxes, np.ones(3), card, (height, width))
    for place, given_score, score in zip(
        keypoints.reshape(-1, 2), scores.ravel(), poses.scores.ravel().tolist(), strict=True
    ):
        inside = -0.5 <= place[0] <= width - 0.5 and -0.5 <= place[1] <= height - 0.5
        assert score == (np.float32(given_score) if inside else 0)
    assert (poses.scores[0, :4] > 0).tolist() == [True, True, False, False]
    np.testing.assert_array_equal(poses.keypoints, keypoints)


def test_whoever_is_cut_by_the_edge_is_scored_so_in_images_and_videos(dot_model, dots):
    """A network that is as sure of joints where nothing is: the calibrated one's least score is not 0."""
    image = dots(120, 100, [(30, 20), (30, 60), (30, 110)])
    box = [0.0, 0, 60, 160]
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1)
    cut = image[:90]
    estimator.postprocess = lambda heatmaps, transforms: (  # type: ignore[method-assign]
        np.array([[(30.0, 20), (30, 60), (30, 110)]] * len(heatmaps)), np.full((len(heatmaps), 3), 0.8),
        np.full((len(heatmaps), 3), np.nan),
    )  # fmt: skip
    for poses in (
        estimator(cut, box), PoseTracking(estimator, boxes=box).step(cut, 0.0),
        PoseTracking(estimator, boxes=box, watch=Stopwatch()).step(cut, 0.0),
    ):  # fmt: skip
        np.testing.assert_allclose(poses.scores, [[0.8, 0.8, 0]])
        assert np.isfinite(poses.keypoints).all()
    np.testing.assert_allclose(estimator(image, box).scores, [[0.8] * 3])
