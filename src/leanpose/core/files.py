"""Files and folders that are whole or not there: a reader never meets half of one, not even after a crash."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leanpose.core.errors import LeanposeError


def write_whole(path: str | os.PathLike[str], data: bytes, error: type[LeanposeError] = LeanposeError) -> None:
    """Writes ``data`` beside ``path`` and moves it there in one step, over what was there; makes missing folders.

    Raises:
        error: when the file cannot be written. What stood at ``path`` before is then still there.
    """
    path = Path(path)
    # Not tempfile: its files are readable by their owner alone, and os.replace would keep them so.
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as cause:
        with suppress(OSError):  # such as a folder that is a file
            beside.unlink()
        raise error(f"cannot write {path}: {cause.strerror}; choose another place or make room") from cause


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
    beside = path.absolute().with_name(f".{path.absolute().name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
        yield beside
        if path.is_dir() and any(path.iterdir()):
            old = beside.with_suffix(".old")
            os.replace(path, old)
            os.replace(beside, path)
            shutil.rmtree(old)
        else:
            with suppress(FileNotFoundError):
                path.rmdir()
            os.replace(beside, path)
    except OSError as cause:
        raise error(f"cannot write {path}: {cause.strerror}; choose another place or make room") from cause
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(path: Path, marker: str, overwrite: bool, error: type[LeanposeError] = LeanposeError) -> None:
    """Raises ``error`` where :func:`whole_folder` would; to ask before long work."""
    if path.exists() and not path.is_dir():
        raise error(f"{path} is a file: choose a folder")
    if path.is_dir() and any(path.iterdir()):
        if not (path / marker).is_file():
            raise error(f"{path} holds other files: choose a new or empty folder")
        if not overwrite:
            raise error(f"{path} is not empty: choose another folder, or --overwrite to replace it")
