"""Processes made by fork: they have none of the threads of the one that they came from, and would wait for them.

Networks, their pools, videos and streams have threads. What has some remembers its :class:`Home`, and in a process that
was forked from there it is loaded anew or refused.
"""

import ctypes
import os
from typing import Any
from weakref import WeakSet

from leanpose.core.errors import ForkError

REMEDY = (
    "start processes with spawn or forkserver (multiprocessing.get_context('spawn'), a DataLoader's "
    "multiprocessing_context='spawn'), or open it in the new process alone"
)

_with_threads: "WeakSet[Any]" = WeakSet()


class Home:
    """The process in which something was made."""

    def __init__(self) -> None:
        self.process = os.getpid()

    @property
    def left(self) -> bool:
        """Whether this is another process."""
        return os.getpid() != self.process

    def check(self, what: str, remedy: str = REMEDY) -> None:
        """Refuses ``what`` in another process than its own.

        Raises:
            ForkError: with what to do instead.
        """
        if self.left:
            raise ForkError(
                f"{what} was begun in process {self.process}, whose threads are not in process {os.getpid()}, forked "
                f"from it: {remedy}"
            )


def not_freed_by_children(native: Any) -> Any:
    """The same object; a process forked while it is there will never free it, also not as it ends.

    Freeing it would wait for the threads that it started.
    """
    _with_threads.add(native)
    return native


def _leave_alone() -> None:
    for native in list(_with_threads):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_alone)
