"""One shard, from its files to its rows: the same function whoever calls it, here, in Ray, in Spark or in Daft."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from leanpose.batch.attempts import DEATHS, MOST, Attempts
from leanpose.batch.remote import fetched, is_address, read_address
from leanpose.batch.shard import Shard
from leanpose.batch.table import Counts, Table, read_counts
from leanpose.core.errors import BoxError, ImageError, LeanposeError, TimestampError, VideoError
from leanpose.media import Video, open_video
from leanpose.media.video_piece import VideoPiece
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

FRAMES_NEAR = 16  # that decoder, network and tracker together may be ahead of what is written down
OF_THE_FILE = (ImageError, BoxError, VideoError, TimestampError)  # others are the run's, and end it


class Estimator(Protocol):
    """What looks at pictures: :class:`leanpose.PoseEstimator`, or something else with these."""

    skeleton: Skeleton

    def estimate_pairs(self, pairs: Iterable[tuple[Any, Any]], *, on_error: Any = None) -> Iterator[Poses]: ...

    @property
    def stream(self) -> Callable[..., Any]:
        """As :meth:`leanpose.PoseEstimator.stream`."""
        ...


@dataclass(frozen=True)
class Job:
    """What all shards of a run share; a plain value, so that it can be handed to other processes.

    Attributes:
        out: the folder of the results.
        model: its name, for the rows.
        opening: opens the estimator, once in each process.
        tracking: options of :meth:`leanpose.PoseEstimator.stream`.
        lenient: take of damaged videos what there is.
    """

    out: Path
    model: str
    opening: Callable[[], Estimator]
    tracking: dict[str, Any] = field(default_factory=dict)
    lenient: bool = False

    @property
    def poses(self) -> Path:
        """Where the results are: a file for each shard."""
        return self.out / "poses"

    @property
    def pieces(self) -> Path:
        """Where the results of pieces of videos wait until all of the video is there, and their ids are one."""
        return self.out / "pieces"

    def is_done(self, shard: Shard) -> bool:
        """Whether the shard has its file."""
        return (self.poses / shard.file_name).exists() or (
            shard.pieces > 1 and (self.pieces / shard.file_name).exists()
        )


@dataclass(frozen=True)
class Outcome:
    """How a shard went.

    Attributes:
        counts: what is in its file.
        seconds: it took; 0 where it was done before.
        error: the first one in it.
    """

    shard: str
    counts: Counts
    seconds: float = 0.0
    error: str | None = None


def process(shard: Shard, job: Job, estimator: Estimator, step: Callable[[int], None] = lambda _: None) -> Outcome:
    """Looks at the files of a shard and writes its file, unless that is there; one whole file comes of any number of
    calls, also at the same time.

    Args:
        step: is told of each picture and frame as it is done; what it raises ends the work, and no file comes of it.

    Raises:
        BatchError: when the results cannot be written.
        LeanposeError: when it is not for the files, such as an engine that fails.
    """
    path = (job.pieces if shard.pieces > 1 else job.poses) / shard.file_name
    final = job.poses / shard.file_name
    done = next((place for place in (final, path) if place.exists()), None)
    if done is not None:
        return Outcome(shard.id, read_counts(done))
    began, first_error = time.perf_counter(), None
    attempts = Attempts(job.out / "begun" / shard.id, FRAMES_NEAR if shard.kind == "video" else 0)
    look = _images if shard.kind == "images" else _frames
    try:
        with (
            Table(path, job.model, estimator.skeleton, shard.id) as table,
            closing(look(shard, job, estimator, attempts)) as found,
        ):
            for file, poses in found:
                if isinstance(poses, str):
                    table.add_error(file, poses)
                    first_error = first_error or poses
                else:
                    table.add(file, poses)
                step(1)
    finally:
        attempts.end()
    return Outcome(shard.id, table.counts, time.perf_counter() - began, first_error)


Found = Iterator[tuple[str, Poses | str]]


def _images(shard: Shard, job: Job, estimator: Estimator, attempts: Attempts) -> Any:
    """Each file with its poses, or with what was wrong with it, in the order of the shard."""
    done = 0
    if not attempts.careful:
        batched = _batched(shard, estimator)
        while True:
            try:
                poses = next(batched, None)
            except Exception as error:  # whatever it is, out of memory too, is found below by going one by one
                if _ends_run(error):
                    raise
                break
            if poses is None:
                break
            yield shard.files[done], poses
            done += 1
    for index in range(done, len(shard.files)):
        if attempts.given_up:
            yield shard.files[index], f"not looked at: {MOST} processes died at pictures of this shard"
            continue
        if attempts.blamed(index):
            yield shard.files[index], f"{DEATHS} processes died looking at it: too large for the memory, or malicious"
            continue
        attempts.at(index)
        yield shard.files[index], _alone(shard, index, estimator)


def _batched(shard: Shard, estimator: Estimator) -> Iterator[Poses | str]:
    """The pictures as the estimator batches them, and their errors, in order."""
    known: dict[int, Poses | str] = {}
    waiting: deque[int] = deque()

    def pairs() -> Iterator[tuple[Any, None]]:
        for index in range(len(shard.files)):
            try:
                image = _open_image(shard, index)
            except ImageError as error:
                known[index] = str(error)
                continue
            waiting.append(index)
            yield image, None

    def failed(_: Any, error: Exception) -> None:
        known[waiting.pop()] = str(error)  # it is the last one that was given

    given = 0
    for poses in estimator.estimate_pairs(pairs(), on_error=failed):
        known[waiting.popleft()] = poses
        while given in known:
            yield known.pop(given)
            given += 1
    while given in known:
        yield known.pop(given)
        given += 1


def _alone(shard: Shard, index: int, estimator: Estimator) -> Poses | str:
    try:
        return next(iter(estimator.estimate_pairs([(_open_image(shard, index), None)])))
    except Exception as error:  # of ten million pictures one may meet what nobody thought of, and must not end the rest
        return _in_words(error)


def _ends_run(error: Exception) -> bool:
    return isinstance(error, LeanposeError) and not isinstance(error, OF_THE_FILE)


def _in_words(error: Exception) -> str:
    """What is said of a file; raises what is not for the file."""
    if _ends_run(error):
        raise error
    if isinstance(error, LeanposeError):
        return str(error)
    return f"{type(error).__name__}: {error}"[:1000].removesuffix(": ")


def _open_image(shard: Shard, index: int) -> Any:
    """What the estimator takes; raises ImageError."""
    path = shard.files[index]
    if is_address(path):
        return read_address(path, shard.sizes[index])
    changed = _changed(shard, index)
    if changed:
        raise ImageError(changed)
    return path


def _changed(shard: Shard, index: int) -> str | None:
    """What is said of a local file that is not the one that was planned; a missing one is said by who opens it."""
    path, size, time_ns = shard.files[index], shard.sizes[index], shard.times[index]
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if (size is not None and found.st_size != size) or (time_ns is not None and found.st_mtime_ns != time_ns):
        return f"{path}: changed since the work was planned: plan anew into another folder"
    return None


def _frames(shard: Shard, job: Job, estimator: Estimator, attempts: Attempts) -> Any:
    """The frames of a video or piece, and in the end what was wrong with it."""
    path = shard.files[0]
    if shard.error is not None:
        yield path, shard.error
        return
    if attempts.given_up:
        yield path, f"not looked at: {MOST} processes died at it"
        return
    frames: Any = None
    with ExitStack() as stack:
        try:
            video = _open_video(shard, job, stack)
            frames = stack.enter_context(closing(estimator.stream(video, **job.tracking)))
        except Exception as error:  # as in _alone
            yield path, _in_words(error)
            return
        expected = shard.start.frame if shard.start else 0
        while True:
            if attempts.blamed(expected):
                yield path, f"{DEATHS} processes died near frame {expected}: too large for the memory, or malicious"
                return
            attempts.at(expected)
            try:
                poses = next(frames, None)
            except Exception as error:  # as in _alone
                yield path, _in_words(error)
                return
            if poses is None:
                break
            expected = (poses.frame if poses.frame is not None else expected) + 1
            yield path, poses if poses.source == path else replace(poses, source=path)
        if video.damage is not None:  # of a lenient reading
            yield path, f"damaged, read as far as it goes: {video.damage}"


def _open_video(shard: Shard, job: Job, stack: ExitStack) -> Video:
    path = shard.files[0]
    if is_address(path):
        path = stack.enter_context(fetched(path))
    else:
        changed = _changed(shard, 0)
        if changed:
            raise VideoError(changed)
    if shard.start is not None:
        return stack.enter_context(VideoPiece(path, shard.start, shard.end_time, job.lenient))
    return stack.enter_context(open_video(path, lenient=job.lenient))
