"""A part of a video: from one time to another, or every so many frames."""

from collections.abc import Iterator
from contextlib import closing

from leanpose.media.video import Frame, Images, Video


class Excerpt(Video):
    """A part of an open video, whose frames keep their numbers and times in it. Closing it closes the video.

    What lies before the start is decoded and passed over, so that numbers and times are true.
    """

    def __init__(self, video: Video, start: float = 0.0, end: float | None = None, every: int = 1) -> None:
        """Take frames from ``start`` up to ``end``, in seconds of the video, and of these each ``every``-th."""
        super().__init__(video.source)
        self._video = video
        self.image_hw, self.live = video.image_hw, video.live
        self.fps = video.fps and video.fps / every
        if video.frame_count and video.fps:
            last = video.frame_count / video.fps
            self.frame_count = max(0, round((min(last if end is None else end, last) - start) * video.fps / every))
        self._frames = self._between(start, end, every)

    def _between(self, start: float, end: float | None, every: int) -> Iterator[Frame]:
        taken = 0
        with closing(self._video):
            for frame in self._video:
                if end is not None and frame.timestamp > end:
                    return
                if frame.timestamp >= start:
                    if taken % every == 0:
                        self.frames_read += 1
                        yield frame
                    taken += 1

    def _images(self) -> Images:
        yield from ()

    def _release(self) -> None:
        self._video.close()
