"""Video files through PyAV: exact times, upright, and no damaged frame passes for a whole one."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from leanpose.core.errors import VideoError
from leanpose.media.container_length import index_in_front, missing_bytes, missing_in
from leanpose.media.video import Images, Video

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


MAX_PIXELS = 36_000_000  # of a frame, 8K and a little: a decoder keeps up to 17 of them


class VideoFile(Video):
    """A file that PyAV reads. Use :func:`leanpose.media.open_video`."""

    def __init__(self, path: Path | str, lenient: bool = False, growing: BinaryIO | None = None) -> None:
        """Opens a file, or reads ``growing`` under the name ``path``: what is still being written, whose reads wait
        for what is to come. It can be sought in, from its end with -1 for an answer until it is whole; and the caller
        has looked whether its first bytes are a video's.

        Raises:
            VideoError: when not a frame of it can be read.
        """
        import av
        from av.error import FFmpegError
        from av.video.reformatter import VideoReformatter

        super().__init__(str(path))
        self._ffmpeg_error, self._lenient = FFmpegError, lenient
        self._growing = growing
        self._missing = missing_bytes(Path(path)) if growing is None else 0  # of a growing one known at its end
        try:
            # The prefix keeps a name such as "a:b.mp4" a file's; the whitelist keeps playlists off the network, and
            # what a stranger sends off the files, too.
            self._container = av.open(
                f"file:{path}" if growing is None else growing,
                "r",
                options={"protocol_whitelist": "file"} if growing is None else _options(growing),
                metadata_errors="replace",
            )
        except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
            why = getattr(error, "strerror", None) or error
            raise VideoError(
                f"{path}: not a video, or damaged or cut off at its head ({why}); copy it again from where it came from"
            ) from error
        try:
            self._stream = self._choose_stream()
        except VideoError:
            self._container.close()
            raise
        self._stream.thread_type = "SLICE"  # with threads over frames an error is not that of the packet just given
        self._reformatter = VideoReformatter()
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else None
        self.frame_count = self._stream.frames or None
        if self.frame_count is None and self.fps and self._container.duration:
            self.frame_count = round(self._container.duration / 1e6 * self.fps)
        self._break: str | None = None
        self._lost = 0
        self._span = (np.inf, -np.inf)  # seconds of the packets of all streams
        self._start()

    def _choose_stream(self) -> "VideoStream":
        from av.stream import Disposition

        # Sound files hold their cover as a video of one picture.
        found = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not found:
            raise VideoError(f"{self.source}: no video in it, in the format {self._container.format.long_name}")
        context = found[0].codec_context
        if context is None:
            raise VideoError(f"{self.source}: how its video is coded is unknown to FFmpeg: damaged, or convert it")
        # FFmpeg would hand out what it makes up for broken data; and frames may grow in the middle of a stream.
        context.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
        if context.width * context.height > MAX_PIXELS:
            raise VideoError(f"{self.source}: {context.width} x {context.height} pixels are over {MAX_PIXELS:,}")
        return found[0]

    def _release(self) -> None:
        self._container.close()

    def _images(self) -> Images:
        for frame in self._whole_frames():
            try:
                pixels = self._reformatter.reformat(frame, format="bgr24", threads=1).to_ndarray()
            except (self._ffmpeg_error, ValueError) as error:
                raise VideoError(
                    f"{self.source}: its pixels, {frame.format.name}, cannot be converted: {error}", self.frames_read
                ) from error
            yield _upright(pixels, frame), None if frame.pts is None else self._seconds(frame.pts)
        self._check_length()
        if self._growing is not None:
            while self._growing.read(1 << 20):  # what stands behind the last frame may still be coming
                pass
            self._missing = missing_in(self._growing)
        if self._break is None and self._missing:
            self._break = f"cut off, {self._missing:,} bytes are missing"
        if self._break is not None:
            lost = f", lost {self._lost}" if self._lost else ""
            self.damage = f"{self._break} (whole frames read {self.frames_read}{lost})"
            if not self._lenient:
                raise VideoError(
                    f"{self.source}: {self.damage}; copy it again from where it came from", self.frames_read
                )

    def _whole_frames(self) -> "Iterator[VideoFrame]":
        """Frames that owe nothing to damaged data: after damage those that were decoded before, then none up to the
        next key frame. FFmpeg hands out what it makes up for the missing parts, and mostly does not mark it."""
        coming: set[int] = set()  # times of packets that were decoded before any damage
        waiting = False
        for packet in self._packets():
            frames = []
            intact = packet is None or not packet.is_corrupt
            if intact:
                try:
                    frames = self._stream.decode(packet)
                except self._ffmpeg_error:
                    intact = False
            if not intact:
                waiting = True
                self._lost += 1
                self._broken_at(packet.pts if packet else None)
            elif packet is not None and packet.pts is not None and not waiting:
                coming.add(packet.pts)
            for frame in frames:
                before = frame.pts in coming
                if frame.is_corrupt:
                    waiting, coming = True, set()
                    self._broken_at(frame.pts)
                elif frame.key_frame and not before:
                    waiting = False
                if not frame.is_corrupt and (before or not waiting):
                    yield frame
                else:
                    self._lost += 1
                if frame.pts is not None:
                    coming = {pts for pts in coming if pts > frame.pts}

    def _packets(self) -> "Iterator[Packet | None]":
        """The packets of the stream; ``None``, which empties the decoder, where the container breaks off."""
        try:
            for packet in self._container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    start, end = packet.pts, packet.pts + (packet.duration or 0)
                    self._span = (
                        min(self._span[0], float(start * packet.time_base)),
                        max(self._span[1], float(end * packet.time_base)),
                    )
                if packet.stream.index == self._stream.index:
                    yield packet
        except self._ffmpeg_error:
            self._broken_at(None)
            yield None

    def _check_length(self) -> None:
        """Some containers that were cut off just end; then they are shorter than they say."""
        if self._break is not None or not np.isfinite(self._span[0]):
            return
        kind, rate, declared, forgiven = self._container.format.name, self.fps or 25, None, 0.5
        if "avi" in kind and self._stream.frames:  # its duration is a guess from the file's size
            declared, forgiven = self._stream.frames / rate, 0.0
        elif any(name in kind for name in ("mp4", "matroska", "flv")) and self._container.duration:
            declared = self._container.duration / 1e6
        length = self._span[1] - self._span[0]
        if declared is not None and length < declared - max(forgiven, 2 / rate):
            self._break = f"ends after {length:.2f} of {declared:.2f} s, cut off"

    def _broken_at(self, pts: int | None) -> None:
        if self._break is None:
            after = f"after frame {self.frames_read - 1}" if self.frames_read else "at its first frame"
            self._break = "damaged " + (f"at {self._seconds(pts):.2f} s" if pts is not None else after)

    def _seconds(self, pts: int) -> float:
        """Time since the start of the stream."""
        return float((pts - (self._stream.start_time or 0)) * (self._stream.time_base or 0))


def _options(growing: BinaryIO) -> dict[str, str]:
    options = {"protocol_whitelist": "none"}
    if index_in_front(growing.read(1 << 10)):
        # FFmpeg would look for another index behind the pictures, and so wait for the end.
        options["fflags"] = "ignidx"
    growing.seek(0)
    return options


def _upright(pixels: np.ndarray, frame: "VideoFrame") -> np.ndarray:
    """The image turned and mirrored as the display matrix says, by the nearest of the eight ways.

    Its first entries a, b, u, c, d carry a stored pixel (x, y) to (a x + c y, b x + d y).
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, 5).tolist()
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)
        a, d = c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
