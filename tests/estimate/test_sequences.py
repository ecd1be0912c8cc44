"""Tracker and smoother on rendered sequences of 300 frames, whose truth is known: with the errors of a made-up pose
network, and with the packaged one on the pixels."""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from leanpose.estimate.smoothing import OneEuroSmoother, smooth_both_ways
from leanpose.estimate.tracker import Tracker
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14

from ..moving import Scene, boxes_around
from ..rendering import (
    Cutout,
    Sequence300,
    cut_out,
    ease,
    made_background,
    made_people,
    people_of_stills,
    photographed_background,
    sequences,
)

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

pytestmark = pytest.mark.filterwarnings("error")

NAMES = ("one", "crossing", "bar", "behind", "three", "five")
NOISE = 0.01  # body lengths


@cache
def made() -> dict[str, Sequence300]:
    rng = np.random.default_rng(5)
    return sequences(made_people(5, rng), made_background(rng))


@cache
def scene(name: str) -> Scene:
    return made()[name].scene()


Look = Callable[[int, np.ndarray], Poses]


def follow(scene: Scene, look: Look, rng: np.random.Generator, drop: float, every: bool) -> list[Poses]:
    """Poses of each frame, with ids: :mod:`leanpose.estimate.tracker`'s loop, or a detector in ``every`` frame."""
    tracker, answers = Tracker(), []
    for t, time in enumerate(scene.times):
        run = every or tracker.needs_detection()
        detected = scene.detect(t, rng, drop) if run else np.zeros((0, 5))
        looked = np.zeros((0, 5)) if every else tracker.predicted_boxes(time, detected)
        poses = look(t, np.concatenate((detected, looked)))
        answers.append(tracker.update(poses, time, predicted=len(looked), detector_ran=run))
    return answers


def steadied(frames: list[Poses], times: np.ndarray) -> list[Poses]:
    smoother = OneEuroSmoother()
    return [smoother.update(poses, time) for poses, time in zip(frames, times, strict=True)]


def who_is_who(
    frames: list[Poses], scene: Scene, near: float = 0.15, clear_only: bool = False
) -> tuple[np.ndarray, dict[int, set[int]]]:
    """Joints found (T, P, K, 2) of each true person, NaN where not found or covered, and the ids each was given.

    With ``clear_only`` frames in which anybody is partly covered are left out: a network may then answer for either.
    Everybody found has to be somebody, to ``near`` body lengths in the mean: no ghosts, and nobody twice.
    """
    found = np.full(scene.truth.shape, np.nan)
    ids = defaultdict(set)
    assert scene.hidden is not None
    for t, poses in enumerate(frames):
        clear = ~scene.hidden[t]
        if clear_only and not clear.all():
            continue
        apart = np.linalg.norm(poses.keypoints[:, None] - scene.truth[t], axis=-1)
        mean = _mean(apart, clear)
        who = mean.argmin(axis=1)
        assert (mean.min(axis=1) < near * scene.heights(t)[who]).all(), t
        assert len(set(who)) == len(who), t
        assert poses.ids is not None
        for person, joints, one in zip(who, poses.keypoints, poses.ids, strict=True):
            found[t, person] = np.where(clear[person, :, None], joints, np.nan)
            ids[int(person)].add(int(one))
    return found, ids


def _mean(apart: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """(Q, P) mean distance over the joints that can be seen; infinite with fewer than three."""
    count = clear.sum(axis=-1)
    return np.where(count >= 3, (apart * clear).sum(axis=-1) / np.maximum(count, 1), np.inf)


def jitter(found: np.ndarray, still: np.ndarray) -> float:
    """Mean length of the second differences of joints (T, P, K, 2), in frames with both neighbours at rest."""
    middle = still[1:-1] & still[:-2] & still[2:]
    return float(np.nanmean(np.linalg.norm(np.diff(found, 2, axis=0)[middle], axis=-1)))


def lag(found: np.ndarray, truth: np.ndarray) -> float:
    """Frames by which joints are behind the truth: the least squares of found = truth - lag * velocity."""
    velocity, behind = np.gradient(truth, axis=0), truth - found
    known = np.isfinite(behind)
    return float((velocity * behind)[known].sum() / (velocity**2)[known].sum())


def test_lag_is_measured_right():
    truth = made()["one"].scene().truth
    steps = np.arange(300.0)
    late = np.apply_along_axis(lambda x: np.interp(steps - 1.5, steps, x), 0, truth)
    assert lag(late, truth) == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize(("name", "every"), [*((name, False) for name in NAMES), ("crossing", True), ("five", True)])
def test_ids_places_jitter_and_lag(name, every):
    truth, sequence = scene(name), made()[name]
    rng = np.random.default_rng(NAMES.index(name))
    raw = follow(truth, lambda t, boxes: truth.estimate(t, boxes, rng, NOISE)[0], rng, 0.1, every)
    measured, ids = who_is_who(raw, truth)
    people = truth.truth.shape[1]
    assert sorted(ids) == list(range(people))
    assert [len(given) for given in ids.values()] == [1] * people  # no id is lost or exchanged
    assert len(set.union(*ids.values())) == people
    seen = np.isfinite(measured[..., 0]).any(axis=-1)
    assert seen.sum() >= (0.85 if every else 0.97) * truth.visible.sum()

    for smooth in (steadied(raw, truth.times), smooth_both_ways(raw, truth.times)):
        found, _ = who_is_who(smooth, truth)
        assert jitter(found, sequence.still) <= 0.5 * jitter(measured, sequence.still)
        assert lag(found, truth.truth) < 1
        error, error_measured = (np.nanmean(np.linalg.norm(j - truth.truth, axis=-1)) for j in (found, measured))
        assert error < error_measured < 1.5 * NOISE * truth.heights(0).max()


def test_rendered_people_are_where_the_truth_says():
    """A bright dot on a joint of a cutout has to be seen there in the frame, to half a pixel."""
    rng = np.random.default_rng(5)
    sequence = sequences(made_people(5, rng), np.zeros_like(made_background(rng)))["one"]
    (actor,) = sequence.actors
    place = actor.cutout.joints[LSP14.index("right_hip")]
    y, x = np.mgrid[: actor.cutout.pixels.shape[0], : actor.cutout.pixels.shape[1]]
    dot = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 32)
    actor.cutout.pixels[:] = dot[..., None]
    actor.cutout.alpha[:] = 1
    for t in range(0, 300, 37):
        moments = cv2.moments(sequence.frame(t)[..., 2])
        seen = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
        np.testing.assert_allclose(seen, sequence.joints(t)[0, LSP14.index("right_hip")], atol=0.5)


def test_the_sequences_are_what_they_should_be():
    for name in NAMES:
        truth, sequence = scene(name), made()[name]
        assert len(truth.times) == 300
        assert sequence.still.sum() >= 100
        order = truth.truth[[0, -1], :, 0, 0].argsort(axis=1)
        assert (order[0] != order[1]).any() == (truth.truth.shape[1] > 1)  # somebody passes somebody
        assert truth.visible.all(axis=0).sum() in range(5 if name != "one" else 2)
        hidden = truth.hidden
        assert hidden is not None
        if name != "one":
            assert hidden.all(axis=-1).any() or (~truth.visible).sum() > 0
    assert {scene(name).truth.shape[1] for name in NAMES} == {1, 2, 3, 5}


def test_people_are_cut_out_with_their_joints():
    rng = np.random.default_rng(0)
    for person in made_people(3, rng):
        x, y = np.round(person.joints).astype(int).T
        assert (person.alpha[y, x] > 0.5).all()
        assert 0.1 < person.alpha.mean() < 0.7
    image = np.zeros((300, 300, 3), np.uint8)
    joints = made_people(1, rng)[0].joints / 2 + (80, 90)
    shifted = cut_out(image, joints + 7)
    np.testing.assert_allclose(shifted.joints, cut_out(image, joints).joints, atol=1.5)
    assert ease(np.array([0.0, 1, 2, 3]), 1, 2).tolist() == [0, 0, 1, 1]


def _right(found: np.ndarray, truth: np.ndarray) -> float:
    """PCK at 0.2 of joints (..., K, 2) that were found."""
    torso = np.linalg.norm(
        truth[..., LSP14.index("left_shoulder"), :] - truth[..., LSP14.index("right_hip"), :], axis=-1
    )
    near = np.linalg.norm(found - truth, axis=-1) < 0.2 * torso[..., None]
    return float(near[np.isfinite(found[..., 0])].mean())


def _is_known(person: Cutout, estimator: "PoseEstimator", background: np.ndarray) -> bool:
    """Whether the network finds this person before that background, in rest: what it cannot do is not tested here."""
    rest = sequences([person] * 5, background)["one"]
    joints = rest.joints(0)
    return _right(estimator(rest.frame(0), boxes_around(joints)).keypoints, joints) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one", "crossing", "bar"])
def test_packaged_network_on_stills_that_move(name, data_root):
    """People of LSP's test images, cut out, before a photograph, with a camera's noise; true boxes for a detector."""
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.estimate.stream import PoseTracking

    rng = np.random.default_rng(NAMES.index(name))
    background = photographed_background(data_root)
    estimator = PoseEstimator("small", threads=1, skeleton="lsp14", detector=lambda _: truth.detect(t, rng, 0.05))
    people = [person for person in people_of_stills(data_root, 12) if _is_known(person, estimator, background)]
    sequence = sequences((5 * people)[:5], background)[name]
    truth = sequence.scene()

    tracking, raw = PoseTracking(estimator, smooth=False), []
    for t, time in enumerate(truth.times):  # the detector asks for t
        raw.append(tracking.step(sequence.frame(t, 5, rng), time))
    measured, ids = who_is_who(
        raw, truth, 0.4, clear_only=True
    )  # a network that takes left for right is no matter here
    assert [len(given) for given in ids.values()] == [1] * truth.truth.shape[1]
    seen = np.isfinite(measured[..., 0]).any(axis=-1)
    assert truth.hidden is not None
    clear = ~truth.hidden.any(axis=(1, 2))
    assert clear.sum() > 150
    assert seen.sum() >= 0.97 * truth.visible[clear].sum()
    found, _ = who_is_who(steadied(raw, truth.times), truth, 0.4, clear_only=True)
    assert jitter(found, sequence.still) <= 0.5 * jitter(measured, sequence.still)
    assert lag(found, truth.truth) - lag(measured, truth.truth) < 1
    assert _right(measured, truth.truth) > 0.8
    assert _right(found, truth.truth) > _right(measured, truth.truth) - 0.01
