"""Files that are whole or not there: a reader never meets half of one, not even after a crash."""

import os
from contextlib import suppress
from pathlib import Path

from leanpose.errors import LeanposeError


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
