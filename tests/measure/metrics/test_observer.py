import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import SkeletonError
from leanpose.core.geometry import flip_keypoints
from leanpose.measure.metrics.observer import observer_centric_order
from leanpose.pose.skeleton import LSP14, Skeleton

RIGHT_LEG, LEFT_LEG, RIGHT_ARM, LEFT_ARM = [0, 1, 2], [5, 4, 3], [6, 7, 8], [11, 10, 9]


def relabelled(keypoints):
    return np.take_along_axis(keypoints, observer_centric_order(keypoints, LSP14)[..., None], axis=1)


def facing():
    """A person who faces the camera: the right side is on the image's left."""
    side = {
        "ankle": (4, 90),
        "knee": (4, 70),
        "hip": (5, 50),
        "wrist": (12, 45),
        "elbow": (11, 30),
        "shoulder": (9, 15),
    }
    points = [
        (-side[part][0] if name == "right" else side[part][0], side[part][1])
        for name, part in (joint.split("_") for joint in LSP14.joints[:12])
    ]
    return np.array([[*points, (0, 12), (0, 0)]], dtype=float)


def turned(keypoints, angle):
    c, s = math.cos(angle), math.sin(angle)
    return keypoints @ np.array([[c, s], [-s, c]])


@given(st.floats(-7, 7))
def test_who_faces_the_camera_keeps_the_labels_whichever_way_up(angle):
    person = turned(facing(), angle)
    np.testing.assert_array_equal(relabelled(person), person)


@given(st.floats(-7, 7))
def test_who_turns_the_back_is_labelled_as_if_facing(angle):
    person = turned(facing() * [-1, 1], angle)  # the right side on the image's right
    swapped = person[:, LSP14.flip_permutation]
    np.testing.assert_array_equal(relabelled(person), swapped)


def test_arms_and_legs_swap_apart():
    person = facing()
    twisted = person.copy()
    twisted[:, LEFT_ARM + RIGHT_ARM] = person[:, RIGHT_ARM + LEFT_ARM]
    np.testing.assert_array_equal(relabelled(twisted), person)
    crossed = person.copy()
    crossed[:, [6, 11]] = person[:, [11, 6]]  # crossed wrists alone change nothing: shoulders decide
    np.testing.assert_array_equal(relabelled(crossed), crossed)
    legs = person.copy()
    legs[:, LEFT_LEG + RIGHT_LEG] = person[:, RIGHT_LEG + LEFT_LEG]
    order = observer_centric_order(legs, LSP14)[0]
    assert order.tolist() == [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 10, 11, 12, 13]


def by_rotation(points):
    """The rule as its authors wrote it down: turn the torso until it points down, then compare x."""
    top, bottom = points[8:10].mean(axis=0), points[2:4].mean(axis=0)
    angle = math.pi / 2 - math.atan2(bottom[1] - top[1], bottom[0] - top[0])
    c, s = math.cos(angle), math.sin(angle)
    x = [(px - top[0]) * c - (py - top[1]) * s for px, py in points]
    order = list(range(14))
    if x[2] > x[3]:
        order[0:6] = order[5::-1]
    if x[8] > x[9]:
        order[6:12] = order[11:5:-1]
    return order


@given(st.integers(0, 2**31))
def test_equals_the_rule_by_rotation(seed):
    people = np.random.default_rng(seed).uniform(0, 100, (20, 14, 2))
    assert observer_centric_order(people, LSP14).tolist() == [by_rotation(person) for person in people]


@given(st.integers(0, 2**31))
def test_relabelling_twice_changes_nothing_and_mirrors_agree(seed):
    people = np.random.default_rng(seed).uniform(0, 100, (20, 14, 2))
    once = relabelled(people)
    np.testing.assert_array_equal(relabelled(once), once)
    mirrored = flip_keypoints(people, 101, LSP14.flip_permutation)
    np.testing.assert_allclose(relabelled(mirrored), flip_keypoints(once, 101, LSP14.flip_permutation))


def test_people_without_shoulders_or_hips_keep_their_labels():
    person = facing() * [-1, 1]
    person[:, LSP14.index("left_hip")] = np.nan
    assert observer_centric_order(person, LSP14)[0].tolist() == list(range(14))
    with pytest.raises(SkeletonError, match="left_shoulder"):
        observer_centric_order(np.zeros((1, 1, 2)), Skeleton("face", ("nose",)))


def test_leeds_sports_poses(data_root):
    io = pytest.importorskip("scipy.io")
    joints = io.loadmat(data_root / "lsp_dataset" / "joints.mat")["joints"]
    people = np.moveaxis(joints[:2], -1, 0).swapaxes(1, 2)[1000:]
    orders = observer_centric_order(people, LSP14)
    assert orders.tolist() == [by_rotation(person) for person in people]
    swapped = orders[:, 8] != 8
    assert 0.1 < swapped.mean() < 0.5  # most athletes face the camera
