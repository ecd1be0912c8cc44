"""What OpenCV, libtiff, libpng and libjpeg print while they decode: kept off the terminal, and read for damage.

They write to the process's standard error, past Python. In a program of somebody else that is theirs, so there only
OpenCV's log is silent for the moment. The command owns its process: there Python's own words have a way of their own to
the terminal (:mod:`leanpose.core.own_terminal`), and what else comes while a picture is decoded goes into a file.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import cv2

from leanpose.core.own_terminal import STANDARD_ERROR, own_terminal

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

MOST_READ = 1 << 16  # bytes of what was printed
# Of what libraries print these lines say that pixels are wrong, and OpenCV hands the picture out all the same:
_DAMAGE = re.compile(r"TIFF_Error (?P<tiff>.+)|Corrupt JPEG data: (?P<jpeg>(?:premature end|bad) .+)")


class _Lines:
    """What all threads of the process share.

    Attributes:
        inside: how many threads decode now.
        together: whether it was more than one since somebody last was alone.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside, self.together = 0, False
        self.level = 0

    def begin(self) -> None:
        with self.lock:
            self.inside += 1
            self.together = self.inside > 1
            if self.together:
                return
            own = own_terminal()
            if own is None:
                self.level = cv2.utils.logging.getLogLevel()
                cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            else:
                own.file.seek(0)
                own.file.truncate()
                os.dup2(own.file.fileno(), STANDARD_ERROR)

    def end(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.restore()

    def restore(self) -> None:
        own = own_terminal()
        if own is None:
            cv2.utils.logging.setLogLevel(self.level)
        else:
            os.dup2(own.terminal, STANDARD_ERROR)

    def in_child(self) -> None:
        """A forked process has none of the threads that decode."""
        self.lock = threading.Lock()
        if self.inside:
            self.inside = 0
            self.restore()


_lines = _Lines()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lines.in_child)


@contextmanager
def silent_decoders() -> Iterator[None]:
    """Inside the ``with`` block decoders print nothing that anybody sees; where the process is not the command's,
    libpng and libjpeg still do."""
    _lines.begin()
    try:
        yield
    finally:
        _lines.end()


def silently(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """The function, run within :func:`silent_decoders`."""

    @wraps(function)
    def within(*args: Given.args, **options: Given.kwargs) -> Answer:
        with silent_decoders():
            return function(*args, **options)

    return within


@contextmanager
def log_for_all() -> Iterator[None]:
    """Inside the ``with`` block OpenCV's log goes where it went before, where nobody else reads it for damage."""
    if own_terminal() is not None:
        yield
        return
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(_lines.level)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def printed_so_far() -> int:
    """Bytes that decoders have printed since :func:`silent_decoders` began, for :func:`damage_printed`."""
    own = own_terminal()
    return 0 if own is None else own.file.seek(0, os.SEEK_END)


def damage_printed(since: int) -> str | None:
    """What decoders have said of damage after so many bytes; ``None`` where nothing, or nobody knows of which picture,
    because several threads decode."""
    own = own_terminal()
    if own is None or _lines.together:
        return None
    own.file.seek(since)
    text = own.file.read(MOST_READ).decode(errors="replace")
    own.file.seek(0, os.SEEK_END)
    found = _DAMAGE.search(text)
    return None if found is None else (found["tiff"] or found["jpeg"]).strip()
