"""A long video through the whole of it: memory stays flat."""

import subprocess
import sys

import pytest

pytest.importorskip("av")
SCRIPT = """
import sys
from leanpose.media import VideoWriter, open_video, prefetch

def resident():  # kB; what is held now, not the peak
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

held = {}
with open_video(sys.argv[1]) as video, VideoWriter(sys.argv[2]) as writer:
    looked_at = ((frame, frame.image[::-1]) for frame in prefetch(video, 4))
    for frame, image in prefetch(looked_at, 4):
        writer.write(image, frame.timestamp)
        held[frame.index] = resident()
print(len(held), max(list(held.values())[250:]) - held[250], writer.frames_written)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat_over_a_thousand_frames(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", 1000, hw=(480, 640))  # 0.9 MB a frame, 900 MB in all
    command = [sys.executable, "-c", SCRIPT, str(path), str(tmp_path / "b.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, growth, written = map(int, done.stdout.split())
    assert (count, written) == (1000, 1000)
    assert growth < 20_000, f"{growth} kB"
