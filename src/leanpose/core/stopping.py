"""Signals that ask a process to end: Ctrl-C, SIGTERM, and SIGHUP, which a terminal sends as it is closed."""

import os
import signal
import stat
import sys
from contextlib import suppress
from types import FrameType

_last: int | None = None


class Stopped(KeyboardInterrupt):
    """What a signal to stop raises where it arrives.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def stop_signals() -> tuple[signal.Signals, ...]:
    """Those that this system has; not SIGHUP where it is ignored, for nohup asked for that."""
    found = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return tuple(n for n in found if n.name != "SIGHUP" or signal.getsignal(n) != signal.SIG_IGN)


def exit_status(number: int) -> int:
    """Of a command that a signal ended in good order, as a shell counts."""
    return 128 + number


def stop(number: int, _frame: FrameType | None = None) -> None:
    """A handler of :func:`stop_signals`; raises :class:`Stopped`."""
    global _last
    _last = number
    leave_closed_terminal()
    raise Stopped(number)


def last_signal() -> int | None:
    """The last that came to :func:`stop`: within the start of a library, another error is made of what it raises."""
    return _last


def leave_closed_terminal() -> None:
    """Writes nowhere what would go to a terminal that is no more, and be an OSError each time."""
    outputs = {1, 2}
    with suppress(AttributeError, OSError, ValueError):  # no such file, or closed
        outputs.add(sys.stderr.fileno())  # of the command another way to the same terminal
    for output in sorted(outputs):
        with suppress(OSError):  # such as an output that is closed
            if stat.S_ISCHR(os.fstat(output).st_mode) and not os.isatty(output):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, output)
                os.close(nowhere)
