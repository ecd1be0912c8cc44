"""Poses out of files that :mod:`leanpose.pose.formats` wrote: the JSON schema, and JSON lines."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leanpose.core.bounded import read_bytes
from leanpose.core.errors import PosesError
from leanpose.pose.formats import document_fields, image_fields, parse_json, read_header
from leanpose.pose.poses import Poses

MOST_LINE = 100_000_000  # bytes; a thousand people take a megabyte


def from_document(document: Any) -> list[Poses]:
    """The images of a document made by :func:`leanpose.pose.formats.to_document`.

    Raises:
        PosesError: when the document is of another schema or version, or a field is missing or does not fit.
    """
    return [Poses.from_fields(fields, f"images[{i}].") for i, fields in enumerate(document_fields(document))]


def read_json(path: str | os.PathLike[str]) -> list[Poses]:
    """The poses in a JSON file written by :func:`leanpose.pose.formats.write_json`.

    Raises:
        PosesError: when the file cannot be read, is not JSON, or holds something else. The message names the file.
    """
    data = read_bytes(path, PosesError)
    try:
        return from_document(parse_json(data))
    except PosesError as error:
        raise PosesError(f"{path}: {error}") from error


def read_json_lines(path: str | os.PathLike[str]) -> Iterator[Poses]:
    """The poses in a file of JSON lines: a first line as :func:`leanpose.pose.formats.header` makes it, then one
    :func:`~leanpose.pose.formats.image_entry` each.

    A last line that does not end in a line break, for it is still being written or was cut off, is left out.

    Raises:
        PosesError: when the file cannot be read, or a line holds something else. The message names file and line.
    """
    try:
        with Path(path).open("rb") as file:
            number, skeleton = 0, None
            try:
                for number, line in enumerate(iter(lambda: file.readline(MOST_LINE + 1), b""), 1):
                    if len(line) > MOST_LINE:
                        raise PosesError(f"over {MOST_LINE:,} bytes, more than a frame needs")
                    if number == 1:
                        skeleton = read_header(parse_json(line))
                    elif skeleton is None:
                        raise PosesError("skeleton: None is not of the kind that belongs here")
                    elif line.endswith(b"\n"):
                        yield Poses(**image_fields(parse_json(line), skeleton))
            except PosesError as error:
                raise PosesError(f"{path}, line {number}: {error}") from error
            if not number:
                raise PosesError(f"{path}: empty, 0 bytes")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise PosesError(f"cannot read {path!s:.200}: {getattr(error, 'strerror', None) or error}") from error
