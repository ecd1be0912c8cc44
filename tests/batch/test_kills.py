"""Processes killed at 20 random moments: `pytest -m slow tests/batch/test_kills.py`, two minutes."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ..videos import write_key_frames
from .driving import compare, drive, rows_by_file
from .simulated import write_pictures

MOMENTS = 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_20_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    """Drivers and workers in turn, at random moments, of a run of pictures, broken ones among them, and cut videos."""
    sources, calm, out = tmp_path / "p", tmp_path / "calm", tmp_path / "out"
    write_pictures(sources, 1500, broken=(11, 700))
    for number in range(2):
        write_key_frames(sources / f"v{number}.mp4", 130, 10)
    (sources / "cut.mp4").write_bytes((sources / "v0.mp4").read_bytes()[:-3000])
    with drive(sources, calm) as driver:
        assert driver.wait(120) == 0
    random = np.random.default_rng(seed)
    killed = {"driver": 0, "worker": 0}
    while sum(killed.values()) < MOMENTS:
        with drive(sources, out, delay=0.04) as driver:
            while driver.running and sum(killed.values()) < MOMENTS:
                time.sleep(random.uniform(0.7, 2.0))
                workers = driver.workers()
                victim = "driver" if random.random() < 0.3 else "worker"
                if not driver.running or not workers:
                    continue
                with suppress(ProcessLookupError):
                    os.kill(driver.pid if victim == "driver" else int(random.choice(workers)), signal.SIGKILL)
                    killed[victim] += 1
            if not driver.running and driver.wait(0) == 0:
                break  # all is done
    with drive(sources, out) as driver:
        assert driver.wait(120) == 0
    print(f"killed: {killed}")
    assert sum(killed.values()) == MOMENTS, "all was done before: raise the number of pictures"
    compare(rows_by_file(calm), rows_by_file(out))
    assert not list((out / "begun").iterdir())
