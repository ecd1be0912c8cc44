import itertools
import sys
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import MissingExtraError, PosesError, TimestampError
from leanpose.estimate.association import bodies, in_one_place
from leanpose.estimate.smoothing import OneEuroSmoother
from leanpose.estimate.tracker import Tracker
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14, Skeleton

from ..moving import IMAGE_HW, Scene, boxes_around, even_times, make_poses, scenes, uneven_times, walk

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)
NAMES = tuple(scenes(even_times(2)))
NOBODY = Poses.empty(COCO17, IMAGE_HW)


def ids_by_person(scene, tracker, rng, drop=0.05):
    """Ids given to each person when the detector looks at every frame and overlooks some people."""
    given_ids = defaultdict(set)
    for t, time in enumerate(scene.times):
        poses, who = scene.seen(t, rng, drop=drop)
        answer = tracker.update(poses, time)
        np.testing.assert_array_equal(answer.keypoints, poses.keypoints)
        for person, one in zip(who, answer.ids, strict=True):
            given_ids[int(person)].add(int(one))
    return given_ids


def all_stable(given_ids, people):
    assert sorted(given_ids) == list(range(people))
    assert [len(ids) for ids in given_ids.values()] == [1] * people
    assert len(set.union(*given_ids.values())) == people


@pytest.mark.parametrize("skeleton", [COCO17, LSP14], ids=lambda s: s.name)
@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "leaving"])
def test_ids_are_stable_over_300_frames(name, uneven, skeleton):
    rng = np.random.default_rng(NAMES.index(name))
    scene = scenes(uneven_times(rng) if uneven else even_times(), skeleton)[name]
    all_stable(ids_by_person(scene, Tracker(), rng), scene.truth.shape[1])


def test_the_scenes_are_hard_enough():
    made = scenes(even_times())
    assert all(scene.truth.shape[0] == 300 for scene in made.values())
    assert {scene.truth.shape[1] for scene in made.values()} == {1, 2, 3, 5}
    assert (~made["crossing"].visible).sum() >= 10
    assert (~made["behind"].visible[:, 1]).sum() >= 15
    order = np.argsort(made["crossing"].truth[[0, -1], :, 0, 0])
    assert order[0].tolist() == order[1].tolist()[::-1]  # they change places


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_predicted_boxes_carry_people_from_detection_to_detection(name, uneven):
    """The whole loop of the module's docstring, with a detector that overlooks every tenth person."""
    rng = np.random.default_rng(NAMES.index(name))
    scene = scenes(uneven_times(rng) if uneven else even_times())[name]
    tracker, given_ids, runs, found = Tracker(), defaultdict(set), 0, 0
    for t, time in enumerate(scene.times):
        run = tracker.needs_detection()
        detected = scene.detect(t, rng, drop=0.1) if run else np.zeros((0, 5))
        looked = tracker.predicted_boxes(time, detected)
        poses, _ = scene.estimate(t, np.concatenate((detected, looked)), rng)
        answer = tracker.update(poses, time, predicted=len(looked), detector_ran=run)
        apart = np.linalg.norm(answer.keypoints[:, None] - scene.truth[t], axis=-1).mean(axis=-1)
        who = apart.argmin(axis=1)
        assert (apart.min(axis=1) < 0.02 * scene.heights(t)[who]).all()  # nobody who is not there
        assert len(set(who)) == len(who)  # and nobody twice
        for person, one in zip(who, answer.ids, strict=True):
            given_ids[int(person)].add(int(one))
        runs += run
        found += len(who)
    all_stable(given_ids, scene.truth.shape[1])
    assert found >= 0.95 * scene.visible.sum()
    assert runs <= (0.25 if scene.truth.shape[1] < 3 else 0.5) * len(scene.times)


@given(SEEDS)
@settings(max_examples=20)
def test_permuting_people_permutes_ids(seed):
    rng = np.random.default_rng(seed)
    scene = scenes(uneven_times(rng, 25))["crowd"]
    one, other = Tracker(), Tracker()
    for t, time in enumerate(scene.times):
        poses, _ = scene.seen(t, rng, drop=0.2)
        order = rng.permutation(len(poses))
        np.testing.assert_array_equal(one.update(poses, time).ids[order], other.update(poses[order], time).ids)


@given(SEEDS, st.sampled_from([0.25, 1.0, 8.0]), st.sampled_from([-1024.0, 0.0, 512.0]), st.sampled_from([0.0, 4096.0]))
@settings(max_examples=20)
def test_ids_do_not_depend_on_place_size_and_start(seed, scale, shift, later):
    """Scaled by powers of two and moved by whole numbers, so that the arithmetic is the same."""
    rng = np.random.default_rng(seed)
    scene = scenes(uneven_times(rng, 25))["circle"]
    one, other = Tracker(), Tracker()
    for t, time in enumerate(scene.times):
        poses, _ = scene.seen(t, rng, drop=0.2)
        moved = replace(poses, keypoints=poses.keypoints * scale + shift, boxes=poses.boxes * scale + shift)
        expected = one.update(poses, time).ids
        np.testing.assert_array_equal(other.update(moved, time + later).ids, expected)
        aligned = other.predicted_boxes(time + later + 0.03)[:, :4]
        here = one.predicted_boxes(time + 0.03)[:, :4] * scale + shift
        if len(aligned) == len(here):  # people outside the image have no box
            np.testing.assert_allclose(aligned, here, atol=0.02 * max(scale, 1))


@given(SEEDS, st.integers(1, 5))
@settings(max_examples=50)
def test_next_frame_is_assigned_as_the_best_permutation(seed, people):
    """People jump about a place, all of them likely to be taken for each other: by brute force."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((400, 500), (480, 560), (people, 2))
    first = np.stack([walk(np.zeros(1), s[None], phase=rng.uniform(0, 6))[0] for s in start])
    second = first[rng.permutation(people)] + rng.normal(0, 12, (people, 1, 2))
    for frame in (first, second):  # nobody has a limb of somebody else's, which would not be compared
        same = in_one_place(bodies(make_poses(frame)), np.array(COCO17.sigmas))
        assume((same[np.triu_indices(people, 1)].sum(axis=-1) < 2).all())
    tracker = Tracker(min_likeness=0.0)
    ids = tracker.update(make_poses(first), 0.0).ids
    found = tracker.update(make_poses(second), 0.1).ids

    def likeness(a, b):
        (box_a, box_b), sigmas = boxes_around(np.stack((a, b))), np.array(COCO17.sigmas)
        area = sum(np.prod(box[2:] - box[:2]) for box in (box_a, box_b)) / 2
        tolerance = (2 * sigmas) ** 2 + (0.5 * 0.1) ** 2
        of_joints = np.exp(-((a - b) ** 2).sum(-1) / (2 * area * tolerance)).mean()
        shared = np.prod(np.maximum(np.minimum(box_a[2:], box_b[2:]) - np.maximum(box_a[:2], box_b[:2]), 0))
        return (of_joints + shared / (2 * area - shared)) / 2

    table = np.array([[likeness(a, b) for b in second] for a in first])
    best = max(itertools.permutations(range(people)), key=lambda order: table[range(people), order].sum())
    chosen = [found.tolist().index(one) for one in ids]
    assert table[range(people), chosen].sum() == pytest.approx(table[range(people), best].sum(), rel=1e-6)


def standing(*feet, **options):
    return make_poses(np.stack([walk(np.zeros(1), np.array([f], float))[0] for f in feet]), **options)


def test_ids_are_never_used_again():
    tracker = Tracker(max_age=0.5)
    assert tracker.update(standing((300, 600)), 0.0).ids.tolist() == [1]
    assert tracker.update(standing((300, 600)), 0.5).ids.tolist() == [1]
    assert tracker.update(NOBODY, 0.6).ids.tolist() == []
    assert tracker.update(standing((300, 600)), 1.1).ids.tolist() == [2]
    assert tracker.update(standing((900, 600), (300, 600)), 1.2).ids.tolist() == [3, 2]


def test_a_hidden_person_is_expected_further_along_the_way():
    """Two people pass each other behind a wall: by place alone they would be exchanged."""
    times = np.arange(30) / 30
    right = walk(times, np.stack((300 + 600 * times, np.full(30, 600.0)), 1))
    left = walk(times, np.stack((840 - 600 * times, np.full(30, 600.0)), 1))
    tracker = Tracker()
    for t in (*range(8), *range(19, 30)):
        ids = tracker.update(make_poses(np.stack((right[t], left[t]))), times[t]).ids.tolist()
        assert ids == [1, 2]


def test_a_newcomer_beside_the_place_of_one_who_left_is_new():
    """The neighbour sways, and was on the way to where the newcomer appears when last seen."""
    for gap in (0.3, 0.6, 0.9):
        tracker = Tracker()
        for t in range(31):
            tracker.update(standing((300 + 20 * np.sin(np.pi * t / 10), 600)), t / 30)
        assert tracker.update(standing((420, 600)), 1 + gap).ids.tolist() == [2]
        tracker = Tracker()
        for t in range(31):
            tracker.update(standing((300 + 20 * np.sin(np.pi * t / 10), 600)), t / 30)
        assert tracker.update(standing((300, 600)), 1 + gap).ids.tolist() == [1]


def test_who_was_drawn_off_is_found_again_where_the_detector_last_confirmed_the_way():
    """A walker goes behind a wall, whose edge the network takes for the walker for a while."""
    tracker, speed = Tracker(), 300

    def at(time):
        return standing((300 + speed * time, 600))

    for t in range(16):
        tracker.update(at(t / 30), t / 30)
    for t in range(16, 24):
        assert tracker.update(at(0.5), t / 30, predicted=1, detector_ran=True).ids.tolist() == [1]
    assert tracker.update(Poses.empty(COCO17, IMAGE_HW), 0.85).ids.tolist() == []
    assert tracker.update(at(1.0), 1.0).ids.tolist() == [1]


def test_a_limb_in_two_answers_stays_with_the_one_who_was_expected_to_have_it():
    legs = np.array([joint.endswith(("knee", "ankle")) for joint in COCO17.joints])
    for mixed in (0, 1):
        tracker, people = Tracker(), standing((300, 600), (345, 600))
        for t in range(3):
            tracker.update(people, t / 30)
        keypoints, scores = people.keypoints.copy(), people.scores.copy()
        keypoints[mixed, legs] = keypoints[1 - mixed, legs]
        scores[mixed, legs] = 1.0  # the network is surer of what is wrong
        answer = tracker.update(replace(people, keypoints=keypoints, scores=scores), 0.1)
        assert answer.ids.tolist() == [1, 2]
        assert (answer.scores[mixed] == 0).tolist() == legs.tolist()
        np.testing.assert_array_equal(answer.scores[1 - mixed], scores[1 - mixed])
        np.testing.assert_array_equal(answer.keypoints, keypoints)
        np.testing.assert_allclose(
            tracker.predicted_boxes(0.13)[:, :4], boxes_around(people.keypoints), atol=2
        )  # held where they were


def test_smoothing_bridges_a_frame_in_which_limbs_were_mixed():
    legs = np.array([joint.endswith(("knee", "ankle")) for joint in COCO17.joints])
    tracker, smoother, worst = Tracker(), OneEuroSmoother(), {True: 0.0, False: 0.0}
    for t in range(40):
        true = standing((200 + 4 * t, 600), (245 + 4 * t, 600))
        keypoints = true.keypoints.copy()
        if t in (20, 30):
            keypoints[1, legs] = keypoints[0, legs]
        found = smoother.update(tracker.update(replace(true, keypoints=keypoints), t / 30), t / 30)
        apart = np.abs(found.keypoints - true.keypoints)[1, legs].max()
        worst[t in (20, 30)] = max(worst[t in (20, 30)], apart)
    assert worst[True] < 6  # of 45 pixels from one to the other


def test_velocity_is_exact_for_steady_motion_at_any_frame_rate():
    tracker = Tracker()
    for time in (0.0, 0.01, 0.11, 0.13, 0.3):
        tracker.update(standing((300 + 100 * time, 600 - 40 * time)), time)
    expected = boxes_around(standing((350, 580)).keypoints)
    np.testing.assert_allclose(tracker.predicted_boxes(0.5)[:, :4], expected, atol=1e-3)
    np.testing.assert_allclose(tracker.predicted_boxes(0.5)[:, 4], 0.9, rtol=1e-6)


def test_hidden_joints_stay_in_the_box_for_a_while():
    whole = standing((300, 600))
    upper = np.where([not joint.endswith(("knee", "ankle")) for joint in COCO17.joints], 0.9, 0.1)[None]
    tracker = Tracker()
    tracker.update(whole, 0.0)
    tracker.update(replace(whole, scores=upper), 0.1)
    np.testing.assert_allclose(tracker.predicted_boxes(0.2)[:, :4], boxes_around(whole.keypoints), atol=1e-3)
    for time in np.arange(0.2, 1.4, 0.1):
        tracker.update(replace(whole, scores=upper), time)
    above_knees = whole.keypoints[:, upper[0] > 0.5]
    np.testing.assert_allclose(tracker.predicted_boxes(1.4)[:, :4], boxes_around(above_knees), atol=1e-3)


def test_predicted_boxes_of_detected_people_and_of_those_outside_are_left_out():
    tracker = Tracker()
    tracker.update(standing((300, 600), (900, 600)), 0.0)
    detected = boxes_around(standing((310, 600)).keypoints)
    left = tracker.predicted_boxes(0.1, detected)
    np.testing.assert_allclose(left[:, :4], boxes_around(standing((900, 600)).keypoints), atol=1e-3)
    tracker = Tracker()
    tracker.update(standing((300, 600), (1220, 600)), 0.0)
    tracker.update(standing((300, 600), (1250, 600)), 0.1)
    assert [len(tracker.predicted_boxes(time)) for time in (0.2, 0.4)] == [2, 1]  # it leaves at 300 pixels a second


def test_people_without_sure_joints_are_followed_by_their_boxes():
    unsure = standing((300, 600), (900, 600), scores=0.05)
    gone = replace(unsure, keypoints=np.full_like(unsure.keypoints, np.nan), scores=np.zeros_like(unsure.scores))
    tracker = Tracker()
    for time, poses in enumerate((unsure, gone, unsure[[1, 0]], unsure)):
        ids = tracker.update(poses, time / 10).ids.tolist()
        assert ids == ([2, 1] if time == 2 else [1, 2])
        np.testing.assert_allclose(tracker.predicted_boxes(time / 10 + 0.1)[:, :4], unsure.boxes)


def test_predicted_boxes_that_show_nobody_or_a_double_are_no_people():
    people = standing((300, 600), (330, 600))
    tracker = Tracker()
    tracker.update(people, 0.0)
    both_saw_one = replace(people, keypoints=people.keypoints[[0, 0]], scores=np.array([[0.8], [0.9]]) * np.ones(17))
    answer = tracker.update(both_saw_one, 0.1, predicted=2, detector_ran=False)
    assert answer.ids.tolist() == [1]
    assert answer.scores[0, 0] == np.float32(0.9)
    assert tracker.needs_detection()
    answer = tracker.update(replace(people, scores=np.full((2, 17), 0.1)), 0.2, predicted=2, detector_ran=False)
    assert len(answer) == 0
    answer = tracker.update(both_saw_one, 0.3)  # boxes from outside are taken at their word
    assert len(answer) == 2
    elsewhere = standing((900, 300))
    assert len(tracker.update(elsewhere, 0.4, predicted=1, detector_ran=False)) == 0


def test_whom_the_detector_does_not_confirm_is_given_up():
    poses, tracker, time = standing((300, 600)), Tracker(max_age=0.5), 0.0
    tracker.update(poses, time)
    for _ in range(20):
        time += 0.1
        looked = tracker.predicted_boxes(time)
        tracker.update(poses[: len(looked)], time, predicted=len(looked), detector_ran=True)
    assert len(looked) == 0
    tracker, time = Tracker(max_age=0.5), 0.0
    for step in range(20):
        time += 0.1
        confirmed = step % 4 == 0  # often enough
        tracker.update(poses, time, predicted=0 if confirmed else 1, detector_ran=True)
        assert len(tracker.predicted_boxes(time + 0.1)) == 1


def frames_until_run(tracker, poses, time):
    frames = 1
    while not tracker.needs_detection():
        frames, time = frames + 1, time + 0.01
        tracker.update(poses, time, predicted=len(poses), detector_ran=False)
    return frames, time


def test_detector_runs_less_and_less_often_while_nothing_happens():
    tracker, poses, time, pauses = Tracker(max_interval=6), standing((300, 600)), 0.0, []
    for _ in range(6):
        pause, time = frames_until_run(tracker, poses, time)
        pauses.append(pause)
        time += 0.01
        tracker.update(poses, time)
    assert pauses == [1, 1, 2, 4, 6, 6]
    tracker.update(NOBODY, time + 0.01, detector_ran=False)
    assert tracker.needs_detection()  # lost
    tracker.update(poses, time + 0.02)
    assert frames_until_run(tracker, poses, time + 0.02)[0] == 2
    tracker.update(standing((300, 600), (900, 600)), time + 0.1)
    assert tracker.needs_detection()  # new


def test_detector_looks_at_empty_scenes_at_intervals():
    tracker, runs = Tracker(max_interval=8), 0
    for frame in range(100):
        run = tracker.needs_detection()
        runs += run
        assert len(tracker.predicted_boxes(float(frame))) == 0
        assert tracker.update(NOBODY, float(frame), detector_ran=run).ids.tolist() == []
    assert 12 <= runs <= 16


def test_any_skeleton_will_do():
    rng = np.random.default_rng(0)
    for joints in (("nose",), ("tip", "tail"), tuple(f"j{i}" for i in range(40))):
        skeleton = Skeleton("own", joints)
        tracker = Tracker()
        body = rng.uniform(-30, 30, (len(joints), 2))
        for t in range(10):
            centre = np.array([[100 + 3 * t, 100], [400 - 3 * t, 100]], float)
            keypoints = centre[:, None] + body + rng.normal(0, 1, (2, len(joints), 2))
            boxes = np.concatenate((centre - 40, centre + 40), axis=1)
            poses = Poses(keypoints, np.ones((2, len(joints))), boxes, np.ones(2), skeleton, IMAGE_HW)
            assert tracker.update(poses, t / 30).ids.tolist() == [1, 2]
            assert len(tracker.predicted_boxes(t / 30 + 0.03)) == 2


def test_wrong_use_is_refused():
    tracker = Tracker()
    tracker.update(standing((300, 600)), 1.0)
    for time in (1.0, 0.5, np.nan, np.inf):
        with pytest.raises(TimestampError, match="in order"):
            tracker.update(standing((300, 600)), time)
    with pytest.raises(PosesError, match="predicted: 2 of 1"):
        tracker.update(standing((300, 600)), 2.0, predicted=2)
    with pytest.raises(PosesError, match="lsp14 after coco17"):
        tracker.update(Poses.empty(LSP14, IMAGE_HW), 2.0)
    for options in ({"max_age": 0.0}, {"max_interval": 0}):
        with pytest.raises(ValueError, match="max_age"):
            Tracker(**options)


def test_scipy_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"leanpose\[video\]"):
        Tracker().update(NOBODY, 0.0)


def test_made_scenes_hide_who_stands_behind():
    times = even_times(1)
    front, back = (walk(times, np.array([[x, 600.0]])) for x in (300, 310))
    scene = Scene.of(times, [front, back])
    assert scene.visible.tolist() == [[True, False]]
