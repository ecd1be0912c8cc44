"""The structure of a JPEG file (ITU T.81, annex B): its frame, its tables, and where the coded data of scans lie."""

import struct
from dataclasses import dataclass, field

import numpy as np

_AT_ONCE = 1 << 18  # bytes that are searched for the end of a scan
_RESTARTS = [bytes((0xFF, 0xD0 + i)) for i in range(8)]
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_TABLES = (0xC4, 0xCC, 0xDB)
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))


@dataclass(frozen=True)
class Scan:
    """The coded data of a scan, with its restart markers: bytes ``start`` to ``end`` of the file.

    Attributes:
        header: its start-of-scan segment.
        components: how many are interleaved in it.
        restart: MCUs from one restart marker to the next; 0 where there are none.
        restarts: how many restart markers it has.
    """

    start: int
    end: int
    header: bytes
    components: int
    restart: int
    restarts: int


@dataclass
class Jpeg:
    """What the markers say.

    Attributes:
        height, width: in pixels, as stored.
        kind: second byte of the start-of-frame marker.
        sampling: of each component its horizontal and vertical factor.
        frame: the start-of-frame segment.
        tables: the segments of all tables, in their order.
        scans: in the order of the file.
        whole: whether the file has an end marker.
    """

    height: int = 0
    width: int = 0
    kind: int = 0
    sampling: tuple[tuple[int, int], ...] = ()
    frame: bytes = b""
    tables: bytes = b""
    scans: list[Scan] = field(default_factory=list)
    whole: bool = False

    @property
    def progressive(self) -> bool:
        return self.kind in _PROGRESSIVE

    @property
    def huffman_sequential(self) -> bool:
        return self.kind in _HUFFMAN_SEQUENTIAL

    @property
    def samples(self) -> float:
        """Values of all components for each pixel, such as 1.5 of a picture whose colours have half its size."""
        most = max(h for h, _ in self.sampling) * max(v for _, v in self.sampling)
        return sum(h * v for h, v in self.sampling) / most

    @property
    def mcu_hw(self) -> tuple[int, int]:
        """Height and width in pixels of an MCU of the scan that holds all components."""
        if len(self.sampling) == 1:
            return 8, 8
        return 8 * max(v for _, v in self.sampling), 8 * max(h for h, _ in self.sampling)

    @property
    def mcus(self) -> tuple[int, int]:
        """Such MCUs from top to bottom and from left to right."""
        height, width = self.mcu_hw
        return -(-self.height // height), -(-self.width // width)


def read_jpeg(data: bytes) -> Jpeg:
    """Walks the markers as libjpeg does.

    Raises:
        ValueError: where the markers make no picture, or a segment is longer than the file.
    """
    jpeg, at, restart = Jpeg(), 2, 0
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            break
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            jpeg.whole = True
            break
        if at + 4 > len(data):
            break
        length = struct.unpack_from(">H", data, at + 2)[0]
        body, after = at + 4, at + 2 + length
        if length < 2 or after > len(data):
            raise ValueError(f"segment FF{marker:02X} says {length} bytes, {len(data) - at - 2} are left")
        if marker in _START_OF_FRAME:
            _read_frame(jpeg, marker, data[at:after])
        elif marker in _TABLES:
            jpeg.tables += data[at:after]
        elif marker == 0xDD:
            restart = struct.unpack_from(">H", data, body)[0]
        elif marker == 0xDA:
            if not jpeg.kind or length < 3:
                raise ValueError("no frame before the scan")
            end = _scan_end(data, after)
            restarts = sum(data.count(mark, after, end) for mark in _RESTARTS) if restart else 0
            jpeg.scans.append(Scan(after, end, data[at:after], data[body], restart, restarts))
            after = end
        at = after
    if not jpeg.scans:
        raise ValueError("no scan")
    return jpeg


def _scan_end(data: bytes, at: int) -> int:
    """Where coded data end. In them FF is before 00, or a restart marker; before any other it may be repeated."""
    first = at
    while at < len(data):
        part = np.frombuffer(data, np.uint8, min(_AT_ONCE, len(data) - at), at)
        starts = np.flatnonzero(part[:-1] == 0xFF)
        second = part[starts + 1]
        markers = np.flatnonzero((second != 0x00) & (second != 0xFF) & (second & 0xF8 != 0xD0))
        if len(markers):
            end = at + int(starts[markers[0]])
            while end > first and data[end - 1] == 0xFF:
                end -= 1
            return end
        at += max(len(part) - 1, 1)
    return len(data)


def _read_frame(jpeg: Jpeg, marker: int, segment: bytes) -> None:
    if jpeg.kind:
        raise ValueError("two frames")
    _, jpeg.height, jpeg.width, components = struct.unpack_from(">BHHB", segment, 4)
    if not 1 <= components <= 4 or len(segment) < 10 + 3 * components:
        raise ValueError("a frame without its components")
    jpeg.kind, jpeg.frame = marker, segment
    jpeg.sampling = tuple((segment[11 + 3 * i] >> 4, segment[11 + 3 * i] & 15) for i in range(components))
    if not all(1 <= factor <= 4 for pair in jpeg.sampling for factor in pair):
        raise ValueError("sampling factors that no picture has")
