"""The conversation with a peer in another interpreter: its own script with a made-up MediaPipe, and bad peers."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from leanpose.benchmark.peers import Peer, PeerProcess
from leanpose.core.errors import BenchmarkError
from leanpose.measure.timing.turns import take_turns

# finds a person where the red channel is the brightest; has no lite model; talks on stdout as such libraries do
MEDIAPIPE = """
import time
from types import SimpleNamespace
__version__ = "0.0.1"
class Pose:
    def __init__(self, static_image_mode, model_complexity):
        if model_complexity == 0:
            raise FileNotFoundError("lite.tflite")
        self.seconds = (0.001, 0.004)[static_image_mode]
    def process(self, image):
        print("INFO: looking")
        time.sleep(self.seconds)
        return SimpleNamespace(pose_landmarks=[] if image[..., 0].mean() > image[..., 2].mean() else None)
solutions = SimpleNamespace(pose=SimpleNamespace(Pose=Pose))
"""


def _frame(bgr: tuple[int, int, int]) -> np.ndarray:
    return np.broadcast_to(np.array(bgr, np.uint8), (8, 12, 3))


RED, BLUE = _frame((0, 0, 255)), _frame((255, 0, 0))


@pytest.fixture
def mediapipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that finds the made-up MediaPipe."""
    (tmp_path / "mediapipe.py").write_text(MEDIAPIPE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("mediapipe")
def test_a_peer_takes_turns_in_its_own_interpreter() -> None:
    with PeerProcess(Path(sys.executable), [RED, BLUE, RED]) as process:
        assert process.name == "MediaPipe 0.0.1"
        assert process.ready == ["full, video mode", "full, static mode", "heavy, video mode", "heavy, static mode"]
        assert process.failed == {f"lite, {m} mode": "FileNotFoundError: lite.tflite" for m in ("video", "static")}
        peers = [Peer(process, way) for way in process.ready[:2]]
        outcome = take_turns(peers, rounds=2, calls=5, warm_up=1)
    assert not outcome.failed
    assert list(outcome.timings) == ["MediaPipe 0.0.1 full, video mode", "MediaPipe 0.0.1 full, static mode"]
    for peer, least in zip(peers, (0.001, 0.004), strict=True):
        timing = outcome.timings[peer.name]
        assert (len(timing.seconds), timing.calls) == (2, 10)
        assert min(map(min, timing.seconds)) >= least  # it slept that long
        assert peer.calls == 15
        assert peer.found == 9  # in each turn of red, blue, red, red, blue, red all but the first, red to it as well


def test_an_interpreter_without_it_says_so() -> None:
    """Here nothing made-up is on the path."""
    with pytest.raises(BenchmarkError, match="no mediapipe in it: No module named 'mediapipe'"):
        PeerProcess(Path(sys.executable), [RED])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("print('hello')", "said 'hello', which is not JSON"),
        ("import time; time.sleep(60)", "did not answer for 2 s"),
    ],
)
def test_who_does_not_start_is_not_waited_for(script: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script)
    start = time.monotonic()
    with pytest.raises(BenchmarkError, match=message):
        PeerProcess(Path(sys.executable), [RED], tmp_path / "script.py", timeout=2 if "sleep" in script else 60)
    assert time.monotonic() - start < 50  # not the 60 s that it sleeps


def test_no_interpreter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"no Python interpreter at .*python"):
        PeerProcess(tmp_path / "python", [RED])
    with pytest.raises(BenchmarkError, match=r"no Python interpreter at .*python"):  # a folder: an environment's
        PeerProcess(tmp_path, [RED])
    (tmp_path / "python").write_text("")
    with pytest.raises(BenchmarkError, match=r"cannot start .*Permission denied"):
        PeerProcess(tmp_path / "python", [RED])


def test_who_dies_on_the_way_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        'import sys\nprint(\'{"version": "1", "ready": ["it"], "failed": {}}\', flush=True)\n'
        'sys.stdin.readline()\nprint(\'{"seconds": [1.0], "found": 1}\', flush=True)\nsys.stdin.readline()\n'
    )
    with PeerProcess(Path(sys.executable), [RED], tmp_path / "script.py") as process:
        outcome = take_turns([Peer(process, "it")], rounds=3, calls=1, warm_up=0)
    assert not outcome.timings
    assert "ended with status" in outcome.failed["MediaPipe 1 it"]
