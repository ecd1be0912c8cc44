"""What a source that someone names is: an image, a folder, a pattern, a video, a camera or a stream."""

import glob
import os
import re
from pathlib import Path
from typing import Literal

from leanpose.core.errors import VideoError
from leanpose.media.images import is_image_data

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".wmv", ".3gp",
    ".ogv", ".y4m", ".h264", ".hevc", ".dv",
)  # fmt: skip
SourceKind = Literal["image", "folder", "pattern", "video", "webcam", "stream"]


def source_kind(source: int | str | os.PathLike[str]) -> SourceKind:
    """What a source is: ``leanpose.media.find_images`` takes the first three kinds, ``open_video`` the others.

    A number or ``webcam:N`` is a camera, also where a file has that name (``./0`` is the file); an address with
    ``://`` is a stream; of files, what :func:`is_video` says is a video and every other one an image.

    Raises:
        VideoError: when there is no such file or folder.
    """
    if webcam_number(source) is not None:
        return "webcam"
    if is_stream(source):
        return "stream"
    path = Path(str(source))
    if os.path.isdir(path):  # False, too, for a name that no file can have, where Path raises OSError
        return "folder"
    if os.path.exists(path):
        return "video" if is_video(path) else "image"
    if glob.has_magic(str(path)):
        return "pattern"
    raise VideoError(f"{path!s:.200}: no such file or folder")


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a video: by its first bytes, and where they are of no known kind, by its suffix.

    A text that is called ``clip.mp4`` is one here, so that :func:`leanpose.media.open_video` says what is wrong with
    it; a photo of that name is none. A GIF that moves is a video, other animated images are none.
    """
    path = Path(path)
    if not os.path.isfile(path):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        head = b""
    if is_image_data(head):
        return head.startswith(b"GIF8") and _moves(path)
    return is_video_data(head) or path.suffix.lower() in VIDEO_SUFFIXES


def webcam_number(source: int | str | os.PathLike[str]) -> int | None:
    """The number of the camera that ``0``, ``"0"`` or ``"webcam:0"`` names, ``None`` where it names none."""
    if isinstance(source, int):
        return source
    match = re.fullmatch(r"(?:webcam:)?([0-9]{1,3})", os.fspath(source))
    return int(match[1]) if match else None


def is_stream(source: int | str | os.PathLike[str]) -> bool:
    """Whether a source is an address such as ``rtsp://camera/1``."""
    return isinstance(source, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", source) is not None


def is_animated(path: str | os.PathLike[str]) -> bool:
    """Whether a WebP, PNG or AVIF file has several frames, of which only the first is read."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20:21] and head[20] & 2)
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head.partition(b"IDAT")[0]
    return head[4:12] == b"ftypavis"


def _moves(gif: Path) -> bool:
    """Whether a GIF has a second frame."""
    try:
        data = gif.read_bytes()
        at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
        frames = 0
        while frames < 2 and data[at] in b"\x21\x2c":
            if data[at] == 0x2C:
                frames += 1
                at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
            else:
                at += 2
            while data[at]:  # sub-blocks, each with its length before it
                at += 1 + data[at]
            at += 1
    except (OSError, IndexError):
        return False
    return frames > 1


HEAD = 4 * 192  # enough for four packets of a transport stream
_STILL_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")  # photos in a box like MP4's


def is_video_data(head: bytes) -> bool:
    """Whether a file with these first bytes (:data:`HEAD` are enough) is a video of a known container."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):  # MP4 and QuickTime
        return head[4:8] != b"ftyp" or head[8:12] not in _STILL_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    magics = (
        b"\x1aE\xdf\xa3",  # Matroska, WebM
        b"FLV\x01",
        b"0&\xb2u\x8ef\xcf\x11",  # Windows Media
        b"\0\0\1\xba",  # MPEG programme stream
        b"\0\0\1\xb3",  # MPEG video
        b"OggS",
    )
    if head.startswith(magics):
        return True
    # A transport stream: a sync byte every 188 bytes, or every 192 after a time stamp of 4.
    return any(
        len(head) > start + 3 * step and set(head[start::step]) == {0x47} for start, step in ((0, 188), (4, 192))
    )
