"""A piece of a video file that begins at a key frame, so that several processes can share one long video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.errors import VideoError
from leanpose.media.video import Frame, Images
from leanpose.media.video_file import VideoFile

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass(frozen=True)
class Cut:
    """Where a piece begins: at a key frame.

    Attributes:
        pts: of the key frame, in units of the stream.
        time: of it, in seconds of the video.
        frame: its number, counted from the packets of the stream in the order in which they are shown.
    """

    pts: int
    time: float
    frame: int


class VideoPiece(VideoFile):
    """The frames from one key frame on, up to a time; they keep the numbers and times that they have in the whole."""

    def __init__(self, path: Path | str, start: Cut, end: float | None = None, lenient: bool = False) -> None:
        """Opens the file at a key frame.

        Args:
            end: seconds of the video; frames from then on are not in the piece. ``None`` for its end, and then what is
                missing at the end of the file is said, as of a whole one.

        Raises:
            VideoError: when not a frame of it can be read there.
        """
        self._cut, self._end = start, end
        super().__init__(path, lenient)
        if end is not None and self.fps:
            self.frame_count = max(0, round((end - start.time) * self.fps))

    def _packets(self) -> "Iterator[Packet | None]":
        try:
            self._container.seek(self._cut.pts, stream=self._stream, backward=True)
        except self._ffmpeg_error as error:
            raise VideoError(
                f"{self.source}: cannot be entered at {self._cut.time:.2f} s ({error}): take it whole, with --piece 0"
            ) from error
        # The seek may end at an earlier key frame; and what is shown before this one needs frames that are not here.
        for packet in super()._packets():
            if packet is None or packet.pts is None or packet.pts >= self._cut.pts:
                yield packet

    def _images(self) -> Images:
        for image, time in super()._images():
            if time is not None and self._end is not None and time >= self._end - 1e-9:
                return
            yield image, time

    def _numbered(self, images: Iterator[tuple[np.ndarray, float | None]]) -> Iterator[Frame]:
        for frame in super()._numbered(images):
            yield Frame(frame.image, frame.index + self._cut.frame, frame.timestamp)

    def _check_length(self) -> None:
        if self._end is None and np.isfinite(self._span[0]):
            self._span = (min(self._span[0], 0.0), self._span[1])  # as if it had been read from the start
            super()._check_length()


def find_cuts(path: Path | str, every: float) -> list[Cut]:
    """The key frames nearest after each multiple of ``every`` seconds, the first frame before them; reads no pixels.

    Returns:
        the beginnings of the pieces, at least one. A single one where the video is shorter than one and a half pieces,
        or where not all of its frames say when they are shown, so that their numbers are not known without decoding.

    Raises:
        VideoError: when the file cannot be read as a video.
    """
    import av
    from av.error import FFmpegError

    whole = [Cut(0, 0.0, 0)]
    try:
        with av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"}, metadata_errors="replace") as opened:
            stream = next(iter(opened.streams.video), None)
            if stream is None or stream.time_base is None or not opened.duration:
                return whole
            if opened.duration / 1e6 < 1.5 * every:
                return whole
            keys: list[int] = []
            shown: list[int] = []
            for packet in opened.demux(stream):
                if packet.size == 0:  # the one that empties the decoder
                    continue
                if packet.pts is None or packet.is_corrupt:
                    return whole
                shown.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
            base, begin = float(stream.time_base), stream.start_time or 0
    except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise VideoError(f"{path}: cannot be cut in pieces: {error}; copy it again from where it came from") from error
    if not keys or not shown:
        return whole
    order, end = np.sort(shown), (max(shown) - begin) * base
    cuts = [Cut(int(order[0]), float((order[0] - begin) * base), 0)]
    for pts in sorted(keys):
        seconds = (pts - begin) * base
        last = cuts[-1].time
        if seconds - last >= every and end - seconds >= every / 2:
            cuts.append(Cut(pts, float(seconds), int(np.searchsorted(order, pts))))
    return cuts
