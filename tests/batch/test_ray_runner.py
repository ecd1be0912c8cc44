"""The runner on Ray; it skips without Ray, which is large: pip install 'leanpose[ray]'."""

import os
import signal
import time
from pathlib import Path

import pytest

from ..videos import write_key_frames
from .driving import compare, drive, rows_by_file
from .simulated import write_pictures

pytest.importorskip("ray", reason="needs Ray: pip install 'leanpose[ray]'")


def _actors() -> list[int]:
    """The processes of Ray's actors, by Linux's word."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and command.startswith(b"ray::") and b"MapWorker" in command:
            found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["nobody", "actor", "driver"])
def test_ray_makes_what_processes_make(tmp_path: Path, killed: str) -> None:
    """Also where an actor or the driver is killed; and what one runner left the other one ends."""
    write_pictures(tmp_path / "p", 60, broken=(7,))
    write_key_frames(tmp_path / "p" / "v.mp4", 130, 10)
    with drive(tmp_path / "p", tmp_path / "calm") as driver:
        assert driver.wait(60) == 0
    out = tmp_path / "out"
    with drive(tmp_path / "p", out, delay=0.03 if killed != "nobody" else 0, runner="ray") as driver:
        if killed != "nobody":
            until = time.monotonic() + 60
            while not (out / "poses").exists() or not list((out / "poses").glob("[!.]*.parquet")):
                assert time.monotonic() < until
                assert driver.running
                time.sleep(0.05)
            os.kill(driver.pid if killed == "driver" else _actors()[0], signal.SIGKILL)
        assert (driver.wait(120) == 0) == (killed != "driver")
    with drive(tmp_path / "p", out) as driver:
        assert driver.wait(60) == 0
    compare(rows_by_file(tmp_path / "calm"), rows_by_file(out))
