"""The command's own way to the terminal, so that what libraries print past Python can go elsewhere."""

import os
import sys
import tempfile
from dataclasses import dataclass
from typing import IO

STANDARD_ERROR = 2


@dataclass(eq=False)
class OwnTerminal:
    """Standard error twice: for Python's words, and as what libraries of C know it by.

    Attributes:
        terminal: the file descriptor of the first, to which the second can be led back.
        file: for what libraries print meanwhile.
    """

    terminal: int
    file: IO[bytes]


_own: OwnTerminal | None = None


def own_terminal() -> OwnTerminal | None:
    """What :func:`take_terminal` made; ``None`` in a process that is not the command's."""
    return _own


def take_terminal() -> None:
    """Say that this process is the command's, and no other part of it writes to standard error.

    ``sys.stderr`` is a file of its own from here on. Where standard error is closed, or not what ``sys.stderr`` writes
    to, nothing changes.
    """
    global _own
    try:
        if _own is not None or sys.stderr.fileno() != STANDARD_ERROR:
            return
        sys.stderr.flush()
        terminal = os.dup(STANDARD_ERROR)
    except (AttributeError, OSError, ValueError):  # closed, or none at all
        return
    encoding, errors = sys.stderr.encoding, sys.stderr.errors
    sys.stderr = os.fdopen(terminal, "w", buffering=1, encoding=encoding, errors=errors)
    _own = OwnTerminal(terminal, _nowhere())


def _nowhere() -> IO[bytes]:
    return tempfile.TemporaryFile(buffering=0)


def _in_child() -> None:
    """A forked process would share the place in the file."""
    if _own is not None:
        _own.file = _nowhere()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
