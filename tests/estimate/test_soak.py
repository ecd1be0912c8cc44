"""Ten thousand frames through the whole of the frame-by-frame code: memory stays flat."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("av")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat_over_ten_thousand_frames():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    frames, people, ids = (int(word) for word in done.stdout.split("\n")[0].split() if word.isdigit())
    assert frames == 10_000
    assert people == pytest.approx(sum(10_000 / stay for stay in (75, 86, 98, 112, 128)), abs=5)
    assert people - 2 <= ids <= 1.1 * people  # nobody takes over an id, but who came last may not have been looked for
