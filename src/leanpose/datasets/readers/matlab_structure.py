"""What a MATLAB file of version 5 declares, held against its bytes before SciPy reads it (MAT-File Format, MathWorks).

SciPy unpacks whatever there is, goes into cells within cells until the stack ends, makes as many objects as a structure
without fields says it has, and crashes (1.17) on an element whose type is none. So the one variable that is wanted is
unpacked here, within a limit, and walked through as SciPy reads it: each element is of a kind that belongs there and
fills its place exactly, or ValueError says where it does not.
"""

import math
import struct
import zlib
from collections.abc import Collection

MOST_BYTES = 500_000_000  # unpacked; MPII's release has 2.6 million arrays of about 64 bytes
MOST_ARRAYS = 5_000_000  # in cells and structures, each of which becomes an object
DEEPEST = 30  # MPII's release has 7 levels
_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMBERS = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 12, 13))
_LETTERS = frozenset((1, 2, 4, 16, 17, 18))
_CELL, _STRUCTURE, _OBJECT, _TEXT, _NUMERIC = 1, 2, 3, 4, range(6, 16)  # classes
_COMPLEX = 0x800


def variable_alone(data: bytes, name: str) -> bytes | None:
    """A file that has one variable of another, unpacked; None where it has no such variable.

    Raises:
        ValueError: when it is no MATLAB file of version 5, declares what is not there, or is over the limits.
        struct.error, zlib.error: when it ends early, or what is packed is damaged.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    version = None if order is None else struct.unpack_from(order + "H", data, 124)[0] >> 8
    if version == 2:
        raise ValueError("it is of version 7.3, which is HDF5: save it with -v7 in MATLAB")
    if order is None or version != 1:
        raise ValueError("no header of a MATLAB file of version 5 to 7")
    at, unpacked = _HEADER, 0
    while at < len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        at += 8
        if size == 0 or at + size > len(data):
            raise ValueError(f"a variable says {size:,} bytes, {len(data) - at:,} are left")
        if kind == _COMPRESSED:
            element = _unpacked(data[at : at + size], MOST_BYTES - unpacked)
        else:
            element = data[at - 8 : at + size]
        at, unpacked = at + size, unpacked + len(element)
        walk = _Walk(element, order)
        if walk.name() == name:
            walk.through()
            return data[:_HEADER] + element
    return None


def _unpacked(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj()
    element = unpacker.decompress(data, max(limit, 0) + 1)
    if len(element) > limit:
        raise ValueError(f"it unpacks to over {MOST_BYTES:,} bytes")
    if not unpacker.eof:
        raise ValueError("what is packed in it ends early")
    return element


class _Walk:
    """Through a variable, which is a matrix with its tag."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data, self._arrays = data, 0
        self._word, self._words = struct.Struct(order + "I"), struct.Struct(order + "II")
        self._order = order

    def name(self) -> str:
        return self._matrix_head(0, len(self._data))[2]

    def through(self) -> None:
        if self._matrix(0, len(self._data), 1) != len(self._data):
            raise ValueError("bytes behind the array that are not its own")

    def _matrix(self, at: int, end: int, depth: int) -> int:
        """Where the matrix ends that begins there."""
        self._arrays += 1
        if self._arrays > MOST_ARRAYS or depth > DEEPEST:
            raise ValueError(f"over {MOST_ARRAYS:,} arrays, or over {DEEPEST} within one another")
        kind, size = self._words.unpack_from(self._data, at)
        if kind != _MATRIX or at + 8 + size > end:
            raise ValueError(f"no array of {size:,} bytes at {at:,}")
        if size == 0 and depth > 1:
            return at + 8
        flags, count, _, inner, end = self._matrix_head(at, end)
        kind = flags & 0xFF
        if kind in (_CELL, _STRUCTURE, _OBJECT):
            if kind == _OBJECT:
                inner = self._element(inner, end, (_INT8,))[2]
            if kind != _CELL:
                fields, inner = self._fields(inner, end)
                if count > max((end - inner) // 8, 1):
                    raise ValueError(f"{count:,} structures in {end - inner:,} bytes at {at:,}")
                count *= fields
            for _ in range(count):
                inner = self._matrix(inner, end, depth + 1)
        elif kind == _TEXT:
            inner = self._element(inner, end, _LETTERS)[2]
        elif kind in _NUMERIC:
            for _ in range(2 if flags & _COMPLEX else 1):
                inner = self._element(inner, end, _NUMBERS)[2]
        else:
            raise ValueError(f"an array of class {kind}, which is neither numbers, text, cells nor structures")
        if inner != end:
            raise ValueError(f"an array of {size:,} bytes at {at:,} whose parts take {size - end + inner:,}")
        return end

    def _matrix_head(self, at: int, end: int) -> tuple[int, int, str, int, int]:
        """Its flags, how many entries it has, its name, and where it goes on and ends."""
        kind, size = self._words.unpack_from(self._data, at)
        if kind != _MATRIX or at + 8 + size > end:
            raise ValueError(f"no array of {size:,} bytes at {at:,}")
        end = at + 8 + size
        if self._words.unpack_from(self._data, at + 8) != (_UINT32, 8):
            raise ValueError(f"an array without its kind at {at:,}")
        flags = self._word.unpack_from(self._data, at + 16)[0]
        start, length, after = self._element(at + 24, end, (_INT32, _UINT32))
        if length % 4 or not 0 < length <= 128:
            raise ValueError(f"{length // 4} dimensions at {at:,}")
        sides = struct.unpack_from(f"{self._order}{length // 4}i", self._data, start)
        if min(sides) < 0:
            raise ValueError(f"a side of {min(sides)} at {at:,}")
        start, length, after = self._element(after, end, (_INT8,))
        return flags, math.prod(sides), self._data[start : start + length].decode("latin1"), after, end

    def _fields(self, at: int, end: int) -> tuple[int, int]:
        """How many fields a structure has, and where their values begin."""
        start, length, at = self._element(at, end, (_INT32,))
        longest = self._word.unpack_from(self._data, start)[0] if length == 4 else 0
        start, length, at = self._element(at, end, (_INT8,))
        if not 0 < longest <= 64 or length % longest:
            raise ValueError(f"{length:,} bytes for names of {longest:,}")
        return length // longest, at

    def _element(self, at: int, end: int, kinds: Collection[int]) -> tuple[int, int, int]:
        """Where its data begin, how many bytes they are, and where the next one begins."""
        kind, size = self._words.unpack_from(self._data, at)
        if kind >> 16:  # a small one: four bytes at most, within the tag
            start, kind, size, after, room = at + 4, kind & 0xFFFF, kind >> 16, at + 8, 4
        else:
            start, after, room = at + 8, at + 8 + size + -size % 8, size
        if size > room or after > end:
            raise ValueError(f"{size:,} bytes at {at:,}, where {min(room, end - start):,} are left")
        if kind not in kinds:
            raise ValueError(f"an element of type {kind} at {at:,}, which does not belong there")
        return start, size, after
