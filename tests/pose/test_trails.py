import numpy as np
import pytest

from leanpose.core.errors import PosesError
from leanpose.pose.skeleton import COCO17, LSP14
from leanpose.pose.trails import Trails

from ..moving import even_times, make_poses, walk

FEET = np.stack((300 + 4 * np.arange(40.0), np.full(40, 600.0)), axis=1)


def test_trails_are_the_last_places_of_the_joints():
    path = walk(even_times(40), FEET)
    trails = Trails(("left_wrist", "nose"), length=12)
    for joints in path:
        trails.add(make_poses(joints[None], ids=[5]))
    found = {(one, joint): places for one, joint, places in trails}
    assert list(found) == [(5, "left_wrist"), (5, "nose")]
    for (_, joint), places in found.items():
        np.testing.assert_allclose(places, path[-12:, COCO17.index(joint)], rtol=1e-6)


def test_gaps_and_low_scores_leave_holes():
    trails, joints = Trails(("nose",), min_score=0.5), walk(np.zeros(1), FEET[:1])
    trails.add(make_poses(joints, ids=[1]))
    trails.add(make_poses(joints, 0.4, ids=[1]))
    trails.add(make_poses(joints[:0], ids=[]))
    trails.add(make_poses(joints, 0.5, ids=[1]))
    ((one, joint, places),) = trails
    assert (one, joint) == (1, "nose")
    assert np.isfinite(places).all(axis=1).tolist() == [True, False, False, True]


def test_whoever_left_is_forgotten():
    trails, joints = Trails(length=5), walk(np.zeros(1), FEET[:1])
    for frame in range(1000):
        trails.add(make_poses(joints, ids=[frame // 10]))
        assert {one for one, _, _ in trails} == {max(frame - 4, 0) // 10, frame // 10}
    for _ in range(5):
        trails.add(make_poses(joints[:0], ids=[]))
    assert list(trails) == []


def test_joints_that_a_skeleton_lacks_leave_no_trail():
    trails = Trails(("nose", "neck"))
    trails.add(make_poses(walk(np.zeros(1), FEET[:1], skeleton=LSP14), skeleton=LSP14, ids=[1]))
    assert [joint for _, joint, _ in trails] == ["neck"]


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="2 frames"):
        Trails(length=1)
    with pytest.raises(PosesError, match="no ids"):
        Trails().add(make_poses(walk(np.zeros(1), FEET[:1])))
