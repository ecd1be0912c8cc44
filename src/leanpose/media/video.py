"""What every video is: an iterator over frames with their times, that has a size and can be closed."""

import threading
from abc import abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np

from leanpose.core.closing import Closing
from leanpose.core.errors import VideoError
from leanpose.core.forks import Home, not_freed_by_children

# An image and its time in seconds, None where the source has none.
Images = Generator[tuple[np.ndarray, float | None], None, None]


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One frame of a video.

    Attributes:
        image: BGR uint8, (H, W, 3), upright.
        index: how many frames were handed out before it.
        timestamp: seconds since the video's start, greater than that of the frame before.
    """

    image: np.ndarray
    index: int
    timestamp: float


class Video(Closing):
    """An open video: an iterator over its frames, once through, and a context manager that closes it.

    Attributes:
        source: what was opened, for messages, without the password of an address.
        image_hw: height and width of the first frame, upright. Frames have the size the stream gives them.
        fps: mean frames per second, ``None`` where nobody knows.
        frame_count: what the container says, or its length times ``fps``: good for progress bars, not to be relied on.
            ``None`` where nobody knows.
        live: whether frames come as they happen, from a camera, and are lost to who is slow.
        frames_read: how many frames were handed out so far.
        damage: what was wrong with it in words, known at its end; ``None`` of a whole one.
    """

    source: str
    image_hw: tuple[int, int]
    fps: float | None = None
    frame_count: int | None = None
    live: bool = False
    frames_read: int = 0
    damage: str | None = None

    def __init__(self, source: str) -> None:
        self.source = source
        self._lock = threading.Lock()  # a device must not be released while another thread reads from it
        self._home = Home()
        not_freed_by_children(self)
        self._closed = False
        self._frames: Iterator[Frame] = iter(())
        self._last: float | None = None  # time of the frame handed out last

    @abstractmethod
    def _images(self) -> Images:
        """The images and their times; raises VideoError where they break off."""

    @abstractmethod
    def _release(self) -> None:
        """Gives back what is open."""

    def _start(self) -> None:
        """Reads the first frame: what cannot be decoded is refused when it is opened, and the size is true."""
        images = self._images()
        try:
            first = next(images, None)
            if first is None:
                raise VideoError(f"{self.source}: no frames in it")
        except BaseException:
            images.close()
            self._release()
            raise
        self.image_hw = (first[0].shape[0], first[0].shape[1])
        self._frames = self._numbered(chain([first], images))

    def _numbered(self, images: Iterator[tuple[np.ndarray, float | None]]) -> Iterator[Frame]:
        for image, time in images:
            if self._last is None:
                time = time or 0.0
            elif time is None or time <= self._last:  # none, or broken: as if the rate were constant
                time = self._last + 1 / (self.fps or 25)
            self._last = time
            self.frames_read += 1
            yield Frame(image, self.frames_read - 1, time)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        """The next frame.

        Raises:
            VideoError: after the last whole frame, when the video is damaged, cut off, or stops coming. It says how
                many frames were read and where it broke.
            ForkError: in a process forked after it was opened: both would read from one place in the file, and the
                decoder's threads are in one of them.
        """
        self._home.check(self.source)
        with self._lock:
            return next(self._frames)

    def close(self) -> None:
        """Gives the file or device back; the iteration ends. A frame that another thread is reading is waited for.

        A forked process leaves it to the one that opened it.
        """
        if self._home.left:
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._frames = iter(())
                self._release()
