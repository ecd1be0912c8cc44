"""Cameras, network streams, and files where PyAV is missing, through OpenCV."""

import os
import re
import time
from pathlib import Path
from typing import Any, Self

import cv2

from leanpose.core.errors import VideoError
from leanpose.media.container_length import missing_bytes
from leanpose.media.decoder_lines import silent_decoders
from leanpose.media.video import Images, Video

_INSTALL = "pip install 'leanpose[video]'"
WAITED = 0.9  # of the timeout, from which a stream was waited for and not refused


def _opened(*source: Any) -> cv2.VideoCapture:
    """OpenCV's capture without its own lines on the terminal: whether it is open is said in our words.

    FFmpeg's level inside OpenCV is read once in a process, at the first video; who has set it keeps it.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with silent_decoders():
        return cv2.VideoCapture(*source)


class Capture(Video):
    """A source that OpenCV reads. Use :func:`leanpose.media.open_video`.

    OpenCV's frames end in the same way at the end, at a broken frame and at a lost connection, so what a container
    says is the number of its frames is held against the number that came.
    """

    def __init__(
        self, source: str, capture: cv2.VideoCapture, unopened: str, live: bool, clock: bool, exact: bool
    ) -> None:  # fmt: skip
        """Reads the first frame.

        Args:
            unopened: what to say when it is not open.
            clock: whether frames get the time of their arrival.
            exact: whether the container says how many frames it has; else OpenCV estimates it.
        """
        super().__init__(source)
        self._capture = capture
        self._clock = clock
        self._exact = exact
        self._lenient = False
        self._missing = 0
        if not capture.isOpened():
            capture.release()
            raise VideoError(f"{source}: {unopened}")
        fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.fps = fps if 0 < fps < 1000 else None
        self.frame_count = int(count) if 0 < count < 1e9 and not live else None
        self.live = live or self.frame_count is None
        self._start()

    @classmethod
    def of_webcam(cls, number: int) -> Self:
        """Camera ``number`` of this machine."""
        unopened = f"cannot be opened: is camera {number} plugged in, free, and may you use it?"
        return cls(f"webcam:{number}", _opened(number), unopened, live=True, clock=True, exact=False)

    @classmethod
    def of_stream(cls, address: str, timeout: float) -> Self:
        """A stream that is given up when nothing comes for ``timeout`` seconds."""
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
        options = [number for limit in limits for number in (limit, max(1, round(timeout * 1000)))]
        begin = time.monotonic()
        capture = _opened(address, cv2.CAP_FFMPEG, options)
        took = time.monotonic() - begin
        shown = re.sub(r"//[^/@]*@", "//", address)
        fault = f"cannot be opened within {timeout:g} s" if took >= WAITED * timeout else "refused at once"
        unopened = f"{fault}: check the address, the network, and the password"
        live = not address.lower().startswith("http")  # http brings files as well: then their length is known
        return cls(shown, capture, unopened, live=live, clock=False, exact=False)

    @classmethod
    def of_file(cls, path: Path, lenient: bool = False) -> Self:
        """A video file; ``lenient`` as :func:`leanpose.media.open_video` takes it."""
        with path.open("rb") as file:
            exact = file.read(12)[4:8] == b"ftyp"
        unopened = "not a video, or damaged or cut off at its head; copy it again from where it came from"
        capture = _opened(str(path), cv2.CAP_FFMPEG)
        video = cls(str(path), capture, unopened, live=False, clock=False, exact=exact)
        video._lenient, video._missing = lenient, missing_bytes(path)
        return video

    def _release(self) -> None:
        self._capture.release()

    def _images(self) -> Images:
        begin = None
        while True:
            with silent_decoders():
                read, image = self._capture.read()
            if not read:
                break
            if self._clock:
                now = time.monotonic()
                begin = now if begin is None else begin
                yield image, now - begin
            else:
                yield image, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        self._check_end()

    def _check_end(self) -> None:
        if self.live:
            raise VideoError(
                f"{self.source}: no more frames came after {self.frames_read}: unplugged, disconnected or ended there",
                self.frames_read,
            )
        count, fps, last = self.frame_count or 0, self.fps or 25, self._last or 0.0
        if self._exact:
            broken, where = self.frames_read < count, f"frames read {self.frames_read} of {count}"
        else:
            # Their number is estimated from the length: a second is forgiven, sound may outlast the pictures.
            broken = last + 1 < count / fps
            where = f"frames read {self.frames_read}, the last at {last:.2f} of {count / fps:.2f} s"
        if self._missing and not broken:
            broken, where = True, f"{where}, {self._missing:,} bytes are missing"
        if broken:
            self.damage = f"damaged, cut off, or trimmed without encoding it anew ({where})"
            if not self._lenient:
                raise VideoError(
                    f"{self.source}: {self.damage}; PyAV knows which, and reads past damage: {_INSTALL}",
                    self.frames_read,
                )
