"""The second pass on made-up tracks whose truth is known: who is who, what was between, and who is nobody."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import PosesError, TimestampError
from leanpose.estimate.second_pass import second_pass
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17

from ..moving import IMAGE_HW, even_times, make_poses, walk

pytest.importorskip("scipy")
RATE = 30


def path(frames, x, speed, y=600.0, phase=0.0):
    times = even_times(frames, RATE)
    return walk(times, np.stack((x + speed * times, np.full(frames, y)), axis=1), phase=phase)


def video(people, seen, ids):
    """Poses of each frame: people (T, K, 2) each, whether they are seen (T,), and their id then (T,)."""
    frames = []
    for t in range(len(seen[0])):
        shown = [p for p in range(len(people)) if seen[p][t]]
        joints = np.array([people[p][t] for p in shown]).reshape(-1, 17, 2)
        frames.append(replace(make_poses(joints, ids=[int(ids[p][t]) for p in shown]), frame=t))
    return frames, even_times(len(frames), RATE)


def by_id(frames):
    found = {}
    for t, poses in enumerate(frames):
        for one, keypoints in zip(poses.ids.tolist(), poses.keypoints, strict=True):
            found.setdefault(one, {})[t] = keypoints
    return found


def test_pieces_of_people_who_pass_each_other_unseen_are_joined_and_the_gap_is_filled():
    people = [path(90, 300, 150), path(90, 720, -140, 610, 1)]
    t = np.arange(90)
    seen = [(t < 30) | (t >= 55)] * 2
    ids = [np.where(t < 40, 4, 9), np.where(t < 40, 7, 8)]
    frames, times = video(people, seen, ids)
    answer = second_pass(frames, times)
    found = by_id(answer)
    assert sorted(found) == [1, 2]
    for one, true in zip((1, 2), people, strict=True):
        assert sorted(found[one]) == list(range(90))
        between = np.array([found[one][k] for k in range(30, 55)])
        line = true[29] + (np.arange(1, 26) / 26)[:, None, None] * (true[55] - true[29])
        np.testing.assert_allclose(between, line, atol=1e-3)
    for k, poses in enumerate(answer):
        assert poses.frame == k
        assert ((poses.box_scores == 0) == (30 <= k < 55)).all()  # which marks the made-up ones
        np.testing.assert_allclose(poses.scores, 0.45 if 30 <= k < 55 else 0.9, rtol=1e-6)


def test_a_gap_within_a_track_is_filled_a_long_one_stays():
    person, t = path(120, 300, 60), np.arange(120)
    frames, times = video([person], [((t < 20) | (t >= 30)) & ((t < 60) | (t >= 100))], [np.ones(120)])
    found = by_id(second_pass(frames, times))
    assert sorted(found[1]) == [*range(60), *range(100, 120)]
    found = by_id(second_pass(frames, times, max_gap=2))
    assert sorted(found[1]) == list(range(120))
    assert by_id(second_pass(frames, times, max_gap=0)).keys() == {1}


def test_who_comes_where_somebody_left_is_not_joined():
    """To the side, of another size, later, or going the other way."""
    t = np.arange(90)
    left, first = path(90, 300, 150), t < 40
    others = [
        (path(90, 470, 150), t >= 50), (path(90, 300, 150, 480), t >= 50), (path(90, 300, 150), t >= 75),
        (path(90, 640, -150), t >= 50), (0.55 * path(90, 300, 150) + (200, 190), t >= 50),
    ]  # fmt: skip
    for other, later in others:
        frames, times = video([left, other], [first, later], [np.full(90, 1), np.full(90, 2)])
        assert len(by_id(second_pass(frames, times))) == 2
    frames, times = video([left, left], [first, t >= 50], [np.full(90, 1), np.full(90, 2)])
    assert len(by_id(second_pass(frames, times))) == 1


def test_all_pieces_are_joined_at_once_not_the_first_that_fits():
    """Three side by side: each after the gap is like two before it."""
    t = np.arange(60)
    people = [path(60, 300 + 45 * k, 0) for k in range(3)]
    seen = [(t < 20) | (t >= 35)] * 3
    ids = [np.where(t < 30, 1 + k, 6 - k) for k in range(3)]
    frames, times = video(people, seen, ids)
    found = by_id(second_pass(frames, times))
    assert sorted(found) == [1, 2, 3]
    for k in range(3):
        np.testing.assert_allclose(found[k + 1][50], people[k][50], atol=1e-3)


def test_short_ghosts_are_left_out_but_not_who_comes_last_or_was_there_first():
    t = np.arange(60)
    people = [path(60, 300, 30), path(60, 900, 0), path(60, 600, 0), path(60, 1100, 0)]
    seen = [t >= 0, (t >= 20) & (t < 24), t >= 57, t < 3]
    frames, times = video(people, seen, [np.full(60, k) for k in (3, 1, 2, 4)])
    answer = second_pass(frames, times)
    assert [len(poses) for poses in answer] == [2] * 3 + [1] * 54 + [2] * 3
    assert set(by_id(answer)) == {1, 2, 3}
    assert len(by_id(second_pass(frames, times, shortest=0))) == 4
    assert [len(p) for p in second_pass(frames[20:22], times[:2])] == [2, 2]  # too short a video to tell


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_nobody_seen_is_moved_and_permuting_changes_only_the_order(seed):
    rng = np.random.default_rng(seed)
    people = [path(45, 200 + 300 * k, rng.uniform(-40, 40), phase=k) for k in range(3)]
    seen = [rng.random(45) < 0.7 for _ in people]
    frames, times = video(people, seen, [np.full(45, 5 + k) for k in range(3)])
    answer = second_pass(frames, times, shortest=0)
    orders = [rng.permutation(len(poses)) for poses in frames]
    again = second_pass([poses[order] for poses, order in zip(frames, orders, strict=True)], times, shortest=0)
    for before, after, permuted, order in zip(frames, answer, again, orders, strict=True):
        np.testing.assert_array_equal(after.keypoints[: len(before)], before.keypoints)
        np.testing.assert_array_equal(permuted.keypoints[: len(before)], before.keypoints[order])
        assert (after.ids > 0).all()
    lives = by_id(answer)
    assert len(lives) == sum(s.any() for s in seen)
    for life in lives.values():  # whole from the first frame to the last, as no gap is longer than a second
        assert sorted(life) == list(range(min(life), max(life) + 1))


def test_joints_that_are_not_found_beside_a_gap_are_not_made_up():
    person, t = path(30, 300, 30), np.arange(30)
    frames, times = video([person], [(t < 10) | (t >= 15)], [np.ones(30)])
    keypoints, scores = frames[9].keypoints.copy(), frames[9].scores.copy()
    keypoints[0, 3], scores[0, 3] = np.nan, 0
    frames[9] = replace(frames[9], keypoints=keypoints, scores=scores, uncertainties=np.ones_like(scores))
    frames = [replace(poses, uncertainties=np.ones_like(poses.scores)) for poses in frames]
    answer = second_pass(frames, times)[12]
    assert np.isnan(answer.keypoints[0, 3]).all()
    assert answer.scores[0, 3] == 0
    assert np.isnan(answer.uncertainties).all()
    assert np.isfinite(answer.keypoints[0, [0, 1, 2, 4]]).all()


def test_nobody_and_wrong_use():
    nobody = [Poses.empty(COCO17, IMAGE_HW)] * 3
    assert [len(poses) for poses in second_pass(nobody, [0, 1, 2])] == [0, 0, 0]
    assert second_pass([], []) == []
    with pytest.raises(TimestampError):
        second_pass(nobody, [0, 1, 1])
    with pytest.raises(PosesError, match="no ids"):
        second_pass([make_poses(path(1, 300, 0))], [0.0])
    for options in ({"max_gap": -1}, {"shortest": -0.1}):
        with pytest.raises(ValueError, match="0 or more"):
            second_pass(nobody, [0, 1, 2], **options)
