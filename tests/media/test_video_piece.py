from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import VideoError
from leanpose.media import open_video
from leanpose.media.video_piece import VideoPiece, find_cuts

from ..videos import write_key_frames

pytest.importorskip("av", reason="needs PyAV: pip install 'leanpose[video]'")


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pieces_are_the_frames_of_the_whole(tmp_path: Path, suffix: str, b_frames: int) -> None:
    path = write_key_frames(tmp_path / f"v{suffix}", 130, 10, b_frames=b_frames)
    whole = list(open_video(path))
    cuts = find_cuts(path, 1.0)
    assert len(cuts) >= 4
    for cut, end in zip(cuts, [*(c.time for c in cuts[1:]), None], strict=True):
        with VideoPiece(path, cut, end) as piece:
            frames = list(piece)
        expected = [f for f in whole if f.timestamp >= cut.time - 1e-9 and (end is None or f.timestamp < end - 1e-9)]
        assert [f.index for f in frames] == [f.index for f in expected]
        np.testing.assert_allclose([f.timestamp for f in frames], [f.timestamp for f in expected], atol=1e-9)
        for one, other in zip(frames, expected, strict=True):
            np.testing.assert_array_equal(one.image, other.image)


def test_cuts_are_about_as_far_apart_as_asked(tmp_path: Path) -> None:
    path = write_key_frames(tmp_path / "v.mp4", 200, 10)  # 8 s, a key frame every 0.4 s
    times = [cut.time for cut in find_cuts(path, 1.0)]
    assert times[0] == 0
    assert all(1.0 - 1e-9 <= b - a <= 1.4 + 1e-9 for a, b in pairwise(times))
    assert 8 - times[-1] >= 0.5
    assert [cut.frame for cut in find_cuts(path, 1.0)] == [round(25 * time) for time in times]


def test_short_videos_and_those_without_key_frames_stay_whole(tmp_path: Path) -> None:
    assert len(find_cuts(write_key_frames(tmp_path / "short.mp4", 30, 5), 1.0)) == 1
    assert len(find_cuts(write_key_frames(tmp_path / "one.mp4", 100, 1000), 1.0)) == 1


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    with pytest.raises(VideoError, match=r"v\.mp4: cannot be cut in pieces"):
        find_cuts(path, 1.0)


def test_the_last_piece_says_that_the_end_is_missing(tmp_path: Path) -> None:
    path = write_key_frames(tmp_path / "v.mkv", 100, 10)
    cuts = find_cuts(path, 1.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 8])
    with VideoPiece(path, cuts[0], cuts[1].time) as piece:
        assert len(list(piece)) == cuts[1].frame
    with VideoPiece(path, cuts[-1]) as piece, pytest.raises(VideoError, match="cut off"):
        list(piece)
