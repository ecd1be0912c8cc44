"""Video out: frames with their own times into a file that is whole or not there."""

import math
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from leanpose.core.closing import Growing
from leanpose.core.errors import MissingExtraError, VideoError
from leanpose.core.files import part_of, put_in_place
from leanpose.core.forks import Home, not_freed_by_children
from leanpose.media.images import as_bgr

if TYPE_CHECKING:
    from av.video.stream import VideoStream

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# The finest that MPEG-4 takes in which 24, 25, 30, 60 and 30000/1001 frames a second are whole numbers.
TIME_BASE = Fraction(1, 60_000)


class VideoWriter(Growing):
    """Writes BGR images as H.264, or MPEG-4 where this PyAV has no x264 (which is under the GPL).

    The file is written under another name beside ``path`` and takes its place when it is closed: also after an
    exception or Ctrl-C inside the ``with`` block, then with the frames up to there, and playable; an older file then
    stays, and the new one stands beside it, see :func:`leanpose.core.files.partial_of`. Where nothing was written
    there is no file. An odd height or width grows by one, its last row or column doubled, for the codecs
    halve the colours' resolution. Colours are BT.709 and marked so.

    Example:
        >>> with open_video("in.mp4") as video, VideoWriter("out.mp4") as writer:  # doctest: +SKIP
        ...     for frame in video:
        ...         writer.write(frame.image, frame.timestamp)
    """

    frames_written: int = 0

    def __init__(self, path: str | os.PathLike[str], fps: float | None = None) -> None:
        """Opens the file; the first image says its size.

        Args:
            path: ends in .mp4, .m4v, .mov or .mkv (which keeps whole milliseconds). Missing folders are made.
            fps: frames per second of images that are written without a time; a hint for the codec otherwise.

        Raises:
            VideoError: when the file cannot be written, has another ending, or ``fps`` makes no sense.
            MissingExtraError: when PyAV is not installed.
        """
        try:
            import av
            from av.error import FFmpegError
            from av.video.reformatter import VideoReformatter
        except ImportError as error:
            raise MissingExtraError("PyAV", "video") from error
        self.path = Path(path)
        self.fps = fps
        if fps is not None and not 0 < fps <= 1000:
            raise VideoError(f"{self.path}: {fps} frames per second: a number above 0, up to 1000, is needed")
        if self.path.suffix.lower() not in FORMATS:
            raise VideoError(
                f"{self.path}: cannot write a file ending in '{self.path.suffix}': use {', '.join(FORMATS)}"
            )
        if self.path.is_dir():
            raise VideoError(f"{self.path} is a folder: name a file")
        self._errors = (FFmpegError, OSError)
        self._codec = next((codec for codec in ("libx264", "mpeg4") if codec in av.codecs_available), "mpeg4")
        self._reformatter = VideoReformatter()
        self._beside = part_of(self.path)
        self._home = Home()
        not_freed_by_children(self)
        self._stream: VideoStream | None = None
        self._image_hw: tuple[int, int] = (0, 0)
        self._last = -math.inf
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(f"file:{self._beside}", "w", format=FORMATS[self.path.suffix.lower()])
        except self._errors as error:
            raise self._failed(error) from error
        self._open = True

    def write(self, image: np.ndarray, timestamp: float | None = None) -> None:
        """Adds an image that :func:`leanpose.media.as_bgr` takes.

        Args:
            timestamp: seconds at which it is to be seen, later than that of the image before; without it, the number
                of images before divided by ``fps``.

        Raises:
            ImageError: when the image cannot be used.
            ForkError: in a process forked since it was opened.
            VideoError: when its size is not that of the first one, its time is no later than the one before, there is
                no time and no ``fps``, or the file cannot be written, in which case it is closed and gone.
        """
        self._home.check(f"writing {self.path}")
        if not self._open:
            raise VideoError(f"{self.path}: closed, no more images can be written")
        from av import VideoFrame
        from av.video.reformatter import Colorspace

        pixels = as_bgr(image)
        ticks = self._ticks(timestamp)
        try:
            stream = self._stream_for((pixels.shape[0], pixels.shape[1]))
            below, right = pixels.shape[0] % 2, pixels.shape[1] % 2
            even = np.pad(pixels, ((0, below), (0, right), (0, 0)), "edge") if below or right else pixels
            frame = self._reformatter.reformat(
                VideoFrame.from_ndarray(even, format="bgr24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                threads=1,
            )
            frame.pts, frame.time_base = ticks, TIME_BASE
            self._container.mux(stream.encode(frame))
        except self._errors as error:
            self._discard()
            raise self._failed(error) from error
        self._last = ticks
        self.frames_written += 1

    def _ticks(self, timestamp: float | None) -> int:
        if timestamp is None:
            if self.fps is None:
                raise VideoError(f"{self.path}: neither fps nor the image's timestamp is given")
            timestamp = self.frames_written / self.fps
        if not math.isfinite(timestamp):
            raise VideoError(f"{self.path}: image {self.frames_written} has the time {timestamp}")
        ticks = round(timestamp / TIME_BASE)
        if ticks <= self._last:
            raise VideoError(
                f"{self.path}: image {self.frames_written} at {timestamp:.5f} s is not later than the one before"
            )
        return ticks

    def _stream_for(self, image_hw: tuple[int, int]) -> "VideoStream":
        if self._stream is None:
            # Good enough to look at skeletons, fast enough not to wait for.
            options = {
                "libx264": {"preset": "veryfast", "crf": "20"},
                "mpeg4": {"flags": "+qscale", "global_quality": "354"},
            }[self._codec]
            rate = Fraction(self.fps or 30).limit_denominator(1001)
            stream = cast("VideoStream", self._container.add_stream(self._codec, rate=rate, options=options))
            stream.height, stream.width = (side + side % 2 for side in image_hw)
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = TIME_BASE
            for name in ("colorspace", "color_primaries", "color_trc", "color_range"):
                setattr(stream.codec_context, name, 1)  # BT.709 in the first three, limited range
            self._stream, self._image_hw = stream, image_hw
        if image_hw != self._image_hw:
            (h, w), (first_h, first_w) = image_hw, self._image_hw
            raise VideoError(
                f"{self.path}: image {self.frames_written} has {w} x {h} pixels, the first one {first_w} x {first_h}"
            )
        return self._stream

    def close(self) -> None:
        """Ends the file and puts it in its place; safe to call again.

        Raises:
            VideoError: when that fails; what stood at ``path`` before is then still there.
        """
        if not self._open or self._home.left:
            return
        if self._stream is None:
            self._discard()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self.kept = put_in_place(self._beside, self.path, self.complete)
            self._open = False
        except self._errors as error:
            self._discard()
            raise self._failed(error) from error

    def _discard(self) -> None:
        self._open = False
        with suppress(*self._errors):
            self._container.close()
        with suppress(OSError):
            self._beside.unlink()

    def _failed(self, error: Exception) -> VideoError:
        why = getattr(error, "strerror", None) or error
        return VideoError(f"cannot write {self.path}: {why}; choose another place or make room")
