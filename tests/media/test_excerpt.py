"""Parts of videos against lists of frames."""

import numpy as np
import pytest

from leanpose.media import open_video
from leanpose.media.excerpt import Excerpt

from ..videos import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    pytest.importorskip("av")
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=20)


@pytest.mark.parametrize(
    ("start", "end", "every"),
    [(0, None, 1), (0.2, None, 1), (0, 0.4, 1), (0.2, 0.4, 1), (0, None, 3), (0.2, 0.61, 4), (5, None, 1), (0, 0, 2)],
)
def test_frames_of_a_part(clip, start, end, every):
    with open_video(clip) as video:
        whole = list(video)
    expected = [f for f in whole if f.timestamp >= start and (end is None or f.timestamp <= end)][::every]
    video = open_video(clip)
    with Excerpt(video, start, end, every) as part:
        assert part.image_hw == video.image_hw
        assert part.fps == pytest.approx(25 / every)
        assert abs((part.frame_count or 0) - len(expected)) <= 1
        found = list(part)
    assert [(f.index, f.timestamp) for f in found] == [(f.index, f.timestamp) for f in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    assert part.frames_read == len(expected)
    assert list(video) == []  # closed


def test_closing_early_closes_the_video(clip):
    video = open_video(clip)
    part = Excerpt(video, every=2)
    assert [next(part).index, next(part).index] == [0, 2]
    part.close()
    assert list(part) == list(video) == []
