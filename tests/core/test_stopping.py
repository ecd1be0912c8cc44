"""A signal that arrives where its exception becomes another one still ends the command with its own status."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")

STOPPED = """
import os, signal, sys
from leanpose import cli
def app():
    try:
        {sent}
    except KeyboardInterrupt as stopped:
        raise {raised}
cli.app = app
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("raised", ["SystemExit(130)", "ImportError('initialization failed') from None", "stopped"])
def test_whatever_a_library_makes_of_a_signal_the_status_is_the_signals(name: str, raised: str) -> None:
    code = STOPPED.format(sent=f"os.kill(os.getpid(), signal.{name})", raised=raised)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=_hangups)
    assert (done.returncode, done.stderr) == (128 + signal.Signals[name], "")


@pytest.mark.parametrize(("raised", "status"), [("SystemExit(130)", 130), ("SystemExit(2)", 2), ("OSError('x')", 1)])
def test_without_a_signal_errors_are_what_they_are(raised: str, status: int) -> None:
    code = STOPPED.format(sent="raise KeyboardInterrupt", raised=raised)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == status
    assert ("OSError: x" in done.stderr) == (status == 1)


def _hangups() -> None:
    """SIGHUP as terminals' programs have it, also where the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
