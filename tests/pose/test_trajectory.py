import numpy as np
import pytest

from leanpose.core.errors import PosesError, TimestampError
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14
from leanpose.pose.trajectory import trajectories

from ..moving import IMAGE_HW, make_poses, walk

NOBODY = Poses.empty(COCO17, IMAGE_HW)


def body(x):
    return walk(np.zeros(1), np.array([[x, 600.0]]))[0]


def test_frames_of_an_id_are_put_together():
    frames = [make_poses([body(300), body(500)], ids=[7, 2]), NOBODY, make_poses([body(510)], ids=[2], scores=0.2)]
    found = trajectories(frames, [0.0, 0.1, 0.4])
    assert list(found) == [2, 7]
    two = found[2]
    assert (two.id, two.skeleton) == (2, COCO17)
    assert two.frames.tolist() == [0, 2]
    assert two.people.tolist() == [1, 0]
    assert two.times.tolist() == [0.0, 0.4]
    np.testing.assert_allclose(two.keypoints, [body(500), body(510)], rtol=1e-6)
    np.testing.assert_allclose(two.scores, np.repeat([[0.9], [0.2]], 17, axis=1), rtol=1e-6)
    np.testing.assert_array_equal(two.boxes, [frames[0].boxes[1], frames[2].boxes[0]])
    assert np.isfinite(two.joints()).all(axis=(1, 2)).tolist() == [True, False]
    assert np.isfinite(two.joints(0.1)).all()
    # from the eyes (0.94) to the ankles (0.02) of 200 pixels, grown by 15 %
    assert two.body_length == pytest.approx(0.92 * 200 * 1.15, rel=1e-5)
    assert trajectories([], []) == {}


def test_wrong_use_is_refused():
    one = make_poses([body(300)], ids=[1])
    for times in ([0.0], [0.0, 0.0], [1.0, 0.0], [0.0, np.nan]):
        with pytest.raises(TimestampError, match="timestamps"):
            trajectories([one, one], times)
    with pytest.raises(PosesError, match=r"frame 1.*no ids.*Tracker"):
        trajectories([one, make_poses([body(300)])], [0.0, 1.0])
    with pytest.raises(PosesError, match=r"frame 0: an id comes twice: 3, 3"):
        trajectories([make_poses([body(300), body(400)], ids=[3, 3])], [0.0])
    with pytest.raises(PosesError, match="frame 1: skeleton lsp14 after coco17"):
        trajectories([one, Poses.empty(LSP14, IMAGE_HW)], [0.0, 1.0])
