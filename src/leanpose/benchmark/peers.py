"""Other people's pose libraries as contenders: they run in their own interpreters and take their turns there."""

import json
import os
import queue
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from leanpose.core.closing import Closing
from leanpose.core.errors import BenchmarkError

SCRIPT = Path(__file__).with_name("mediapipe_peer.py")
START_TIMEOUT = 120.0  # seconds; it loads a deep-learning library
TURN_TIMEOUT = 60.0


def find_interpreter(path: Path) -> Path:
    """The interpreter at a path, or in the environment whose folder it is.

    Raises:
        BenchmarkError: when there is none.
    """
    python = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python") if path.is_dir() else path
    if not python.is_file():
        raise BenchmarkError(f"no Python interpreter at {python}")
    return python


class PeerProcess(Closing):
    """A running interpreter that answers each line on its stdin with a line of JSON.

    Attributes:
        name: of the peer with its version.
        ready: what it can run.
        failed: what it cannot, and why.
    """

    name: str
    ready: list[str]
    failed: dict[str, str]

    def __init__(
        self, python: Path, frames: list[np.ndarray], script: Path = SCRIPT, timeout: float = START_TIMEOUT
    ) -> None:
        """Start it.

        Args:
            python: as :func:`find_interpreter` takes it.
            frames: BGR images (H, W, 3) that it looks at in turn, over and over.
            script: what it runs; see :mod:`leanpose.benchmark.mediapipe_peer` for the lines.

        Raises:
            BenchmarkError: when it does not start or has no mediapipe.
        """
        self._python = python = find_interpreter(python)
        self._folder = TemporaryDirectory()
        file = Path(self._folder.name) / "frames.npy"
        np.save(file, np.stack(frames)[..., ::-1])
        try:
            self._process = subprocess.Popen(
                [python, script, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True,
            )  # fmt: skip
        except OSError as error:
            self._folder.cleanup()
            raise BenchmarkError(f"cannot start {python}: {error.strerror}") from error
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            first = self._answer(timeout)
            if "error" in first:
                raise BenchmarkError(f"{python}: {first['error']}")
            self.name = f"MediaPipe {first['version']}"
            self.ready, self.failed = first["ready"], first["failed"]
        except BaseException:
            self.close()
            raise

    def ask(self, question: dict[str, Any], timeout: float = TURN_TIMEOUT) -> dict[str, Any]:
        """The answer to a question.

        Raises:
            BenchmarkError: when the process has ended or does not answer in time; it is then ended.
        """
        try:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"{self._python} has ended") from error
        return self._answer(timeout)

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                with suppress(BrokenPipeError):  # an unsent line
                    pipe.close()
        self._folder.cleanup()

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._lines.put(line)
        except ValueError:  # closed meanwhile
            pass
        self._lines.put("")

    def _answer(self, timeout: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty as error:
            self._process.kill()
            raise BenchmarkError(f"{self._python} did not answer for {timeout:g} s") from error
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            if line:
                reason = f"said {line.strip()[:80]!r}, which is not JSON"
            else:  # its output has ended, and it is about to
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
                reason = f"ended with status {self._process.poll()}"
            raise BenchmarkError(f"{self._python} {reason}") from error
        return answer


class Peer:
    """One way to run a peer, as a contender.

    Attributes:
        name: of the peer, its model and mode.
        calls, found: how many calls were made, and in how many a person was found.
    """

    def __init__(self, process: PeerProcess, way: str) -> None:
        self.name = f"{process.name} {way}"
        self.calls = self.found = 0
        self._process = process
        self._way = way

    def turn(self, calls: int) -> list[float]:
        answer = self._process.ask({"run": self._way, "calls": calls})
        self.calls += calls
        self.found += answer["found"]
        return answer["seconds"]
