"""Video in: frames with their times, out of files, cameras and network streams.

Files are read with PyAV (``pip install 'leanpose[video]'``), and where it is not installed with OpenCV, which does
not say when a frame is broken: there the number of frames is checked. PyAV itself is BSD-licensed, but its wheels
bundle FFmpeg with codecs under the GPL (x264 and x265): mind that before you ship them with a product of your own.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from leanpose.core.errors import VideoError
from leanpose.media.capture import Capture
from leanpose.media.sources import is_stream, is_video, webcam_number
from leanpose.media.video import Video


def open_video(source: int | str | os.PathLike[str], timeout: float = 10.0) -> Video:
    """Opens a video file, a camera (``0``, ``"webcam:0"``) or a network stream (``"rtsp://..."``, ``"http://..."``).

    Files keep their presentation times, also where the frame rate varies, and are turned upright as their display
    matrix says. Colours follow the matrix and range that the stream declares, BT.601 where it declares none; HDR is
    not tone-mapped. Of a damaged file every whole frame is handed out, then comes a VideoError. Containers that
    resynchronise on their own (Matroska, FLV, MPEG-TS) can lose frames within them without anyone noticing.

    Args:
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
        return Capture.of_file(path)
    from leanpose.media.video_file import VideoFile

    return VideoFile(path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise VideoError(f"{path}: a folder, not a video; name a file in it")
    if not path.exists():
        raise VideoError(f"{path}: no such file")
    if not path.is_file():
        raise VideoError(f"{path}: not a regular file")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: empty, 0 bytes; copy it again from where it came from")
    try:
        path.open("rb").close()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error
    if not is_video(path):  # FFmpeg would make a film of a text
        raise VideoError(f"{path}: not a video of a kind read here; convert it, for example to .mp4")
