"""Files and folders that are whole or not there: a reader never meets half of one, not even after a crash.

What is written stands beside its place, as ``.NAME.HOST-PROCESS-NUMBER.part``, until it is moved there in one step.
What killed processes have left is taken away by the next one that writes into the same folder.
"""

import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from leanpose.core.errors import LeanposeError

STUB = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-\d+\.(?P<kind>part|old)")
FOREIGN = 86_400.0  # seconds after which what another machine left untouched is taken for left over
_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_numbers = count()
_cleared: set[Path] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cleared.clear)


def write_whole(
    path: str | os.PathLike[str], data: bytes, error: type[LeanposeError] = LeanposeError, durable: bool = False
) -> None:
    """Writes ``data`` beside ``path`` and moves it there in one step, over what was there; makes missing folders.

    Args:
        durable: wait until the disk has it, so that not even a power cut leaves less than the old or the new file.

    Raises:
        error: when the file cannot be written. What stood at ``path`` before is then still there.
    """
    path = Path(path)
    # Not tempfile: its files are readable by their owner alone, and os.replace would keep them so.
    beside = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        if durable:
            to_disk(beside)
        os.replace(beside, path)
        if durable:
            to_disk(path.parent)
    except OSError as cause:
        with suppress(OSError):  # such as a folder that is a file
            beside.unlink()
        raise error(f"cannot write {path}: {cause.strerror}; choose another place or make room") from cause


def part_of(path: Path) -> Path:
    """Where a file or folder stands until it takes its place; takes away what killed processes left beside it."""
    clear_stubs(path.parent)
    return path.with_name(f".{path.name}.{_HOST}-{os.getpid()}-{next(_numbers)}.part")


def partial_of(path: Path) -> Path:
    """Where results stand that are not complete: ``NAME.partial.json`` beside ``NAME.json``."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def put_in_place(part: Path, path: Path, complete: bool) -> Path:
    """Moves a file to ``path``, or, if it is not complete and older results stand there, beside them.

    Returns:
        where it is now: ``path``, or that of :func:`partial_of`.
    """
    place = path if complete or not path.exists() else partial_of(path)
    os.replace(part, place)
    return place


def replace_folder(part: Path, path: Path) -> None:
    """Moves a folder that :func:`part_of` named to ``path``, over the folder that is there; raises OSError."""
    if path.is_dir() and any(path.iterdir()):
        old = part.with_suffix(".old")
        os.replace(path, old)
        os.replace(part, path)
        shutil.rmtree(old)
        return
    with suppress(FileNotFoundError):
        path.rmdir()
    os.replace(part, path)


def to_disk(path: Path) -> None:
    """Waits until what is in a file, or which files are in a folder, has reached the disk; raises OSError."""
    if path.is_dir() and os.name == "nt":  # no folder can be opened there
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def clear_stubs(folder: Path) -> None:
    """Takes away, once per folder and process, what processes that are no more were about to write there.

    A folder that one of them had moved aside to put another in its place, and had not yet, goes back.
    """
    folder = folder.absolute()
    if folder in _cleared:
        return
    _cleared.add(folder)
    try:
        stubs = [(path, match) for path in folder.iterdir() if (match := STUB.fullmatch(path.name))]
    except OSError:
        return
    for path, match in stubs:
        with suppress(OSError):
            if match["host"] != _HOST:
                if time.time() - path.stat().st_mtime < FOREIGN:
                    continue
            elif _runs(int(match["process"])):
                continue
            place = path.with_name(match["name"])
            if match["kind"] == "old" and not place.exists():
                os.replace(path, place)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _runs(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it; what is left there stays
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return True


@contextmanager
def whole_folder(
    path: Path, marker: str, overwrite: bool = False, error: type[LeanposeError] = LeanposeError
) -> Iterator[Path]:
    """A new folder to write into, which becomes ``path`` in one step at the end; after an error it is gone.

    Args:
        marker: name of a file that such folders hold. Only a folder that has it, or an empty one, is ever replaced.
        overwrite: whether to replace a folder with that file.

    Raises:
        error: when ``path`` is taken, or something in the folder cannot be written.
    """
    check_free(path, marker, overwrite, error)
    beside = part_of(path.absolute())
    try:
        beside.mkdir(parents=True)
        yield beside
        replace_folder(beside, path)
    except OSError as cause:
        raise error(f"cannot write {path}: {cause.strerror}; choose another place or make room") from cause
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(path: Path, marker: str, overwrite: bool, error: type[LeanposeError] = LeanposeError) -> None:
    """Raises ``error`` where :func:`whole_folder` would; to ask before long work."""
    clear_stubs(path.absolute().parent)
    if path.exists() and not path.is_dir():
        raise error(f"{path} is a file: choose a folder")
    if path.is_dir() and any(path.iterdir()):
        if not (path / marker).is_file():
            raise error(f"{path} holds other files: choose a new or empty folder")
        if not overwrite:
            raise error(f"{path} is not empty: choose another folder, or --overwrite to replace it")
