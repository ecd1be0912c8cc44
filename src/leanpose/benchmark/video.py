"""Models on a video: frames per second with everything overlapping, and the time of each stage without."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from leanpose.benchmark.result import Benchmark, Pass, VideoRun
from leanpose.benchmark.run import Progress, describe_machine, usable_cores
from leanpose.benchmark.scene import Scene
from leanpose.benchmark.selection import open_subjects
from leanpose.benchmark.subjects import Wanted, label
from leanpose.boxes import check_boxes
from leanpose.detector import PersonDetector
from leanpose.engines import Precision
from leanpose.errors import BenchmarkError
from leanpose.estimator import PoseEstimator
from leanpose.media import Frame, VideoWriter, open_video, prefetch, source_kind
from leanpose.pose import Poses
from leanpose.smoothing import OneEuroSmoother
from leanpose.stopwatch import Stopwatch
from leanpose.tracker import Tracker

FPS = 30  # of the made video
WARM_UP = 20  # frames
DECODE, DETECT, CROP, INFER, JOINTS, TRACK, SMOOTH, REST = (
    "video decode", "detect", "crop", "infer", "keypoint decode", "track", "smooth", "other"
)  # fmt: skip


@dataclass(frozen=True)
class VideoSettings:
    """What is asked for.

    Attributes:
        models, engines, precisions, threads, flip_test, input_hw: as :func:`open_subjects` takes them.
        detector: who finds the people, as :class:`PersonDetector` takes it; with each model's engine and precision.
        rounds: passes of each model.
    """

    models: Sequence[str]
    engines: Sequence[str] = ("auto",)
    precisions: Sequence[Precision] = ("auto",)
    threads: int | None = None
    flip_test: bool = False
    input_hw: tuple[int, int] | None = None
    detector: str = "person"
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise BenchmarkError("rounds must be 1 or more")


def make_video(scene: Scene, frames: int, path: Path) -> None:
    """Write a video of the scene, H.264 at 30 frames per second.

    Raises:
        MissingExtraError: when PyAV is not installed.
    """
    with VideoWriter(path, FPS) as writer:
        for number in range(frames):
            writer.write(scene.frame(number)[0])


def run_on_video(
    settings: VideoSettings, source: str | Path | Scene, frames: int, command: str,
    progress: Progress = lambda steps, _: steps,
) -> Benchmark:  # fmt: skip
    """Measure models on a video, pass by pass in turn.

    Args:
        source: a video file, or a scene that one is made of.
        frames: of the made one.
        command, progress: as :func:`leanpose.benchmark.run.run` takes them.

    Raises:
        VideoError: when the video cannot be read to its end.
        ModelError, EngineError, BenchmarkError: when a model or the detector cannot be opened, or is of the other kind.
        MissingExtraError: when SciPy, for following people, is not installed, or PyAV for the made video.
    """
    started, machine = datetime.now(UTC).isoformat(timespec="seconds"), describe_machine()
    with TemporaryDirectory() as folder:
        subjects, left_out = open_subjects(
            settings.models, settings.engines, settings.precisions, Path(folder),
            settings.threads, settings.flip_test, settings.input_hw,
        )  # fmt: skip
        wanted = {label(subject): subject.wanted for subject in subjects}
        del subjects
        wrong = [each.name for each in wanted.values() if each.kind != "pose"]
        if wrong:
            raise BenchmarkError(f"'{wrong[0]}' is a detector: name pose models, and the detector with --detector")
        name = source.name if isinstance(source, Scene) else Path(source).name
        if isinstance(source, Scene):
            make_video(source, frames, Path(folder) / "made.mp4")
            source, name = Path(folder) / "made.mp4", f"made of {name}"
        elif source_kind(source) != "video":
            raise BenchmarkError(
                f"--video {source}: a video file is needed, which comes to an end and can be read again"
            )
        watchers = {who: _Watcher(each, settings.detector) for who, each in wanted.items()}
        passes: dict[str, list[Pass]] = {who: [] for who in watchers}
        for watcher in watchers.values():
            watcher.staged(source, WARM_UP)
        for number in progress(range(settings.rounds), "passes"):
            order = list(watchers)
            for who in order[number % len(order) :] + order[: number % len(order)]:
                passes[who].append(watchers[who].watch(source))
        with open_video(source) as video:
            size = f"{video.image_hw[1]}x{video.image_hw[0]}"
    runs = tuple(VideoRun(who, tuple(taken)) for who, taken in passes.items())
    described = {
        "video": f"{name}, {size}, {runs[0].passes[0].frames} frames",
        "detector": settings.detector,
        "passes": str(settings.rounds),
        "threads": str(settings.threads or f"one per core, {usable_cores()}"),
        "flip test": "on" if settings.flip_test else "off",
    }
    return Benchmark(command, started, machine, described, videos=runs, left_out=left_out)


class _Watcher:
    """A model and a detector that look at videos."""

    def __init__(self, wanted: Wanted, detector: str) -> None:
        self._estimator = PoseEstimator(
            wanted.model, wanted.engine, wanted.precision, wanted.flip_test, threads=wanted.threads, detector=None
        )
        engine, precision = ("auto", "auto") if wanted.engine == "torch" else (wanted.engine, wanted.precision)
        self._detector = PersonDetector(detector, engine, precision, wanted.threads)

    def watch(self, source: str | Path) -> Pass:
        """One pass with everything overlapping, and one with one stage after the other."""
        start = time.perf_counter()
        with open_video(source) as video:
            people = prefetch(self._follow(prefetch(video), self._estimator, Stopwatch()))
            seen = [(len(poses), ran) for poses, ran in people]
        seconds = time.perf_counter() - start
        return Pass(
            len(seen), seconds, self.staged(source), sum(people > 0 for people, _ in seen), sum(ran for _, ran in seen)
        )

    def staged(self, source: str | Path, most: int | None = None) -> dict[str, float]:
        """Seconds by stage over the first frames."""
        watch = Stopwatch()
        with watch(REST), open_video(source) as video:
            for _ in self._follow(islice(_timed(video, watch), most), partial(self._look, watch=watch), watch):
                pass
        return {
            stage: watch.seconds.get(stage, 0.0) for stage in (DECODE, DETECT, CROP, INFER, JOINTS, TRACK, SMOOTH, REST)
        }

    def _look(self, image: np.ndarray, boxes: np.ndarray, watch: Stopwatch) -> Poses:
        """What the estimator does with an image (H, W, 3) and boxes (P, 5), part by part."""
        model, hw = self._estimator, (image.shape[0], image.shape[1])
        if not len(boxes):
            return Poses.empty(model.card.skeleton, hw)
        boxes, box_scores = check_boxes(boxes, hw)
        with watch(CROP):
            crops, transforms = model.preprocess(image, boxes)
        with watch(INFER):
            heatmaps = model.infer(crops)
        with watch(JOINTS):
            keypoints, scores = model.postprocess(heatmaps, transforms)
        return Poses(keypoints, scores, boxes, box_scores, model.card.skeleton, hw)

    def _follow(
        self, frames: Iterable[Frame], look: Callable[[np.ndarray, np.ndarray], Poses], watch: Stopwatch
    ) -> Iterator[tuple[Poses, bool]]:
        """The people of each frame, and whether the detector ran on it."""
        tracker, smoother = Tracker(), OneEuroSmoother()
        for frame in frames:
            ran, found = tracker.needs_detection(), np.zeros((0, 5))
            if ran:
                with watch(DETECT):
                    found = self._detector(frame.image)
            with watch(TRACK):
                looked = tracker.predicted_boxes(frame.timestamp, found)
            poses = look(frame.image, np.concatenate((found, looked)))
            with watch(TRACK):
                poses = tracker.update(poses, frame.timestamp, predicted=len(looked), detector_ran=ran)
            with watch(SMOOTH):
                poses = smoother.update(poses, frame.timestamp)
            yield poses, ran


def _timed(frames: Iterator[Frame], watch: Stopwatch) -> Iterator[Frame]:
    while True:
        with watch(DECODE):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame
