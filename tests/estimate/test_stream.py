"""Streams: every frame, its people where they are, and the detector asked as seldom as it may be."""

import threading
import weakref

import numpy as np
import pytest

from leanpose.core.errors import BoxError, ImageError, TimestampError, VideoError
from leanpose.core.stopwatch import Stopwatch
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.stream import AHEAD, CROP, DETECT, INFER, KEYPOINT_DECODE, SMOOTH, TRACK, PoseTracking, stream
from leanpose.media import Frame, Video
from leanpose.pose.skeleton import Skeleton

from ..videos import FindDots, joints, picture, write_video

pytest.importorskip("scipy")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "leanpose-prefetch"] == []


@pytest.fixture
def finder():
    return FindDots()


@pytest.fixture
def estimator(dot_model, finder):
    return PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=finder)


def assert_in_place(frames, tolerance=0.5):
    for poses in frames:
        number = round(poses.timestamp * 25)  # which is not poses.frame behind a broken part
        by_id = dict(zip(poses.ids.tolist(), poses.keypoints, strict=True))
        assert sorted(by_id) == [1, 2]
        for person in (0, 1):
            np.testing.assert_allclose(by_id[person + 1], joints(number, person), atol=tolerance)


def test_a_file_gives_every_frame_with_ids_times_and_places(estimator, finder, tmp_path):
    pytest.importorskip("av")
    path = write_video(tmp_path / "a.mp4")
    frames = list(estimator.stream(path, smooth=False))
    assert [poses.frame for poses in frames] == list(range(24))
    np.testing.assert_allclose([poses.timestamp for poses in frames], np.arange(24) / 25, atol=1e-4)
    assert {poses.source for poses in frames} == {str(path)}
    assert all(poses.image is None for poses in frames)
    assert_in_place(frames)
    assert finder.calls < 12  # frames 0, 1, 3, 7, 15 by the tracker's schedule


@pytest.mark.parametrize(("every", "runs"), [(1, 20), (5, 4), (7, 3)])
def test_the_detector_runs_every_so_many_frames(estimator, finder, every, runs):
    frames = list(estimator.stream([picture(n) for n in range(20)], detect_every=every, smooth=False, fps=25))
    assert finder.calls == runs
    assert_in_place(frames)


def test_without_tracking_every_frame_is_detected_and_nobody_has_an_id(estimator, finder):
    frames = list(estimator.stream((picture(n) for n in range(5)), track=False))
    assert finder.calls == 5
    assert [poses.ids for poses in frames] == [None] * 5
    for number, poses in enumerate(frames):  # not smoothed either
        np.testing.assert_allclose(poses.keypoints[0], joints(number, 0), atol=0.2)


def test_smoothing_is_that_of_the_smoother(estimator):
    from leanpose.estimate.smoothing import OneEuroSmoother

    rng = np.random.default_rng(0)
    shaken = [np.roll(picture(0), rng.integers(-3, 4, 2), (0, 1)) for _ in range(15)]
    raw = list(estimator.stream(shaken, smooth=False, detect_every=1))
    smooth = list(estimator.stream(shaken, detect_every=1))
    one_euro = OneEuroSmoother()
    for before, after in zip(raw, smooth, strict=True):
        expected = one_euro.update(before, before.timestamp)
        np.testing.assert_allclose(after.keypoints, expected.keypoints, atol=1e-4)
    assert np.abs(smooth[-1].keypoints - raw[-1].keypoints).max() > 0.1


def test_in_two_passes_gaps_are_filled_and_marked(dot_model):
    nobody = np.zeros_like(picture(0))
    pictures = [nobody if 10 <= n < 16 else picture(n) for n in range(30)]
    estimator = PoseEstimator(
        dot_model(), "onnxruntime", threads=1, detector=FindDots(), skeleton=Skeleton("n", ("neck",))
    )
    for smooth in (False, True):
        frames = list(estimator.stream(pictures, fps=25, two_pass=True, smooth=smooth, detect_every=1))
        assert [poses.frame for poses in frames] == list(range(30))
        for n, poses in enumerate(frames):
            assert sorted(poses.ids.tolist()) == [1, 2]
            assert ((poses.box_scores == 0) == (10 <= n < 16)).all()
            for one, (neck,) in zip(poses.ids, poses.keypoints, strict=True):
                np.testing.assert_allclose(neck, joints(n, one - 1)[1], atol=0.7)
    once = list(estimator.stream(pictures, fps=25, detect_every=1))
    assert [len(poses) for poses in once[10:16]] == [0] * 6


def test_two_passes_give_what_came_before_a_break_and_refuse_what_has_no_end(estimator, tmp_path):
    pytest.importorskip("av")
    whole = write_video(tmp_path / "a.mkv", 40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    frames = []
    with pytest.raises(VideoError) as caught:
        frames.extend(poses for poses in estimator.stream(cut, two_pass=True))
    assert len(frames) == caught.value.frames_read > 5
    assert_in_place(frames)
    for options in ({"track": False}, {"keep_images": True}):
        with pytest.raises(ValueError, match="two_pass"):
            estimator.stream(whole, two_pass=True, **options)

    class Camera(Video):
        live = True

        def _images(self):
            raise AssertionError("read")

        def _release(self):
            pass

    with pytest.raises(VideoError, match="no end to look back from"):
        next(estimator.stream(Camera("camera"), two_pass=True))


def test_all_that_may_stand_for_a_frame(estimator):
    pictures = [picture(n) for n in range(4)]
    times = [0.0, 0.1, 0.35, 0.4]
    ways = [
        [Frame(image, 3 + n, time) for n, (image, time) in enumerate(zip(pictures, times, strict=True))],
        zip(pictures, times, strict=True),
        pictures,
    ]
    by_frame, by_time, by_rate = (list(estimator.stream(way, smooth=False, fps=10)) for way in ways)
    assert [poses.frame for poses in by_frame] == [3, 4, 5, 6]
    assert [poses.timestamp for poses in by_frame] == [poses.timestamp for poses in by_time] == times
    np.testing.assert_allclose([poses.timestamp for poses in by_rate], [0, 0.1, 0.2, 0.3])
    rgb = list(estimator.stream([image[..., ::-1] for image in pictures], smooth=False, color="rgb", fps=10))
    for a, b in zip(by_rate, rgb, strict=True):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
    with pytest.raises(ImageError, match="frame 1: an image"):
        list(estimator.stream([pictures[0], "a.png"]))  # type: ignore[list-item]


def test_kept_images_are_the_frames_and_can_be_drawn_on(estimator):
    (poses,) = estimator.stream([picture(0)], keep_images=True)
    np.testing.assert_array_equal(poses.image, picture(0))
    assert (poses.draw() != picture(0)).any()


def test_known_boxes_and_whole_images_need_no_detector(dot_model):
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=None)
    one = [picture(n, people=1)[:80, :90] for n in range(6)]
    for known in ({"whole_image": True}, {"boxes": [20, 5, 80, 75]}):
        frames = list(estimator.stream(one, smooth=False, **known))
        assert [poses.ids.tolist() for poses in frames] == [[1]] * 6
        for number, poses in enumerate(frames):
            np.testing.assert_allclose(poses.keypoints[0], joints(number, 0), atol=1.5)
    with pytest.raises(BoxError, match="no detector"):
        list(estimator.stream(one))


def test_boxes_of_one_step_go_before_the_detector(estimator, finder):
    tracking = PoseTracking(estimator, smooth=False)
    poses = tracking.step(picture(0), 0.0, boxes=[20, 80, 70, 159])
    assert finder.calls == 0
    np.testing.assert_allclose(poses.keypoints[0], joints(0, 1), atol=0.2)


def test_nobody_is_an_empty_frame_and_who_comes_later_is_found(estimator):
    frames = list(estimator.stream([picture(n, people=2 if n >= 12 else 0) for n in range(30)], smooth=False))
    assert [len(poses) for poses in frames[:12]] == [0] * 12
    assert [len(poses) for poses in frames[22:]] == [2] * 8  # 10 frames without a look at the most


def test_an_image_of_another_size_is_detected_anew(estimator, finder):
    tracking = PoseTracking(estimator, smooth=False)
    for number in range(3):
        tracking.step(picture(number), number / 25)
    small = picture(3)[:100, :200]
    poses = tracking.step(small, 3 / 25)
    assert poses.image_hw == (100, 200)
    np.testing.assert_allclose(poses.keypoints[0], joints(3, 0), atol=0.2)


@pytest.mark.parametrize(
    "options",
    [
        {"detect_every": 0}, {"detect_every": "often"}, {"detect_every": 3, "track": False},
        {"detect_every": 3, "whole_image": True}, {"boxes": [1, 2, 3, 4], "whole_image": True},
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused_at_once(estimator, options):
    with pytest.raises(ValueError):
        estimator.stream("nowhere.mp4", **options)


def test_errors_come_where_they_are(estimator, tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        next(estimator.stream(tmp_path / "nowhere.mp4"))
    tracking = PoseTracking(estimator)
    tracking.step(picture(0), 1.0)
    with pytest.raises(TimestampError):
        tracking.step(picture(1), 1.0)


def test_a_broken_video_gives_all_that_came_before(estimator, tmp_path):
    pytest.importorskip("av")
    whole = write_video(tmp_path / "a.mkv", 40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    frames = []

    def keep():
        for poses in estimator.stream(cut, smooth=False):
            frames.append(poses)  # noqa: PERF402  # the list keeps what came before the error

    with pytest.raises(VideoError) as caught:
        keep()
    assert 5 < caught.value.frames_read < 40
    assert len(frames) == caught.value.frames_read
    assert_in_place(frames)


def test_closing_early_stops_the_threads_and_the_source(estimator):
    given = []

    def endless():
        try:
            while True:
                given.append(None)
                yield picture(len(given) % 50)
        finally:
            given.append("closed")

    frames = estimator.stream(endless())
    for _ in range(3):
        next(frames)
    frames.close()
    assert given[-1] == "closed"
    assert len(given) < 30  # both shelves, and no more
    # the fixture sees that no thread is left


def test_people_in_given_boxes_keep_their_joints(dot_model):
    """Two boxes, and two of three joints that both answers have: who gives boxes knows why."""
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1)
    image = picture(0)
    box = FindDots()(image)[0]
    mixed = np.stack((joints(0, 0), joints(0, 0)))
    mixed[1, 2] += (30, 0)
    estimator.postprocess = lambda heatmaps, transforms: (mixed, np.full((2, 3), 0.8), np.full((2, 3), np.nan))
    given = np.stack((box, box + np.array([30, 0, 30, 0, 0])))
    tracking = PoseTracking(estimator, boxes=given)
    for n in range(3):
        poses = tracking.step(image, n / 25)
        np.testing.assert_allclose(poses.scores, 0.8)
        assert sorted(poses.ids.tolist()) == [1, 2]


def test_stages_are_timed_and_change_nothing(estimator):
    watch = Stopwatch()
    images = [picture(n) for n in range(12)]
    timed = list(stream(PoseTracking(estimator, watch=watch), images))
    assert {DETECT, CROP, INFER, KEYPOINT_DECODE, TRACK, SMOOTH} == set(watch.seconds)
    for a, b in zip(timed, estimator.stream(images), strict=True):
        np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-4)
        np.testing.assert_array_equal(a.ids, b.ids)


def test_frames_are_let_go(estimator):
    alive = []

    def made():
        for number in range(60):
            image = picture(number)
            alive.append(weakref.ref(image))
            yield image

    held = [sum(image() is not None for image in alive) for _ in estimator.stream(made())]
    assert len(held) == 60
    assert max(held) <= 2 * AHEAD + 4  # those that wait, and one in every hand


@pytest.mark.parametrize("options", [{}, {"track": False}, {"smooth": False, "detect_every": 5}])
def test_a_skeleton_selects_from_what_was_followed_and_smoothed_in_the_models_joints(dot_model, options):
    """One joint is too little to follow anybody by."""
    neck = Skeleton("neck", ("neck",))
    whole, view = (
        list(
            PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=FindDots(), skeleton=skeleton).stream(
                [picture(n) for n in range(12)], fps=25, **options
            )
        )
        for skeleton in (None, neck)
    )
    for before, after in zip(whole, view, strict=True):
        assert after.skeleton == neck
        np.testing.assert_array_equal(after.keypoints, before.keypoints[:, 1:2])
        np.testing.assert_array_equal(after.boxes, before.boxes)
        np.testing.assert_array_equal(after.ids, before.ids)
        assert after.timestamp == before.timestamp


@pytest.mark.parametrize("track", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_one_person_in_two_detected_boxes_is_one_and_in_two_given_boxes_two(dot_model, track, watched):
    def twice(image):
        found = FindDots()(image)
        return np.concatenate((found, found + np.array([-3, -2, 4, 3, -0.2])))

    def followed(**options):
        estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=twice)
        tracking = PoseTracking(estimator, track=track, watch=Stopwatch() if watched else None, **options)
        return [len(tracking.step(picture(n), n / 25)) for n in range(6)]

    assert followed() == [2] * 6
    assert followed(boxes=twice(picture(0))) == [4] * 6


def test_a_detectors_boxes_that_are_nobodys_are_dropped_and_counted():
    def detector(image: np.ndarray) -> np.ndarray:
        return np.array([[5, 5, 20, 30, 0.9], [3, 3, 3.4, 20, 0.8]])

    estimator = PoseEstimator("nano", detector=detector)
    frames = list(estimator.stream([np.zeros((40, 60, 3), np.uint8)] * 3, track=False))
    assert [len(poses) for poses in frames] == [1, 1, 1]
    assert estimator.boxes_dropped == 3
