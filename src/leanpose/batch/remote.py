"""Files at addresses, such as ``s3://bucket/folder``, through fsspec."""

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from leanpose.batch.shard import Entry
from leanpose.core.errors import BatchError, ImageError, VideoError
from leanpose.media.images import IMAGE_SUFFIXES, MAX_PIXELS
from leanpose.media.sources import VIDEO_SUFFIXES

MAGIC = re.compile(r"[*?\[]")
CAMERAS = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "mms")  # which have no end
LARGEST = 10 * MAX_PIXELS  # bytes of a picture, as leanpose.media.images reads them


def is_address(source: str) -> bool:
    """Whether a source is an address, and no path."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", source) is not None


def kind_by_name(path: str) -> Any:
    """``"image"``, ``"video"`` or ``None``, by the suffix alone."""
    suffix = PurePosixPath(path.lower()).suffix
    return "image" if suffix in IMAGE_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else None


def list_address(source: str, recursive: bool) -> Iterator[Entry]:
    """The pictures and videos at an address: a file, a folder, or a pattern.

    Raises:
        BatchError: when it cannot be reached, or nothing is there.
    """
    system, path = _open(source)
    scheme = source.partition("://")[0]
    try:
        if MAGIC.search(path):
            found = iter(system.glob(path, detail=True).values())
        elif system.isfile(path):
            found = iter([system.info(path)])
        else:
            found = _walk(system, path, recursive)
        for info in found:
            if info.get("type") == "file" and (kind := kind_by_name(info["name"])):
                yield Entry(f"{scheme}://{info['name'].lstrip('/')}", kind, info.get("size"), _time(info))
    except BatchError:
        raise
    except Exception as error:  # each of fsspec's file systems has errors of its own, of no common kind
        raise BatchError(f"{source}: cannot be listed ({_short(error)}): look at the address and the rights") from error


def _walk(system: Any, path: str, recursive: bool) -> Iterator[dict[str, Any]]:
    for number, (_, _, files) in enumerate(system.walk(path, detail=True)):
        if number and not recursive:
            return
        yield from files.values()


def read_address(path: str, size: int | None) -> bytes:
    """The bytes of a picture; raises ImageError."""
    if size is not None and size > LARGEST:
        raise ImageError(f"{path}: {size:,} bytes are over the limit of {LARGEST:,} for a picture")
    try:
        system, inside = _open(path)
        return system.cat_file(inside, start=0, end=LARGEST + 1)
    except Exception as error:  # as above
        raise ImageError(f"{path}: cannot be read: {_short(error)}") from error


@contextmanager
def fetched(path: str) -> Iterator[str]:
    """A video as a file of this machine, while the ``with`` block lasts; in TMPDIR.

    Raises:
        VideoError: when it cannot be fetched.
    """
    with TemporaryDirectory(prefix="leanpose-batch-") as folder:
        place = f"{folder}/{PurePosixPath(path).name}"
        try:
            system, inside = _open(path)
            system.get_file(inside, place)
        except Exception as error:  # as above
            raise VideoError(f"{path}: cannot be fetched: {_short(error)}") from error
        yield place


def _open(source: str) -> tuple[Any, str]:
    import fsspec

    if source.partition("://")[0].lower() in CAMERAS:
        raise BatchError(f"{source}: a live stream has no end: use leanpose predict")
    try:
        return fsspec.core.url_to_fs(source)
    except (ImportError, ValueError) as error:  # whose words say which package the kind of address needs
        raise BatchError(f"{source}: {error}; of s3:// addresses the package is s3fs") from error


def _time(info: dict[str, Any]) -> int | None:
    for name in ("LastModified", "mtime", "last_modified", "updated"):
        value = info.get(name)
        if isinstance(value, datetime.datetime):
            return int(value.timestamp() * 1e9)
        if isinstance(value, (int, float)):
            return int(value * 1e9)
    return None


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300].strip(": ")
