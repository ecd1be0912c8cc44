"""Whether the coded data of a JPEG file are those of its whole picture.

OpenCV hands out what libjpeg makes of damaged data, and what libjpeg complained of is only printed. But where the data
just end, without a marker, it gives nothing. So the coded data are decoded with a few bytes behind them, which has to
go well, or data are missing; and without their last bytes, which must not, or a broken code has put the decoder out of
step and it was done too soon. The first can be the picture itself (:func:`decode_without_end`), the second takes an
eighth of the size. On 1,500 damaged files of one scan this found what libjpeg complained of and nothing else. What
keeps in step shows as wrong pixels alone, and no decoder can know.

In a progressive file the scans cover one another and this cannot be asked of each; there FFmpeg says, where PyAV is
installed.
"""

import struct
from functools import cache
from importlib.util import find_spec

import cv2
import numpy as np

from leanpose.media.jpeg import Jpeg, Scan

MOST_SEGMENTS = 1000  # between restart markers; of a file with more only the last is looked at
_BEHIND = bytes(32)  # libjpeg looks 8 bytes ahead; zeros begin no code that there is not
_NEEDLESS = 4  # bytes; with the 8 that libjpeg looks ahead, a dozen more than are needed pass
_COPIED = 20_000_000  # bytes of a file that are copied while its picture is in memory
_WIDEST = 65_500  # pixels that libjpeg takes


def decode_without_end(data: bytes, jpeg: Jpeg) -> np.ndarray | None:
    """The picture, BGR uint8, (H, W, 3), upright, where that shows that no coded data are missing; else None."""
    plain = jpeg.whole and _in_one_scan(jpeg) and not jpeg.scans[0].restart
    if not plain or len(data) > _COPIED or not _says_when_data_end():
        return None
    return _decoded(b"".join((memoryview(data)[: jpeg.scans[0].end], _BEHIND)), cv2.IMREAD_COLOR)


def jpeg_damage(data: bytes, jpeg: Jpeg, complete: bool = False) -> str | None:
    """What is wrong with the coded data in words, None where nothing shows.

    Args:
        complete: whether none are known to be missing, by :func:`decode_without_end`.
    """
    if not jpeg.whole:
        return "it has no end"
    if not _in_one_scan(jpeg):
        return "broken codes" if _ffmpeg_objects(data) else None
    scan, (down, across) = jpeg.scans[0], jpeg.mcus
    interval = scan.restart or down * across
    expected = -(-down * across // interval)
    if scan.restarts + 1 != expected:
        return f"{scan.restarts} restart markers where {expected - 1} are needed"
    if not _says_when_data_end():
        return "broken codes" if _ffmpeg_objects(data) else None
    if expected == 1:
        return _damage_of(jpeg, memoryview(data)[scan.start : scan.end], jpeg.height, jpeg.width, complete)
    segments = _segments(data, scan)
    for number, segment in enumerate(segments if expected <= MOST_SEGMENTS else segments[-1:], start=1):
        last = number == expected or expected > MOST_SEGMENTS
        size = _size_of(jpeg, down * across - interval * (expected - 1) if last else interval)
        fault = None if size is None else _damage_of(jpeg, segment, *size)
        if fault is not None:
            return fault
    return None


def _in_one_scan(jpeg: Jpeg) -> bool:
    return jpeg.huffman_sequential and len(jpeg.scans) == 1 and jpeg.scans[0].components == len(jpeg.sampling)


def _damage_of(jpeg: Jpeg, coded: bytes | memoryview, height: int, width: int, complete: bool = False) -> str | None:
    frame = jpeg.frame[:5] + struct.pack(">HH", height, width) + jpeg.frame[9:]
    head = b"\xff\xd8" + jpeg.tables + frame + jpeg.scans[0].header
    if not complete and _small(b"".join((head, coded, _BEHIND))) is None:
        return "coded data are missing"
    if _small(b"".join((head, coded[:-_NEEDLESS]))) is not None:
        return "more coded data than the picture takes"
    return None


def _size_of(jpeg: Jpeg, mcus: int) -> tuple[int, int] | None:
    """Height and width of a picture with that many MCUs; None where none has as many."""
    (height, width), across = jpeg.mcu_hw, jpeg.mcus[1]
    if mcus % across == 0:
        return mcus // across * height, across * width
    return (height, mcus * width) if mcus * width <= _WIDEST else None


def _segments(data: bytes, scan: Scan) -> list[bytes]:
    """What lies between restart markers."""
    coded, parts, at = data[scan.start : scan.end], [], 0
    for number in range(scan.restarts):
        end = coded.find(bytes((0xFF, 0xD0 + number % 8)), at)
        if end < 0:  # markers out of their order
            break
        parts.append(coded[at:end])
        at = end + 2
    return [*parts, coded[at:]]


def _small(data: bytes) -> np.ndarray | None:
    return _decoded(data, cv2.IMREAD_REDUCED_GRAYSCALE_8)


def _decoded(data: bytes, flag: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None


@cache
def _says_when_data_end() -> bool:
    """Whether this OpenCV does; version 4 fills up the picture."""
    noise = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    return _small(data[:-2] + _BEHIND) is not None and _small(data[:-100]) is None


def _ffmpeg_objects(data: bytes) -> bool:
    if find_spec("av") is None:
        return False
    from av import CodecContext, Packet
    from av.error import FFmpegError, InvalidDataError

    try:
        context = CodecContext.create("mjpeg", "r")
        context.options = {"err_detect": "explode"}
        for packet in (Packet(data), None):
            context.decode(packet)  # type: ignore[attr-defined]
    except InvalidDataError:
        return True
    except FFmpegError:  # a kind of JPEG that it does not read
        return False
    return False
