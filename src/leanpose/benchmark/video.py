"""Models on a video: frames per second with everything overlapping, and the time of each stage without."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from leanpose.benchmark.result import Benchmark, Pass, VideoRun
from leanpose.benchmark.run import Progress, describe_machine, usable_cores
from leanpose.benchmark.scene import Scene
from leanpose.benchmark.selection import open_subjects
from leanpose.benchmark.subjects import Wanted, label
from leanpose.core.errors import BenchmarkError
from leanpose.core.stopwatch import Stopwatch
from leanpose.engines import Precision
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.stream import (
    CROP,
    DETECT,
    INFER,
    KEYPOINT_DECODE,
    SMOOTH,
    TRACK,
    VIDEO_DECODE,
    PoseTracking,
    stream,
)
from leanpose.media import Frame, VideoWriter, open_video, source_kind

FPS = 30  # of the made video
WARM_UP = 20  # frames
REST = "other"
STAGES = (VIDEO_DECODE, DETECT, CROP, INFER, KEYPOINT_DECODE, TRACK, SMOOTH, REST)


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
        wrong = [(each.name, each.kind) for each in wanted.values() if each.kind != "pose"]
        for name, kind in wrong:
            words = "a detector: name pose models, and the detector with --detector"
            peer = "another project's network, which follows nobody: leave --video out"
            raise BenchmarkError(f"'{name}' is {words if kind == 'detector' else peer}")
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
        engine = "auto" if wanted.engine == "torch" else wanted.engine  # the detector's; a checkpoint runs on torch
        self._estimator = PoseEstimator(
            wanted.model, engine, wanted.precision, wanted.flip_test, threads=wanted.threads, detector=detector
        )
        _ = self._estimator.detector  # loaded now, or refused

    def watch(self, source: str | Path) -> Pass:
        """One pass with everything overlapping, and one with one stage after the other."""
        tracking = PoseTracking(self._estimator)
        start = time.perf_counter()
        with closing(stream(tracking, source)) as people:
            seen = [len(poses) for poses in people]
        seconds = time.perf_counter() - start
        found = sum(count > 0 for count in seen)
        return Pass(len(seen), seconds, self.staged(source), found, tracking.detector_runs)

    def staged(self, source: str | Path, most: int | None = None) -> dict[str, float]:
        """Seconds by stage over the first frames."""
        watch = Stopwatch()
        tracking = PoseTracking(self._estimator, watch=watch)
        with watch(REST), open_video(source) as video:
            for frame in islice(_timed(video, watch), most):
                tracking.step(frame.image, frame.timestamp)
        return {stage: watch.seconds.get(stage, 0.0) for stage in STAGES}


def _timed(frames: Iterator[Frame], watch: Stopwatch) -> Iterator[Frame]:
    while True:
        with watch(VIDEO_DECODE):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame
