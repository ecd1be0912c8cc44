import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import SkeletonError, TimestampError
from leanpose.pose.kinematics import ANGLES, angles_of, joint_angles, joint_speeds, rates
from leanpose.pose.skeleton import COCO17, LSP14, MPII16, SKELETONS, Skeleton

from ..moving import figure, uneven_times

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)
ELBOW = Skeleton("arm", ("left_shoulder", "left_elbow", "left_wrist"), flippable=False)


@pytest.mark.parametrize("skeleton", [LSP14, COCO17, MPII16], ids=lambda s: s.name)
def test_table_of_angles(skeleton):
    both = {f"{side}_{joint}" for joint in ("elbow", "shoulder", "hip", "knee") for side in ("left", "right")}
    assert set(angles_of(skeleton)) == both | ({"neck"} if skeleton is MPII16 else set())
    assert all(at.removeprefix("left_") in name for name, (_, at, _) in angles_of(skeleton).items() if "left" in name)


def test_table_of_ankles_and_of_no_joint_we_do_not_have():
    assert {"left_ankle", "right_ankle"} <= set(angles_of(SKELETONS["halpe26"]))
    assert {joint for joints in ANGLES.values() for joint in joints} <= {
        joint for skeleton in SKELETONS.values() for joint in skeleton.joints
    }


@given(st.floats(0, 180), st.floats(0, 360), st.floats(0.1, 1e3), st.floats(0.1, 1e3), st.booleans())
def test_angle_between_two_directions(inner, direction, upper, lower, clockwise):
    start, turn = np.radians(direction), np.radians(inner if clockwise else -inner)
    elbow = np.array([50.0, 60.0])
    shoulder = elbow + upper * np.array([np.cos(start), np.sin(start)])
    wrist = elbow + lower * np.array([np.cos(start + turn), np.sin(start + turn)])
    found = joint_angles(np.array([shoulder, elbow, wrist]), ELBOW)["left_elbow"]
    assert found == pytest.approx(inner, abs=1e-6)


def test_angles_of_a_figure_whose_limbs_are_known():
    """Arms and legs are straight, and swing about shoulders and hips that lie 0.04 apart across 0.3 of height."""
    swing, phase = 0.4, 1.1
    found = joint_angles(figure(MPII16, phase, swing), MPII16)
    lean = np.degrees(np.arctan2(0.1 - 0.06, 0.3))
    turn = np.degrees(swing * np.sin(phase))
    for side in ("left", "right"):  # the arms swing out while the legs swing in
        assert found[f"{side}_elbow"] == pytest.approx(180)
        assert found[f"{side}_knee"] == pytest.approx(180)
        assert found[f"{side}_shoulder"] == pytest.approx(turn + lean)
        assert found[f"{side}_hip"] == pytest.approx(180 - (turn - lean))
    assert found["neck"] == pytest.approx(180)


@given(SEEDS, st.floats(0, 360), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_angles_do_not_change_with_rotation_size_and_place(seed, degrees, scale, shift):
    keypoints = np.random.default_rng(seed).uniform(0, 300, (2, 3, 17, 2))
    turn = np.radians(degrees)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    before, after = joint_angles(keypoints, COCO17), joint_angles(keypoints @ rotation.T + shift, COCO17)
    for name, values in before.items():
        assert values.shape == (2, 3)
        assert ((values >= 0) & (values <= 180)).all()
        np.testing.assert_allclose(after[name], values, atol=1e-4)
    mirrored = joint_angles((keypoints * [-1, 1])[..., COCO17.flip_permutation, :], COCO17)
    np.testing.assert_allclose(mirrored["left_knee"], before["right_knee"], atol=1e-9)


def test_missing_and_coinciding_joints_have_no_angle():
    keypoints = np.array([[[0.0, 0], [1, 0], [1, 1]]] * 5)
    keypoints[0, 0] = keypoints[1, 1] = keypoints[2, 2] = np.nan
    keypoints[3, 0] = keypoints[3, 1]
    found = joint_angles(keypoints, ELBOW)["left_elbow"]
    assert np.isnan(found[:4]).all()
    assert found[4] == pytest.approx(90)


def test_own_angles():
    keypoints = np.array([[0.0, 0], [1, 0], [0, 1]])
    found = joint_angles(keypoints, ELBOW, {"odd": ("left_wrist", "left_shoulder", "left_elbow")})
    assert found == {"odd": pytest.approx(90)}
    with pytest.raises(SkeletonError, match="no joint 'tail'"):
        joint_angles(keypoints, ELBOW, {"odd": ("tail", "left_shoulder", "left_elbow")})


@given(SEEDS)
@settings(max_examples=30)
def test_rates_are_exact_for_parabolas_whatever_the_steps(seed):
    rng = np.random.default_rng(seed)
    times = uneven_times(rng, 20)
    a, b, c = rng.uniform(-50, 50, 3)
    found = rates(a + b * times + c * times**2, times)
    np.testing.assert_allclose(found[1:-1], b + 2 * c * times[1:-1], rtol=1e-6, atol=1e-6)
    assert found[0] == pytest.approx(b + c * (times[0] + times[1]), abs=1e-6)
    assert found[-1] == pytest.approx(b + c * (times[-1] + times[-2]), abs=1e-6)


def test_a_turning_elbow_has_its_angular_velocity():
    times = np.arange(50) / 50
    turn = np.radians(20 + 130 * times)
    wrist = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    keypoints = np.stack((np.tile([1.0, 0], (50, 1)), np.zeros((50, 2)), wrist), axis=1)
    np.testing.assert_allclose(rates(joint_angles(keypoints, ELBOW)["left_elbow"], times), 130, rtol=1e-9)


def test_rates_are_not_known_beside_gaps_and_missing_values():
    times = np.array([0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.5, 1.6, 1.7])
    values = 2 * times
    values[7] = np.nan
    known = np.isfinite(rates(values, times))
    assert known.tolist() == [True, True, True, False, False, True, False, False, False]
    assert np.isfinite(rates(values, times, max_gap=2.0)).tolist() == [True] * 6 + [False] * 3
    assert np.isnan(rates([1.0], [0.0])).all()
    assert rates(np.zeros((0, 3)), []).shape == (0, 3)
    for wrong in ([0.0], [0.0, 0.0], [1.0, 0.0], [0.0, np.nan]):
        with pytest.raises(TimestampError, match="2 values"):
            rates([1.0, 2.0], wrong)


@given(SEEDS, st.floats(1, 500), st.floats(-1000, 1000))
def test_speeds_in_pixels_and_in_body_lengths(seed, length, shift):
    rng = np.random.default_rng(seed)
    times, velocity = uneven_times(rng, 10), rng.uniform(-100, 100, (17, 2))
    keypoints = rng.uniform(0, 300, (17, 2)) + times[:, None, None] * velocity
    keypoints[3, 5] = np.nan
    expected = np.tile(np.hypot(*velocity.T), (10, 1))
    expected[2:5, 5] = np.nan
    np.testing.assert_allclose(joint_speeds(keypoints, times), expected, atol=1e-6)
    np.testing.assert_allclose(joint_speeds(keypoints + shift, times, length), expected / length, atol=1e-6)


def test_a_body_has_a_length():
    with pytest.raises(ValueError, match="body_length"):
        joint_speeds(np.zeros((2, 17, 2)), [0.0, 1.0], 0.0)
