"""A folder for what can be computed again: compiled networks.

A file there that is damaged, of another version or not readable counts as absent, and one that cannot be written is
not: the cache never stands in the way. ``LEANPOSE_CACHE`` moves the folder, and ``LEANPOSE_CACHE=0`` turns it off.
"""

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from leanpose.core.errors import LeanposeError
from leanpose.core.files import write_whole

FILES = 32  # kept; those not used for the longest time go
_SUFFIX = ".cached"


def cache_folder() -> Path | None:
    """Where compiled networks are kept, or ``None`` where nothing is to be kept."""
    chosen = os.environ.get("LEANPOSE_CACHE")
    if chosen == "0":
        return None
    if chosen:
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError:  # nobody's
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "leanpose" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "leanpose"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "leanpose"


def read_cached(*key: object) -> bytes | None:
    """What was kept under the key, whole, or ``None``."""
    path = _path(key)
    if path is None:
        return None
    try:
        content = path.read_bytes()
        path.touch()
    except OSError:
        return None
    content, checksum = content[:-32], content[-32:]
    return content if sha256(content).digest() == checksum else None


def write_cached(content: bytes, *key: object) -> None:
    """Keep it under the key, if that is possible; another process sees all of it or nothing."""
    path = _path(key)
    if path is None:
        return
    with suppress(OSError, LeanposeError):
        write_whole(path, content + sha256(content).digest())
        files = sorted(path.parent.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime)
        for old in files[:-FILES]:
            old.unlink(missing_ok=True)


def _path(key: tuple[object, ...]) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / (sha256(repr(key).encode()).hexdigest()[:40] + _SUFFIX)
