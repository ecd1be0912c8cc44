"""What ``leanpose predict`` is asked for, what it is given, and how it ends."""

import re
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import typer

from leanpose.core.errors import BoxError, LeanposeError
from leanpose.core.stopping import leave_closed_terminal, stop, stop_signals
from leanpose.media import source_kind
from leanpose.media.choosing import Chosen, choose

if TYPE_CHECKING:
    from leanpose.pose.writers import Format, PosesWriter

Item = TypeVar("Item")


@dataclass(frozen=True)
class Wanted:
    """The options of the command, by the names they have there."""

    box: list[list[float]] | None
    boxes: Path | None
    whole_image: bool
    format: "Format"
    out: Path
    draw: bool
    track: bool
    smooth: Literal["live", "both-ways", "off"] | None
    detect_every: int | None
    trails: bool
    kinematics: Path | None
    two_pass: bool = False
    coco_images: Path | None = None
    joint_threshold: float = 0.0
    draw_threshold: float | None = None
    start: float | None = None
    end: float | None = None
    every: int = 1
    show: bool = False

    @property
    def drawing(self) -> dict[str, float]:
        """Options of :meth:`leanpose.pose.poses.Poses.draw`."""
        return {} if self.draw_threshold is None else {"min_score": self.draw_threshold}

    def check(self, images: Sequence[Path], videos: Sequence[str]) -> None:
        """Raises LeanposeError where options do not go together, or not with these sources."""
        if self.boxes is not None and videos:
            raise BoxError(f"--boxes names images, and {videos[0]} is a video: give --box, or let the detector look")
        if self.coco_images is not None and (videos or not self.format.startswith("coco")):
            raise LeanposeError("--coco-images has ids of images, for --format coco and coco-dataset: leave it out")
        if self.draw_threshold is not None and not (self.draw or self.show):
            raise LeanposeError("--draw-threshold is about drawings: add --draw or --show")
        if self.show and (self.two_pass or self.smooth == "both-ways"):
            raise LeanposeError("--show is of what is found at once, and two passes end with the video: leave one out")
        if self.end is not None and self.end <= (self.start or 0):
            raise LeanposeError(f"--end {self.end:g} s comes before --start {self.start or 0:g} s: turn them round")
        if self.trails and not (self.draw or self.show):
            raise LeanposeError("--trails are drawn: add --draw or --show")
        if not self.track:
            needing = {
                "--smooth": self.smooth not in (None, "off"), "--trails": self.trails,
                "--kinematics": self.kinematics is not None, "--detect-every": (self.detect_every or 1) > 1,
                "--two-pass": self.two_pass,
            }  # fmt: skip
            for option in (name for name, given in needing.items() if given):
                raise LeanposeError(f"{option} needs to know who is who: leave --no-track out")
        if (self.detect_every or 1) > 1 and (self.box or self.whole_image):
            raise LeanposeError("--detect-every: with --box or --whole-image no detector runs: leave one out")
        if self.kinematics is not None and len(videos) > 1:
            raise LeanposeError(f"--kinematics is one file for one video, and here are {len(videos)}")
        if self.two_pass and self.smooth == "live":
            raise LeanposeError("--two-pass knows what comes as well: use --smooth both-ways, its default, or off")
        for option, given in (("--smooth both-ways", self.smooth == "both-ways"), ("--two-pass", self.two_pass)):
            for video in videos if given else ():
                if source_kind(video) != "video":
                    raise LeanposeError(f"{option}: {video} has no end to look back from: use --smooth live")


@dataclass(frozen=True)
class Ending:
    """How it went: how many sources could not be used to their end, and the signal that ended it, 0 without."""

    faults: int = 0
    signal: int = 0

    @property
    def interrupted(self) -> bool:
        return self.signal != 0

    def __add__(self, other: "Ending") -> "Ending":
        return Ending(self.faults + other.faults, self.signal or other.signal)


def choose_sources(sources: Sequence[str], recursive: bool) -> Chosen:
    """What :func:`leanpose.media.choosing.choose` takes of the sources; what it leaves out is said on stderr."""
    chosen = choose(sources, recursive)
    for note in chosen.notes():
        typer.echo(note, err=True)
    return chosen


def seconds(text: str | None, option: str) -> float | None:
    """Seconds, as ``12.5``, ``1:30`` or ``1:02:03.5`` says them; raises LeanposeError."""
    if text is None:
        return None
    if not re.fullmatch(r"([0-9]+:){0,2}[0-9]+(\.[0-9]*)?", text):
        raise LeanposeError(f"{option} {text}: write seconds as 12.5, 1:30 or 1:02:03")
    return sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))


class CtrlC:
    """Inside its ``with`` block Ctrl-C, SIGTERM or SIGHUP ends an iteration :meth:`over` items, and never in the middle
    of one's work.

    A second one interrupts whatever it meets.

    Attributes:
        signal: which came, 0 before.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._waiting = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def pressed(self) -> bool:
        """Whether one came."""
        return self.signal != 0

    def over(self, items: Generator[Item, None, None]) -> Iterator[Item]:
        """The items up to the signal; then they are closed."""
        try:
            while not self.pressed:
                self._waiting = True
                item = next(items)
                self._waiting = False
                yield item
        except (StopIteration, KeyboardInterrupt):
            pass
        finally:
            self._waiting = False
            items.close()

    def _press(self, number: int, frame: FrameType | None) -> None:
        again, self.signal = self.pressed, number
        if again or self._waiting:
            stop(number)
        leave_closed_terminal()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._press) for number in stop_signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextmanager
def growing(writer: "PosesWriter") -> "Iterator[PosesWriter]":
    """Inside the ``with`` block the writer is open; where an error ends it, it is said where what came before is."""
    try:
        with writer:
            yield writer
    except LeanposeError as error:
        if writer.kept is not None and str(writer.kept) not in str(error):
            typer.echo(f"{writer.kept}: what came before, {writer.count} images", err=True)
        raise
