"""Width and height of image files, from their headers where these are simple, as OpenCV would decode them.

Decoding a hundred thousand images only to learn their sizes would take half an hour.
"""

import struct
from pathlib import Path

from leanpose.core.errors import DatasetError, ImageError
from leanpose.media.images import read_image

HEADER = 1 << 16  # bytes; an EXIF block may fill nearly all of it

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers
_TURNED = range(5, 9)  # EXIF orientations that lie on their side


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, after the rotation that the file asks for.

    Raises:
        DatasetError: when the file cannot be read or is no image.
    """
    try:
        with path.open("rb") as file:
            header = file.read(HEADER)
            size = _png_size(header) or _jpeg_size(header)
        image = None if size else read_image(path, lenient=True, thorough=False).image
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except ImageError as error:
        raise DatasetError(f"{path}: not a readable image: {error}") from error
    return size if image is None else (image.shape[0], image.shape[1])  # type: ignore[return-value]


def _png_size(header: bytes) -> tuple[int, int] | None:
    if header[:8] != b"\x89PNG\r\n\x1a\n" or header[12:16] != b"IHDR" or len(header) < 24 or b"eXIf" in header:
        return None
    width, height = struct.unpack(">II", header[16:24])
    return (height, width) if width and height else None


def _jpeg_size(header: bytes) -> tuple[int, int] | None:
    """None also where the header is longer than what was read, or damaged: decoding then has the last word."""
    position, turned = 2, False
    while header[:2] == b"\xff\xd8" and header[position : position + 1] == b"\xff" and position + 9 <= len(header):
        marker, length = header[position + 1], int.from_bytes(header[position + 2 : position + 4], "big")
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", header[position + 5 : position + 9])
            size = (width, height) if turned else (height, width)
            return size if all(size) else None
        segment = header[position + 4 : position + 2 + length]
        if marker == 0xE1 and segment[:6] == b"Exif\0\0":
            orientation = _orientation(segment[6:])
            if orientation is None:
                return None
            turned = orientation in _TURNED
        position += 2 + length
    return None


def _orientation(exif: bytes) -> int | None:
    """The orientation in a TIFF block; 1 where it has none, None where it is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return None
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return None
    (entries,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if tag == 0x0112:
            return value if kind == 3 and count == 1 and 1 <= value <= 8 else None
    return 1
