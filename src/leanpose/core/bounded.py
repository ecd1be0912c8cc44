"""Reading files that anybody may have made: never more bytes, values or depth than a file of its kind has use for.

Whatever is wrong comes out as the typed error that the caller names, with the file's name; neither a deep nest of
brackets nor a number of thousands of digits, nor an archive that unpacks to terabytes, ends in anything else.
"""

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import LeanposeError

SMALL = 4_000_000  # bytes of what people write: cards, skeletons, descriptions
LABELS = 1_000_000_000  # bytes of what programs write: COCO's largest annotation file has 449 million
MOST_VALUES = 150_000_000  # in one JSON document
MOST_DIGITS = 310  # of a whole number; the largest float has 309


def read_bytes(path: str | os.PathLike[str], error: type[LeanposeError], limit: int = LABELS) -> bytes:
    """What a regular file holds.

    Raises:
        error: when it cannot be read, is none, or is over ``limit`` bytes.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise error(f"{path}: not a regular file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(limit + 1) if size <= limit else b""
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        raise error(f"{path!s:.200}: cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    if max(size, len(data)) > limit:
        raise error(f"{path}: over {limit:,} bytes, more than such a file needs: is it the right one?")
    return data


def read_text(
    path: str | os.PathLike[str], error: type[LeanposeError], limit: int = LABELS, encoding: str = "utf-8-sig"
) -> str:
    """What a text file holds; errors as :func:`read_bytes`, and for bytes that are no text."""
    try:
        return read_bytes(path, error, limit).decode(encoding)
    except UnicodeDecodeError as cause:
        raise error(f"{path}: not a text in UTF-8: {cause}") from cause


def parse_json(text: str | bytes, error: type[LeanposeError], where: str = "", any_digits: bool = False) -> Any:
    """JSON text as Python objects.

    Args:
        where: name of the file, for messages.
        any_digits: whether whole numbers may be larger than every float, of up to 4,300 digits: for files whose entries
            are looked at one by one, and left out.

    Raises:
        error: when it is none, is nested too deeply, or has too many values or digits.
    """
    prefix = f"{where}: " if where else ""
    marks = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    if len(text) > MOST_VALUES and sum(text.count(mark) for mark in marks) > MOST_VALUES:  # type: ignore[arg-type]
        raise error(f"{prefix}over {MOST_VALUES:,} values, more than such a file needs: is it the right one?")
    try:
        return json.loads(text) if any_digits else json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError, MemoryError) as cause:  # ValueError: also bytes that are no UTF-8
        raise error(f"{prefix}not JSON: {str(cause) or 'too large':.200}") from cause


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def read_arrays(
    path: str | os.PathLike[str], error: type[LeanposeError], limit: int = LABELS
) -> Mapping[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name, without pickle.

    Raises:
        error: when it cannot be read, is no such file, unpacks to over ``limit`` bytes, or an array says that it has
            more than there is.
    """
    path = Path(path)
    try:
        path.open("rb").close()
    except (OSError, ValueError) as cause:
        raise error(f"{path!s:.200}: cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > 1000 or sum(member.file_size for member in members) > limit:
                raise error(f"{path}: unpacks to over {limit:,} bytes, or more than 1,000 arrays: is it the right one?")
            return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except (
        OSError, EOFError, ValueError, TypeError, LookupError, MemoryError, NotImplementedError, RuntimeError,
        SyntaxError, OverflowError, struct.error, zlib.error, zipfile.BadZipFile,
    ) as cause:  # fmt: skip
        raise error(f"{path}: not a file of arrays, or a damaged one: {cause!s:.200}") from cause


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(file)
    size = dtype.itemsize
    for side in shape:  # in Python, whose numbers do not overflow
        size *= int(side)
    if dtype.hasobject or any(side < 0 for side in shape) or size > member.file_size:
        raise ValueError(f"{member.filename} says {size:,} bytes, {member.file_size:,} are there")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
