"""Video in: frames with their times, out of files, cameras and network streams.

Files are read with PyAV (``pip install 'leanpose[video]'``), and where it is not installed with OpenCV, which does
not say when a frame is broken: there the number of frames is checked. PyAV itself is BSD-licensed, but its wheels
bundle FFmpeg with codecs under the GPL (x264 and x265): mind that before you ship them with a product of your own.
"""

import os
import stat
from importlib.util import find_spec
from pathlib import Path

from leanpose.core.errors import VideoError
from leanpose.media.capture import Capture
from leanpose.media.sources import is_stream, is_video, webcam_number
from leanpose.media.video import Video


def open_video(source: int | str | os.PathLike[str], timeout: float = 10.0, lenient: bool = False) -> Video:
    """Opens a video file, a camera (``0``, ``"webcam:0"``) or a network stream (``"rtsp://..."``, ``"http://..."``).

    Files keep their presentation times, also where the frame rate varies, and are turned upright as their display
    matrix says. Colours follow the matrix and range that the stream declares, BT.601 where it declares none; HDR is
    not tone-mapped. Of a damaged file every whole frame is handed out, then comes a VideoError. Containers that
    resynchronise on their own (Matroska, FLV, MPEG-TS) can lose frames within them without anyone noticing. Frames of
    over 36 million pixels are refused.

    Args:
        lenient: let a damaged file end after its whole frames, with ``damage`` of the video instead of the error.
        timeout: seconds after which a stream that cannot be reached, or goes quiet, is given up. Cameras have their
            driver's own limit.

    Raises:
        VideoError: when there is no such source, or not a frame of it can be read.
    """
    number = webcam_number(source)
    if number is not None:
        return Capture.of_webcam(number)
    if is_stream(source):
        return Capture.of_stream(str(source), timeout)
    path = Path(str(source))
    _check_file(path)
    if find_spec("av") is None:
        return Capture.of_file(path, lenient)
    from leanpose.media.video_file import VideoFile

    return VideoFile(path, lenient)


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise VideoError(f"{path}: a folder, not a video; name a file in it")
        if not stat.S_ISREG(found.st_mode):
            raise VideoError(f"{path}: not a regular file")
        if found.st_size == 0:
            raise VideoError(f"{path}: empty, 0 bytes; copy it again from where it came from")
        path.open("rb").close()
    except FileNotFoundError:
        raise VideoError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise VideoError(f"{path!s:.200}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not is_video(path):  # FFmpeg would make a film of a text
        raise VideoError(f"{path}: not a video of a kind read here; convert it, for example to .mp4")
