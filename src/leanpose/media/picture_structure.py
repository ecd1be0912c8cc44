"""What a picture file declares, held against its size before anything is decoded.

OpenCV reserves what a file declares: 91 bytes of PNG with a chunk that says it is 2 GB long take 2 GB. Each reader here
walks its format from block to block and raises ValueError, IndexError or struct.error where a block is longer than the
file, or makes no picture.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leanpose.media.jpeg import Jpeg, read_jpeg

MOST_SCANS = 100  # of a JPEG: libjpeg writes 10 progressive ones, and each goes over the whole picture
MOST_SCANNED = 3_000_000_000  # pixels times scans
_TWICE = 6  # bytes per pixel: the picture, and once more while OpenCV hands it out or turns it upright
_PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")  # eXIf says how it is turned
_MOST_PARTS = 1_000_000  # strips or tiles
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True)
class Structure:
    """What a file says of its picture.

    Attributes:
        height, width: in pixels, as stored.
        memory: bytes that decoding takes at most, besides the file.
        data: what is to be decoded: the file without what may be large and the picture does not need.
        fault: what is wrong with it in words, where something can be decoded all the same.
        jpeg: the markers, of a JPEG.
    """

    height: int
    width: int
    memory: int
    data: bytes
    fault: str | None = None
    jpeg: Jpeg | None = None


def _of(height: int, width: int, data: bytes, fault: str | None = None, per_pixel: int = _TWICE) -> Structure:
    if not (height > 0 and width > 0):
        raise ValueError(f"{width} x {height} pixels")
    return Structure(height, width, height * width * per_pixel, data, fault)


def _jpeg(data: bytes) -> Structure:
    jpeg = read_jpeg(data)
    pixels, scans = jpeg.height * jpeg.width, len(jpeg.scans)
    if scans > MOST_SCANS or (scans > 12 and pixels * scans > MOST_SCANNED):
        raise ValueError(f"{scans} scans over {pixels:,} pixels")
    kept = 2 * jpeg.samples if jpeg.progressive or scans > 1 else 0  # all coefficients, two bytes each, until the end
    memory = int(pixels * max(_TWICE, 3 + kept))
    fault = None if jpeg.whole else "it has no end"
    return Structure(jpeg.height, jpeg.width, memory, data, fault, jpeg)


def _png(data: bytes) -> Structure:
    size, parts, at, fault, ended = None, [data[:8]], 8, None, False
    while not ended:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError(f"chunk {kind!r} says {length} bytes, {len(data) - at - 8} are left")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise ValueError("no header at its start")
            size = struct.unpack_from(">II", data, at + 8)
        broken = zlib.crc32(memoryview(data)[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]
        if broken:
            fault = f"the checksum of chunk {kind.decode('ascii', 'replace')} is wrong"
        if kind in _PNG_NEEDED and not (broken and kind == b"eXIf"):  # texts and profiles may unpack to gigabytes
            parts.append(data[at:end])
        at, ended = end, kind == b"IEND"
    width, height = size or (0, 0)
    return _of(height, width, data if at == len(data) == sum(map(len, parts)) else b"".join(parts), fault)


def _gif(data: bytes) -> Structure:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, frames, fault = 13 + _colours(flags), 0, None
    while (kind := data[at]) != 0x3B:
        if kind == 0x21:
            at = _after_sub_blocks(data, at + 2)
        elif kind == 0x2C:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            if left + wide > width or top + high > height:
                raise ValueError(f"a frame of {wide} x {high} pixels that reaches over the picture")
            frames += 1
            at = _after_sub_blocks(data, at + 11 + _colours(flags))
        else:
            raise ValueError(f"a block of unknown kind {kind:02X}")
    if not frames:
        raise ValueError("no frame")
    return _of(height, width, data, fault, 8)


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += length + 1
    return at + 1


def _bmp(data: bytes) -> Structure:
    start, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # a negative one means rows from the top
    needed = start + (height * ((width * bits + 31) // 32 * 4) if compression in (0, 3, 6) else 0)
    if start < 14 or 14 + header > len(data) or needed > len(data):
        raise ValueError(f"{needed} bytes are needed, {len(data)} are there")
    return _of(height, width, data)


def _webp(data: bytes) -> Structure:
    length = struct.unpack_from("<I", data, 4)[0]
    if length + 8 > len(data):
        raise ValueError(f"says {length} bytes, {len(data) - 8} are left")
    size = _webp_size(data)
    at, end, per_pixel = 12, min(len(data), length + 8), _TWICE
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise ValueError(f"chunk {kind!r} says {length} bytes, {len(data) - at - 8} are left")
        if kind == b"ANIM":
            per_pixel = 14  # two canvases with transparency
        at += 8 + length + length % 2
    return _of(*size, data, None, per_pixel)


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
    elif chunk == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (n & 0x3FFF for n in struct.unpack_from("<HH", data, 26))
    return height, width


def _tiff(data: bytes) -> Structure:
    order = "<" if data[:2] == b"II" else ">"
    entries = _tiff_entries(data, order, struct.unpack_from(order + "I", data, 4)[0])
    values: dict[int, list[int]] = dict(entries)
    width, height = (values[tag][0] for tag in (256, 257))  # ImageWidth, ImageLength
    samples, bits = values.get(277, [1])[0], max(values.get(258, [1]))
    if samples > 64 or bits > 64:
        raise ValueError(f"{samples} samples of {bits} bits")
    if 322 in values:  # tiles
        wide, high = values[322][0], values[323][0]
    else:
        wide, high = width, min(values.get(278, [height])[0], height)
    for offsets, counts in ((273, 279), (324, 325)):
        for start, count in zip(values.get(offsets, ()), values.get(counts, ()), strict=False):
            if start + count > len(data):
                raise ValueError(f"{count} bytes of pixels at {start}, the file has {len(data)}")
    part = wide * high * max(samples, 3) * max(bits, 8) // 8  # a strip or tile as it is stored
    whole = _of(height, width, data)
    return Structure(height, width, whole.memory + part, data)


def _tiff_entries(data: bytes, order: str, at: int) -> Iterator[tuple[int, list[int]]]:
    """The tags of the first directory and their whole numbers, none of other kinds."""
    for entry in range(struct.unpack_from(order + "H", data, at)[0]):
        here = at + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(order + "HHI", data, here)
        size = _TIFF_SIZES.get(kind, 1) * count
        where = here + 8 if size <= 4 else struct.unpack_from(order + "I", data, here + 8)[0]
        if where + size > len(data):
            raise ValueError(f"tag {tag} says {size} bytes at {where}, the file has {len(data)}")
        if kind in (3, 4) and 0 < count <= _MOST_PARTS:  # SHORT and LONG
            yield tag, list(struct.unpack_from(f"{order}{count}{'H' if kind == 3 else 'I'}", data, where))


STRUCTURES: dict[str, Callable[[bytes], Structure]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WebP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": _tiff,
}
