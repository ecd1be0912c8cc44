"""Start-up time and memory of a model in a process of its own: import, load, first answer.

``python -m leanpose.benchmark.fresh WANTED`` does it once and prints a JSON object; WANTED is the JSON of a
:class:`leanpose.benchmark.subjects.Wanted`.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leanpose.benchmark.subjects import Wanted

ANSWERS = 10  # after which memory has grown to what it stays at
TIMEOUT = 300.0


@dataclass(frozen=True)
class Start:
    """One start.

    Attributes:
        import_s, load_s, first_s: seconds for importing the library, loading the model, and the first answer.
        total_s: from starting the process to the first answer, the interpreter's own start included.
        bare_mib, answering_mib: resident memory of the bare interpreter, and after ten answers; ``None`` where the
            system does not say.
    """

    import_s: float
    load_s: float
    first_s: float
    total_s: float
    bare_mib: float | None
    answering_mib: float | None

    @property
    def grown_mib(self) -> float | None:
        """By how much memory grew."""
        return None if self.answering_mib is None or self.bare_mib is None else self.answering_mib - self.bare_mib


def start(wanted: "Wanted") -> Start:
    """Start a model in a new process.

    Raises:
        BenchmarkError: when the process fails or hangs; the message has its last line.
    """
    from leanpose.core.errors import BenchmarkError

    begin = time.time()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "leanpose.benchmark.fresh", json.dumps(asdict(wanted))],
            capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{wanted.name}: no answer in a new process for {TIMEOUT:g} s") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchmarkError(f"{wanted.name}: failed in a new process: {reason}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Start(total_s=told.pop("answered_at") - begin, **told)


def _resident_mib() -> float | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _main() -> None:
    bare = _resident_mib()
    marks = [time.perf_counter()]
    import numpy as np

    from leanpose.benchmark.subjects import Wanted, open_subject

    marks.append(time.perf_counter())
    subject = open_subject(Wanted(**json.loads(sys.argv[1])))
    marks.append(time.perf_counter())
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    box = np.array((440.0, 40, 840, 680))
    subject.answer(image, box)
    marks.append(time.perf_counter())
    answered_at = time.time()
    for _ in range(ANSWERS - 1):
        subject.answer(image, box)
    seconds = np.diff(marks).tolist()
    print(
        json.dumps(
            {
                **dict(zip(("import_s", "load_s", "first_s"), seconds, strict=True)),
                "answered_at": answered_at, "bare_mib": bare, "answering_mib": _resident_mib(),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    _main()
