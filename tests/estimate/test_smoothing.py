import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import PosesError, TimestampError
from leanpose.estimate.smoothing import OneEuroSmoother, smooth_both_ways
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17

from ..moving import IMAGE_HW, even_times, make_poses, uneven_times, walk

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)
HEIGHT = 200


def live(frames, times, **options):
    smoother = OneEuroSmoother(**options)
    return [smoother.update(poses, time) for poses, time in zip(frames, times, strict=True)]


def both_ways(frames, times):
    return smooth_both_ways(frames, times)


FILTERS = pytest.mark.parametrize("smooth", [live, both_ways])


def one_person(keypoints, scores=0.9):
    """Frames of one person from joints (T, K, 2) and scores, all in the same box: what is not moved stays as it was."""
    box = np.array([[200.0, 200, 200 + HEIGHT / 2, 200 + HEIGHT]])
    scores = np.broadcast_to(scores, keypoints.shape[:2])
    return [
        Poses(k[None], s[None], box, np.ones(1), COCO17, IMAGE_HW, np.array([1]))
        for k, s in zip(keypoints, scores, strict=True)
    ]


def stacked(frames):
    return np.stack([poses.keypoints[0] for poses in frames]).astype(float)


def drawn(seed, frames=30):
    """Random joints, scores and times."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(200, 600, (1, 17, 2)) + np.cumsum(rng.normal(0, 4, (frames, 17, 2)), axis=0)
    return keypoints, rng.uniform(0, 1, (frames, 17)), uneven_times(rng, frames)


@FILTERS
@given(seed=SEEDS)
@settings(max_examples=30)
def test_constant_input_is_a_fixed_point(smooth, seed):
    keypoints, scores, times = drawn(seed)
    still = np.broadcast_to(keypoints[:1].astype(np.float32), keypoints.shape)
    np.testing.assert_allclose(stacked(smooth(one_person(still, scores), times)), still, rtol=1e-7)


@FILTERS
@given(seed=SEEDS)
@settings(max_examples=20)
def test_permuting_people_permutes_the_answer(smooth, seed):
    rng = np.random.default_rng(seed)
    people = np.stack([drawn(seed + i)[0] for i in range(3)], axis=1)
    times, ids = uneven_times(rng, len(people)), np.array([4, 1, 9])
    frames = [make_poses(p, rng.uniform(0, 1, (3, 17)), ids=list(ids)) for p in people]
    orders = [rng.permutation(3) for _ in frames]
    answers = smooth(frames, times)
    for answer, other, order in zip(
        answers, smooth([f[o] for f, o in zip(frames, orders, strict=True)], times), orders, strict=True
    ):
        np.testing.assert_array_equal(other.ids, answer.ids[order])
        np.testing.assert_array_equal(other.keypoints, answer.keypoints[order])
    for person in range(3):  # nor does anybody touch another
        alone = smooth([f[[person]] for f in frames], times)
        np.testing.assert_array_equal(stacked(alone), [a.keypoints[person] for a in answers])


@FILTERS
@given(
    seed=SEEDS, degrees=st.floats(0, 360), scale=st.floats(0.1, 4), shift=st.floats(-500, 500), later=st.floats(0, 1e4)
)
@settings(max_examples=30)
def test_filters_commute_with_similarities_and_shifts_of_time(smooth, seed, degrees, scale, shift, later):
    keypoints, scores, times = drawn(seed)
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    frames = one_person(keypoints, scores)
    moved = [
        replace(f, keypoints=f.keypoints @ turn.T + shift, boxes=f.boxes * scale + shift) for f in frames
    ]  # fmt: skip
    expected = stacked(smooth(frames, times)) @ turn.T + shift
    np.testing.assert_allclose(stacked(smooth(moved, times + later)), expected, atol=2e-3 * max(1, scale))


@FILTERS
def test_scores_boxes_and_what_was_not_found_stay(smooth):
    keypoints, scores, times = drawn(0)
    missing = np.random.default_rng(0).random(scores.shape) < 0.3
    keypoints[missing], scores[missing] = np.nan, 0
    frames = one_person(keypoints, scores)
    frames.insert(5, Poses.empty(COCO17, IMAGE_HW))
    times = np.insert(times, 5, (times[4] + times[5]) / 2)
    for before, after in zip(frames, smooth(frames, times), strict=True):
        np.testing.assert_array_equal(np.isnan(after.keypoints), np.isnan(before.keypoints))
        np.testing.assert_array_equal(after.scores, before.scores)
        np.testing.assert_array_equal(after.boxes, before.boxes)
        assert len(after) == len(before)


class PaperOneEuro:
    """One coordinate, written after Algorithm 1 of Casiez et al. (2012), with the speed between measured values and
    given from outside where the cutoff depends on two coordinates."""

    def __init__(self, x):
        self.x, self.filtered, self.speed = x, x, 0.0

    @staticmethod
    def alpha(cutoff, step):
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / step)

    def measure(self, x, step):
        a = self.alpha(1.0, step)
        self.speed, self.x = a * (x - self.x) / step + (1 - a) * self.speed, x

    def filter(self, cutoff, step):
        a = self.alpha(cutoff, step)
        self.filtered = a * self.x + (1 - a) * self.filtered
        return self.filtered


@given(SEEDS)
@settings(max_examples=20)
def test_sure_joints_are_filtered_as_in_the_paper(seed):
    keypoints, _, times = drawn(seed)
    frames = one_person(keypoints, 0.5)
    measured, found = stacked(frames), stacked(live(frames, times, min_cutoff=1.5, beta=20, full_score=0.5))
    for joint in range(0, 17, 4):
        x, y = (PaperOneEuro(float(v)) for v in measured[0, joint])
        for t in range(1, len(times)):
            step = times[t] - times[t - 1]
            x.measure(measured[t, joint, 0], step)
            y.measure(measured[t, joint, 1], step)
            cutoff = 1.5 + 20 * math.hypot(x.speed, y.speed) / HEIGHT
            expected = x.filter(cutoff, step), y.filter(cutoff, step)
            np.testing.assert_allclose(found[t, joint], expected, rtol=1e-6)


def test_the_less_sure_a_joint_the_less_an_outlier_moves_it():
    keypoints = np.full((20, 17, 2), 300.0)
    keypoints[10] += 50
    moved = []
    for score in (0.0, 0.1, 0.25, 0.4, 0.5, 1.0):
        scores = np.full((20, 17), 0.9)
        scores[10] = score
        moved.append(stacked(live(one_person(keypoints, scores), even_times(20)))[10, 0, 0] - 300)
    assert moved[0] == 0
    assert moved == sorted(moved)
    assert moved[1] < 0.15 * moved[-1]
    assert moved[-2] == moved[-1] > 5  # from full_score on, all the same


def test_hidden_joints_move_on_and_come_to_rest():
    times = even_times(60)
    keypoints = np.full((60, 17, 2), 300.0)
    keypoints[:, :, 0] += 150 * np.minimum(times, 1)[:, None]
    scores = np.where(np.arange(60)[:, None] < 30, 0.9, 0.0) * np.ones(17)
    keypoints[30:] = 999  # nothing that anybody should believe
    places = stacked(live(one_person(keypoints, scores), times))[:, 0, 0]
    steps = np.diff(places[29:])
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()
    assert places[-1] - places[29] == pytest.approx(150 * 0.1, rel=0.03)  # as far as COAST carries


def test_ids_and_joints_that_were_away_start_anew():
    first, second = (walk(np.zeros(1), np.array([[x, 600.0]])) for x in (300, 600))
    for gap, anew in ((0.3, False), (0.6, True)):
        smoother = OneEuroSmoother(max_gap=0.5)
        smoother.update(make_poses(first, ids=[1]), 0.0)
        smoother.update(make_poses(first, ids=[2]), 0.01)  # another id
        answer = smoother.update(make_poses(second, ids=[1]), gap)
        assert np.allclose(answer.keypoints, second) == anew
        smoother = OneEuroSmoother(max_gap=0.5)
        hidden = make_poses(first, ids=[1])
        hands = np.isin(np.arange(17), [9, 10])
        hidden = replace(hidden, keypoints=np.where(hands[:, None], np.nan, hidden.keypoints))
        smoother.update(make_poses(first, ids=[1]), 0.0)
        for time in np.arange(0.1, gap - 0.05, 0.1):
            smoother.update(hidden, time)
        answer = smoother.update(make_poses(second, ids=[1]), gap)
        assert np.allclose(answer.keypoints[0, hands], second[0, hands]) == anew
        assert not np.allclose(answer.keypoints[0, ~hands], second[0, ~hands])


def test_a_new_id_is_not_drawn_to_the_old_one():
    first, second = (walk(np.zeros(1), np.array([[x, 600.0]])) for x in (300, 310))
    smoother = OneEuroSmoother()
    smoother.update(make_poses(first, ids=[1]), 0.0)
    frame = make_poses(second, ids=[2])
    np.testing.assert_allclose(smoother.update(frame, 0.03).keypoints, frame.keypoints, rtol=1e-7)


def weighted(times, keypoints, scores, width, t, joint, degree):
    """The middle of a weighted mean (degree 0) or line (degree 1), by NumPy's least squares."""
    offsets = times - times[t]
    near = np.abs(offsets) <= 4 * width
    w = scores[near, joint] * np.exp(-(offsets[near] ** 2) / (2 * width**2))
    powers = offsets[near, None] ** np.arange(degree + 1) / width ** np.arange(degree + 1)
    fit, *_ = np.linalg.lstsq(powers * np.sqrt(w)[:, None], keypoints[near, joint] * np.sqrt(w)[:, None], rcond=None)
    return fit[0]


@given(SEEDS, st.floats(0.02, 0.2))
@settings(max_examples=20)
def test_both_ways_is_the_line_fitted_by_least_squares(seed, width):
    keypoints, scores, times = drawn(seed)
    frames = one_person(keypoints, scores)
    measured, scores = stacked(frames), np.stack([f.scores[0] for f in frames]).astype(float)
    found = stacked(smooth_both_ways(frames, times, width))
    for t in range(0, len(times), 5):
        for joint in (0, 8):
            expected = weighted(times, measured, scores, width, t, joint, 1)
            np.testing.assert_allclose(found[t, joint], expected, rtol=1e-5)


def test_both_ways_is_the_weighted_mean_between_frames_alike():
    keypoints, _, _ = drawn(1, 41)
    times, frames = even_times(41), one_person(keypoints)
    found, measured = stacked(smooth_both_ways(frames, times, 0.1)), stacked(frames)
    w = np.exp(-((times - times[20]) ** 2) / (2 * 0.1**2)) * (np.abs(times - times[20]) <= 0.4)
    np.testing.assert_allclose(found[20], np.tensordot(w / w.sum(), measured, 1), rtol=1e-6)


@given(SEEDS)
@settings(max_examples=20)
def test_both_ways_leaves_steady_motion_as_it_is(seed):
    keypoints, scores, times = drawn(seed)
    rng = np.random.default_rng(seed)
    steady = keypoints[:1] + times[:, None, None] * rng.uniform(-100, 100, (1, 17, 2))
    frames = one_person(steady, scores)
    np.testing.assert_allclose(stacked(both_ways(frames, times)), stacked(frames), rtol=1e-5)


def test_both_ways_of_a_single_frame_and_of_width_zero_changes_nothing():
    keypoints, scores, times = drawn(0)
    frames = one_person(keypoints, scores)
    np.testing.assert_array_equal(stacked(smooth_both_ways(frames, times, 0.0)), stacked(frames))
    np.testing.assert_array_equal(stacked(smooth_both_ways(frames[:1], times[:1])), stacked(frames[:1]))
    np.testing.assert_array_equal(stacked(both_ways(one_person(keypoints, 0.0), times)), stacked(frames))
    assert smooth_both_ways([], []) == []


def jitter(places):
    """Mean length of the second differences (T, K, 2), in pixels per frame squared."""
    return np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).mean()


@FILTERS
@pytest.mark.parametrize("noise", [0.005, 0.01, 0.02])  # in body heights, a pixel to four
@pytest.mark.parametrize("rate", [30, 60])
@pytest.mark.parametrize("uneven", [False, True])
def test_jitter_of_still_people_is_at_least_halved(smooth, noise, uneven, rate):
    rng = np.random.default_rng(0)
    times = uneven_times(rng, rate=rate) if uneven else even_times(rate=rate)
    still = walk(times, np.broadcast_to((640.0, 600.0), (300, 2)), HEIGHT, swing=0)
    noisy = still + noise * HEIGHT * rng.normal(size=still.shape)
    frames = [make_poses(n[None], ids=[1]) for n in noisy]
    assert jitter(stacked(smooth(frames, times))) < 0.5 * jitter(noisy)


def lag(true, found):
    """By how many frames, to a twentieth, a curve (T,) is best moved to agree with another: by cross-correlation."""
    shifts = np.arange(-2, 6, 0.05)
    frame = np.arange(len(true))
    likeness = [np.corrcoef(np.interp(frame[20:-20] - s, frame, true), found[20:-20])[0, 1] for s in shifts]
    return shifts[int(np.argmax(likeness))]


def test_lag_is_measured_right():
    wave = np.sin(np.arange(300) / 5)
    assert lag(wave, np.sin((np.arange(300) - 2.5) / 5)) == pytest.approx(2.5, abs=0.051)


@FILTERS
@pytest.mark.parametrize(("hertz", "swing"), [(0.5, 0.25), (1.0, 0.15), (2.0, 0.1)])  # in body heights
@pytest.mark.parametrize("rate", [30, 60])
def test_lag_is_under_one_frame(smooth, hertz, swing, rate):
    rng = np.random.default_rng(0)
    times = even_times(10 * rate, rate)
    moving = walk(times, np.broadcast_to((640.0, 600.0), (len(times), 2)), HEIGHT, swing=0)
    moving[:, :, 0] += HEIGHT * swing * np.sin(2 * np.pi * hertz * times)[:, None]
    noisy = moving + 0.005 * HEIGHT * rng.normal(size=moving.shape)
    found = stacked(smooth([make_poses(n[None], ids=[1]) for n in noisy], times))
    lags = [lag(moving[:, j, 0], found[:, j, 0]) for j in range(17)]
    assert np.mean(lags) < 1
    assert max(lags) < 1.2  # of one joint it is known to a fifth of a frame, with so much noise
    if smooth is both_ways:
        assert max(np.abs(lags)) <= 0.1


@FILTERS
def test_lag_of_a_steady_walk_is_under_one_frame(smooth):
    times = even_times(150)
    feet = np.stack((200 + 150 * times, np.full(150, 600.0)), axis=1)
    frames = [make_poses(p[None], ids=[1]) for p in walk(times, feet, HEIGHT, swing=0)]
    behind = stacked(frames) - stacked(smooth(frames, times))
    assert np.abs(behind[60:, :, 0]).max() < 150 / 30
    if smooth is both_ways:
        assert np.abs(behind).max() < 1e-3


def test_wrong_use_is_refused():
    frame = one_person(drawn(0)[0])[0]
    smoother = OneEuroSmoother()
    smoother.update(frame, 1.0)
    for time in (1.0, 0.0, np.nan):
        with pytest.raises(TimestampError, match="new smoother"):
            smoother.update(frame, time)
    with pytest.raises(PosesError, match="no ids"):
        smoother.update(replace(frame, ids=None), 2.0)
    for options in ({"min_cutoff": 0}, {"beta": -1}, {"full_score": 0}, {"max_gap": 0}, {"speed_cutoff": -1}):
        with pytest.raises(ValueError, match="above 0"):
            OneEuroSmoother(**options)
    with pytest.raises(ValueError, match="width"):
        smooth_both_ways([frame], [0.0], -1.0)
