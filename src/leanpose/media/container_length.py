"""Whether a video file is as long as its container says: what was cut off at its end mostly plays without an error."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_MOST_BOXES = 100_000


def missing_bytes(path: Path) -> int:
    """How many bytes the outermost blocks of an MP4, QuickTime or Matroska file reach beyond its end; 0 where none
    does, where a file does not say, and of other formats.

    Raises:
        OSError: when it cannot be read.
    """
    with path.open("rb") as file:
        return missing_in(file)


def missing_in(file: BinaryIO) -> int:
    """What :func:`missing_bytes` says, of a file that is open."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return max(_matroska_end(file) - size, 0)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return max(_boxes_end(file, size) - size, 0)
    return 0


def index_in_front(head: bytes) -> bool:
    """Whether an MP4 or QuickTime file, by its first bytes, has its index before its pictures."""
    at = 0
    while at + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, at)
        if kind in (b"moov", b"mdat") or length < 8:
            return kind == b"moov"
        at += length
    return False


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last box ends. A box of 0 bytes reaches to the end, and what is no box is none."""
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or not (head[4:8].isascii() and head[4:8].decode().isprintable()):
            return at
        length = struct.unpack_from(">I", head)[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, 8)[0]
        if length < 8:
            return at
        at += length
        if at >= size:
            break
    return at


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends, 0 where it does not say, as that of a live recording."""
    for _ in range(2):
        kind, length = _number(file, marker=True), _number(file)
        if kind is None or length is None:
            return 0
        if kind == _SEGMENT:
            return file.tell() + length
        if kind != _EBML:
            return 0
        file.seek(length, os.SEEK_CUR)
    return 0


def _number(file: BinaryIO, marker: bool = False) -> int | None:
    """A number of 1 to 8 bytes, whose leading zeros say how many follow; None where it is not known."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 8 - first[0].bit_length()
    rest = file.read(count)
    if len(rest) < count:
        return None
    value = int.from_bytes(first + rest, "big")
    if marker:
        return value
    value &= (1 << 7 * (count + 1)) - 1
    return None if value == (1 << 7 * (count + 1)) - 1 else value
