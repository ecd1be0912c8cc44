"""Poses frame after frame: people found, looked at, followed and steadied, with everything overlapping.

:class:`PoseTracking` is one frame's work, for who has a loop of their own; :func:`stream` is the loop.
"""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core.boxes import check_boxes
from leanpose.core.errors import ImageError, VideoError
from leanpose.core.geometry import image_box
from leanpose.core.stopwatch import Stopwatch
from leanpose.estimate.any_angle import axes_before, look_at_any_angle
from leanpose.estimate.association import without_doubles, without_taken
from leanpose.estimate.second_pass import second_pass
from leanpose.estimate.smoothing import OneEuroSmoother, smooth_both_ways
from leanpose.estimate.tracker import Tracker
from leanpose.estimate.underway import looked_at
from leanpose.media import Frame, Video, as_bgr, open_video, prefetch
from leanpose.pose.poses import Poses

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

DetectEvery = int | Literal["auto"]
Timed = tuple[np.ndarray, float]
Source = int | str | os.PathLike[str] | Video | Iterable[Frame] | Iterable[Timed] | Iterable[np.ndarray]
VIDEO_DECODE, DETECT, CROP, INFER, KEYPOINT_DECODE, TRACK, SMOOTH = (
    "video decode", "detect", "crop", "infer", "keypoint decode", "track", "smooth"
)  # fmt: skip
AHEAD = 4  # frames that wait between the threads at most; of live sources one


class PoseTracking:
    """The people of one video, frame by frame.

    Attributes:
        estimator: finds joints, and has the detector.
        tracker: gives the ids, and says when the detector has to look; ``None`` without.
        smoother: ``None`` without.
        detector_runs: in how many frames the detector looked.

    Example:
        >>> tracking = PoseTracking(PoseEstimator())  # doctest: +SKIP
        >>> for image, seconds in my_camera():  # doctest: +SKIP
        ...     poses = tracking.step(image, seconds)
    """

    tracker: Tracker | None = None
    smoother: OneEuroSmoother | None = None
    detector_runs: int = 0

    def __init__(
        self,
        estimator: "PoseEstimator",
        *,
        track: bool | Tracker = True,
        smooth: bool | OneEuroSmoother = True,
        detect_every: DetectEvery = "auto",
        boxes: ArrayLike | None = None,
        whole_image: bool = False,
        watch: Stopwatch | None = None,
        in_model_joints: bool = False,
    ) -> None:
        """Start without people.

        Args:
            track: give people ids that stay with them, or a tracker of your own to do so.
            smooth: steady the joints of each id, or a smoother of your own. Without ids nothing is steadied.
            detect_every: frames from one run of the detector to the next; in those between people are looked for
                where they should be by now. With ``"auto"`` the tracker decides: often while people come, go or are
                lost, ever less often while nothing happens. Without ``track`` the detector looks at every frame.
            boxes: of the people, (P, 4 or 5) as the estimator takes them, for every frame, and no detector.
            whole_image: take the whole image as the box of one person, and no detector.
            watch: adds up the time of each stage, under the names in this module. Then one stage waits for the other.
            in_model_joints: give the poses in the model's joints whatever the estimator's skeleton is, for who looks
                at them once more.

        Raises:
            ValueError: for a ``detect_every`` below 1, one that makes no sense without ``track`` or with people's
                boxes known, or both ``boxes`` and ``whole_image``.
        """
        if boxes is not None and whole_image:
            raise ValueError("pass either boxes or whole_image=True, not both")
        if detect_every != "auto":
            if isinstance(detect_every, str) or detect_every < 1:
                raise ValueError(f"detect_every must be 'auto' or 1 or more, not {detect_every!r}")
            if detect_every > 1 and (not track or boxes is not None or whole_image):
                raise ValueError(f"detect_every={detect_every} is for people who are detected and tracked")
        self.estimator = estimator
        if track:
            self.tracker = Tracker() if track is True else track
            if smooth:
                self.smoother = OneEuroSmoother() if smooth is True else smooth
        self._detect_every: DetectEvery = detect_every
        self._boxes = boxes
        self._whole_image = whole_image
        self._watch = watch
        self._in_model_joints = in_model_joints
        self._frames = 0
        self._image_hw = (0, 0)
        self._seen_before: Poses | None = None  # of all angles

    def step(self, image: np.ndarray, timestamp: float, boxes: ArrayLike | None = None) -> Poses:
        """The people of the next frame, with its number and time.

        Args:
            image: BGR (H, W, 3), or another array that :func:`leanpose.media.as_bgr` takes.
            timestamp: in seconds, after that of the frame before.
            boxes: of the people in this frame, instead of what the detector, or the constructor, says.

        Raises:
            ImageError, BoxError, ModelError, EngineError: as the estimator does.
            TimestampError: when the time is not after that of the frame before.
            MissingExtraError: without scipy, for tracking.
        """
        image = as_bgr(image)
        image_hw = (image.shape[0], image.shape[1])
        resized = image_hw != self._image_hw
        known = self._known(image_hw, boxes)
        ran = known is not None or resized or self._is_due()
        if known is not None:
            found = known
        elif ran:
            self.detector_runs += 1
            with self._timed(DETECT):
                tiles = "off" if self.estimator.tiles == "auto" else self.estimator.tiles
                found = np.column_stack(self.estimator.find_people(image, f"frame {self._frames}", tiles))
        else:
            found = np.zeros((0, 5))
        looked = np.zeros((0, 5))
        if self.tracker and known is None and not resized:  # places in an image of another size say nothing
            with self._timed(TRACK):
                looked = self.tracker.predicted_boxes(timestamp, found)
        poses = self._look(image, np.concatenate((found, looked)))
        if known is None:  # the tracker looks after the predicted ones
            poses = poses[np.append(without_doubles(poses[: len(found)]), np.ones(len(looked), dtype=bool))]
            if self.tracker is None:  # it knows better whose joints are whose
                poses = without_taken(poses)
        if self.tracker:
            with self._timed(TRACK):
                tracked = self.tracker.update(poses, timestamp, predicted=len(looked), detector_ran=ran)
            poses = tracked if known is None else replace(poses, ids=tracked.ids)  # nobody's joints are taken away
        if self.smoother:
            with self._timed(SMOOTH):
                poses = self.smoother.update(poses, timestamp)
        if not self._in_model_joints:
            poses = poses.view(self.estimator.skeleton)
        poses = replace(poses, frame=self._frames, timestamp=float(timestamp))
        self._frames += 1
        self._image_hw = image_hw
        return poses

    def _known(self, image_hw: tuple[int, int], boxes: ArrayLike | None) -> np.ndarray | None:
        """The boxes (P, 5) that nobody needs to detect."""
        if boxes is None:
            boxes = image_box(*image_hw) if self._whole_image else self._boxes
        return None if boxes is None else np.column_stack(check_boxes(boxes, image_hw))

    def _is_due(self) -> bool:
        if self.tracker is None:
            return True
        if self._detect_every == "auto":
            return self.tracker.needs_detection()
        return self._frames % self._detect_every == 0

    def _look(self, image: np.ndarray, boxes: np.ndarray) -> Poses:
        """The poses in boxes (P, 5), in the joints of the model."""
        hw = (image.shape[0], image.shape[1])
        if self.estimator.any_angle:
            with self._timed(INFER):
                expected = axes_before(self._seen_before, boxes[:, :4])
                looks = look_at_any_angle(self.estimator, image, boxes[:, :4], expected)
            self._seen_before = looked_at(*looks, boxes[:, :4], boxes[:, 4], self.estimator.card, hw)
            return self._seen_before
        if self._watch is None or not len(boxes):
            return next(self.estimator.model_poses([(image, boxes)]))
        size, parts = self.estimator.batch_size, []
        for start in range(0, len(boxes), size):
            with self._timed(CROP):
                crops, transforms = self.estimator.preprocess(image, boxes[start : start + size, :4])
            with self._timed(INFER):
                heatmaps = self.estimator.infer(crops)
            with self._timed(KEYPOINT_DECODE):
                parts.append(self.estimator.postprocess(heatmaps, transforms))
        keypoints, scores, uncertainties = (np.concatenate(part) for part in zip(*parts, strict=True))
        return looked_at(keypoints, scores, uncertainties, boxes[:, :4], boxes[:, 4], self.estimator.card, hw)

    def _timed(self, stage: str) -> AbstractContextManager[None]:
        return nullcontext() if self._watch is None else self._watch(stage)


def stream(
    tracking: PoseTracking,
    source: Source,
    *,
    keep_images: bool = False,
    fps: float = 30.0,
    color: Literal["bgr", "rgb"] = "bgr",
) -> Generator[Poses, None, None]:
    """The poses of each frame of a video; what :meth:`leanpose.PoseEstimator.stream` does.

    Frames are decoded in one thread and looked at in another, each a few frames ahead of the next, while the caller
    does something with the poses. Of a live source what cannot be looked at in time is dropped. Memory stays flat, and
    the threads end, and the source is closed, with the last frame, an error, or when the generator is closed.

    Args:
        tracking: which has seen no other video.
        source: as :func:`leanpose.media.open_video` takes it; an open video; or frames, images with their times in
            seconds, or images alone.
        keep_images: give each frame's image with its poses.
        fps: of images that come without times.
        color: channel order of images that are given as arrays.

    Raises:
        VideoError: when the source cannot be opened; or, after the poses of the last whole frame, where it is damaged
            or breaks off: its ``frames_read`` says how many they were.
        And as :meth:`PoseTracking.step` does.
    """
    check_source(source)
    if isinstance(source, (int, str, os.PathLike)):
        source = open_video(source)
    live = isinstance(source, Video) and source.live
    name = source.source if isinstance(source, Video) else None
    ahead = 1 if live else AHEAD
    frames = prefetch(_frames(source, fps, color), ahead, newest=live)
    yield from prefetch(_poses(tracking, frames, name, keep_images), ahead)


def two_pass_stream(
    tracking: PoseTracking,
    source: Source,
    *,
    smooth: bool = True,
    fps: float = 30.0,
    color: Literal["bgr", "rgb"] = "bgr",
) -> Generator[Poses, None, None]:
    """What :func:`stream` gives, once the whole video was seen: with :func:`leanpose.estimate.second_pass.second_pass`.

    Nothing comes until the video has ended; the poses of all its frames are kept until then, their images are not.

    Args:
        tracking: which has seen no other video, with a tracker, without a smoother, ``in_model_joints``.
        source: no live one; else as of :func:`stream`.
        smooth: steady the joints afterwards, by what was before and after
            (:func:`leanpose.estimate.smoothing.smooth_both_ways`).
        fps, color: as of :func:`stream`.

    Raises:
        VideoError: for a live source; and where the video breaks off, after the poses of what came before.
        And as :func:`stream` does.
    """
    if isinstance(source, (int, str, os.PathLike)):
        source = open_video(source)
    if isinstance(source, Video) and source.live:
        source.close()
        raise VideoError(f"{source.source} is live and has no end to look back from: leave two_pass out")
    frames: list[Poses] = []
    fault: VideoError | None = None
    try:
        for poses in stream(tracking, source, fps=fps, color=color):
            frames.append(poses)  # noqa: PERF402  # the list keeps what came before a fault
    except VideoError as error:
        fault = error
    for poses in looked_at_again(frames, smooth):
        yield poses.view(tracking.estimator.skeleton)
    if fault is not None:
        raise fault


def looked_at_again(frames: Sequence[Poses], smooth: bool) -> list[Poses]:
    """The tracked poses of a whole video after the second pass, and smoothed both ways if asked for."""
    times = [poses.timestamp or 0.0 for poses in frames]
    found = second_pass(frames, times)
    return smooth_both_ways(found, times) if smooth else found


def check_source(source: object) -> None:
    """Refuses what gives no frames, and what would give wrong ones, as the rows of an image.

    Raises:
        ImageError, VideoError: which say what to give instead.
    """
    if isinstance(source, np.ndarray) and source.ndim < 4:
        raise ImageError(
            f"an array of shape {source.shape} is one image, no stream: call the estimator, or give [image]; "
            "frames are (N, H, W, 3)"
        )
    if hasattr(source, "isOpened"):
        raise VideoError("an open cv2.VideoCapture is no source: give the name of its file, or the camera's number")
    if not isinstance(source, (int, str, os.PathLike)) and not hasattr(source, "__iter__"):
        raise VideoError(
            f"{type(source).__name__} is no source of frames: give a file, a camera's number, an address, or images"
        )


def _frames(
    source: Iterable[Frame] | Iterable[Timed] | Iterable[np.ndarray], fps: float, color: Literal["bgr", "rgb"]
) -> Iterator[Frame]:
    """Whatever comes as frames, their images BGR."""
    try:
        for number, item in enumerate(source):
            if isinstance(item, Frame):
                yield item
            elif isinstance(item, tuple) and len(item) == 2:
                yield Frame(as_bgr(item[0], color), number, float(item[1]))
            elif isinstance(item, np.ndarray):
                yield Frame(as_bgr(item, color), number, number / fps)
            else:
                raise ImageError(
                    f"frame {number}: an image, an image with its time, or a Frame is needed, not {type(item).__name__}"
                )
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _poses(
    tracking: PoseTracking, frames: Generator[Frame, None, None], source: str | None, keep_images: bool
) -> Iterator[Poses]:
    with closing(frames):  # at once also where a step raises
        for frame in frames:
            poses = tracking.step(frame.image, frame.timestamp)
            yield replace(poses, source=source, frame=frame.index, image=frame.image if keep_images else None)
