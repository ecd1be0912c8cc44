"""``leanpose predict`` of videos, cameras and streams."""

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from leanpose.cli.predict_sources import CtrlC, Ending, Wanted, growing
from leanpose.core.errors import VideoError
from leanpose.core.files import partial_of
from leanpose.estimate.smoothing import smooth_both_ways
from leanpose.estimate.stream import PoseTracking, looked_at_again, stream
from leanpose.media import Video, VideoWriter, open_video, prefetch
from leanpose.media.excerpt import Excerpt
from leanpose.media.sources import is_stream, webcam_number
from leanpose.media.window import Window
from leanpose.pose.trails import Trails
from leanpose.pose.writers import SUFFIXES, WRITERS, PosesWriter

if TYPE_CHECKING:
    from rich.progress import Task

    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.pose.poses import Poses


def predict_videos(estimator: "PoseEstimator", videos: list[str], wanted: Wanted, single: bool) -> Ending:
    """Writes the poses of each video; one that cannot be opened is an error where it is the ``single`` source."""
    ending, taken = Ending(), set[str]()
    for source in videos:
        stem = _stem(source)
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        try:
            video = _open(source, wanted, estimator.lenient)
        except VideoError as error:
            if single:
                raise
            typer.echo(f"skipped: {error}", err=True)
            ending += Ending(1)
            continue
        with video:
            ending += _Job(estimator, source, video, name, wanted).run()
        if ending.interrupted:
            break
    return ending


@dataclass
class _Job:
    """One video.

    Attributes:
        kept: its poses, where they are needed once all are there.
        fault: with which it broke off.
        ids: of all people in it.
    """

    estimator: "PoseEstimator"
    source: str
    video: Video
    name: str
    wanted: Wanted
    kept: "list[Poses]" = field(default_factory=list)
    fault: VideoError | None = None
    frames: int = 0
    people: int = 0
    ids: set[int] = field(default_factory=set)

    def run(self) -> Ending:
        wanted, offline = self.wanted, self.wanted.smooth == "both-ways" or self.wanted.two_pass
        tracking = PoseTracking(
            self.estimator, track=wanted.track, smooth=not offline and wanted.smooth != "off",
            detect_every=wanted.detect_every or "auto", boxes=wanted.box, whole_image=wanted.whole_image,
            in_model_joints=offline,
        )  # fmt: skip
        drawn_at_once = (wanted.draw or wanted.show) and not offline
        poses_of = self._up_to_fault(stream(tracking, self.video, keep_images=drawn_at_once))
        start = time.perf_counter()
        with CtrlC() as ctrl_c, ExitStack() as stack:
            outputs = self._outputs(stack)
            with _progress(self.name, self.video.frame_count) as step:
                for every in ctrl_c.over(poses_of):
                    poses = every if offline else every.confident(wanted.joint_threshold)
                    if not offline:
                        self._count(poses)
                        outputs.writer.write(poses)
                        outputs.draw(poses)
                    if offline or wanted.kinematics:
                        self.kept.append(replace(poses, image=None))
                    step()
                    if outputs.closed:
                        break
            seconds = time.perf_counter() - start
            stopped_by = ctrl_c.signal
            if offline:
                self._look_again()
                stopped_by = self._write_kept(outputs) or stopped_by
            # a live source has no end but that
            complete = self.fault is None and (not (stopped_by or outputs.closed) or self.video.live)
            outputs.complete(complete)
            kinematics = wanted.kinematics
            if kinematics:
                from leanpose.pose.kinematics_file import write_kinematics

                if kinematics.exists() and not complete:
                    kinematics = partial_of(kinematics)
                write_kinematics(self.kept, kinematics)
        self._report(seconds, tracking, outputs, kinematics)
        if self.fault is not None:
            typer.echo(f"error: {self.fault}", err=True)
        elif self.video.damage is not None:
            typer.echo(f"damaged, read all the same: {self.source}: {self.video.damage}", err=True)
        if self.fault is not None or stopped_by or outputs.closed:
            typer.echo(f"stopped after {self.frames} frames: what there is of them is written", err=True)
        empty = not (self.frames or self.fault or stopped_by or outputs.closed)
        if empty:
            typer.echo(f"error: {self.source}: no frames from --start {wanted.start or 0:g} s on", err=True)
        return Ending(self.fault is not None or empty, stopped_by)

    def _up_to_fault(self, poses_of: "Generator[Poses, None, None]") -> "Generator[Poses, None, None]":
        try:
            yield from poses_of
        except VideoError as error:
            self.fault = error

    def _outputs(self, stack: ExitStack) -> "_Outputs":
        drawing = None
        if self.wanted.draw:
            drawing = stack.enter_context(VideoWriter(self._drawn, self.video.fps))
        writer = stack.enter_context(growing(WRITERS[self.wanted.format](self._written)))
        trails = Trails() if self.wanted.trails else None
        window = stack.enter_context(Window(f"{self.name}: q closes")) if self.wanted.show else None
        paced = not self.video.live
        return _Outputs(writer, drawing, trails, self.wanted.drawing, self.wanted.start or 0.0, window, paced)

    @property
    def _written(self) -> Path:
        return self.wanted.out / f"{self.name}{SUFFIXES[self.wanted.format]}"

    @property
    def _drawn(self) -> Path:
        return self.wanted.out / f"{self.name}_poses.mp4"

    def _count(self, poses: "Poses") -> None:
        self.frames += 1
        self.people += len(poses)
        self.ids.update(() if poses.ids is None else poses.ids.tolist())

    def _look_again(self) -> None:
        """Takes the kept poses, now that all are there, through what looks both ways in time."""
        if self.wanted.two_pass:
            found = looked_at_again(self.kept, smooth=self.wanted.smooth != "off")
        else:
            found = smooth_both_ways(self.kept, [poses.timestamp or 0.0 for poses in self.kept])
        threshold = self.wanted.joint_threshold
        self.kept = [poses.view(self.estimator.skeleton).confident(threshold) for poses in found]
        for poses in self.kept:
            self._count(poses)

    def _write_kept(self, outputs: "_Outputs") -> int:
        """Writes the poses that are now known from both sides, and gives the signal that came meanwhile, or 0.

        For drawings the video is read again.
        """
        for poses in self.kept:
            outputs.writer.write(poses)
        if not self.wanted.draw:
            return 0
        with (
            _open(self.source, self.wanted, self.estimator.lenient) as video,
            closing(prefetch(video)) as frames,
            CtrlC() as ctrl_c,
            _progress("drawing", len(self.kept)) as step,
        ):
            for poses, frame in ctrl_c.over(pair for pair in zip(self.kept, frames, strict=False)):
                outputs.draw(replace(poses, image=frame.image))
                step()
        return ctrl_c.signal

    def _report(self, seconds: float, tracking: PoseTracking, outputs: "_Outputs", kinematics: Path | None) -> None:
        if not self.frames:
            return
        people = f"people {len(self.ids)}" if self.wanted.track else f"people {self.people} in all frames"
        looked = f", detected in {tracking.detector_runs} of them" if tracking.detector_runs else ""
        typer.echo(
            f"{outputs.writer.kept}: frames {self.frames}{looked}, {people}, {self.frames / seconds:.1f} frames/s"
        )
        if outputs.drawing is not None:
            typer.echo(f"drawing: {outputs.drawing.kept}")
        if kinematics:
            typer.echo(f"kinematics: {kinematics}")


@dataclass(frozen=True)
class _Outputs:
    """Where the poses go."""

    writer: PosesWriter
    drawing: VideoWriter | None
    trails: Trails | None
    options: dict[str, Any]
    start: float
    window: Window | None = None
    paced: bool = True

    @property
    def closed(self) -> bool:
        """Whether somebody closed the window."""
        return self.window is not None and not self.window.open

    def complete(self, complete: bool) -> None:
        """Says whether they hold all frames that there are."""
        self.writer.complete = complete
        if self.drawing is not None:
            self.drawing.complete = complete

    def draw(self, poses: "Poses") -> None:
        if self.drawing is None and self.window is None:
            return
        if self.trails is not None:
            self.trails.add(poses)
        time = None if poses.timestamp is None else poses.timestamp - self.start
        drawn = poses.draw(trails=self.trails, **self.options)
        if self.drawing is not None:
            self.drawing.write(drawn, time)
        if self.window is not None:
            self.window.show(drawn, time if self.paced else None)


def _open(source: str, wanted: Wanted, lenient: bool) -> Video:
    video = open_video(source, lenient=lenient)
    if wanted.start is None and wanted.end is None and wanted.every == 1:
        return video
    return Excerpt(video, wanted.start or 0.0, wanted.end, wanted.every)


def _stem(source: str) -> str:
    """What results of a source are called."""
    number = webcam_number(source)
    if number is not None:
        return f"webcam{number}"
    if is_stream(source):
        path = urlsplit(source).path.rstrip("/")
        return re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(path).stem) or "stream"
    return Path(source).stem


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, in a terminal only, and what to call after each frame."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: "Task") -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f} frames/s")

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(what), total=total)
        yield lambda: progress.advance(task)
