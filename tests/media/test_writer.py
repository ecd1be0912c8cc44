import os
import resource
import signal
import sys

import numpy as np
import pytest

from leanpose.core.errors import ImageError, MissingExtraError, VideoError
from leanpose.media import VideoWriter, open_video

av = pytest.importorskip("av")


def by_pyav(path):
    """Numbers of seconds, and the frames, as PyAV alone sees them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.time for frame in frames], frames


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".MP4"])
@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_frames_come_back_with_their_times(suffix, codec, numbered, number_of, tmp_path, monkeypatch):
    if codec == "mpeg4":
        monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    path = tmp_path / "new" / f"100%03d:ż{suffix}"
    times = [0, 0.04, 0.05, 0.5, 0.7, 3, 3.1, 3.133, 3.2, 10]
    with VideoWriter(path) as writer:
        for number, time in enumerate(times):
            writer.write(numbered(number), time)
        assert not path.exists()
    assert writer.frames_written == 10
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    seen, frames = by_pyav(path)
    np.testing.assert_allclose(seen, times, atol=6e-4 if suffix == ".mkv" else 1e-5)
    assert [number_of(frame.to_ndarray(format="bgr24")) for frame in frames] == list(range(10))
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec
    with open_video(path) as video:
        assert [number_of(frame.image) for frame in video] == list(range(10))


@pytest.mark.parametrize("fps", [12.5, 24, 25, 30, 60, 120, 30_000 / 1001, 24_000 / 1001])
def test_a_constant_rate(fps, numbered, tmp_path):
    with VideoWriter(tmp_path / "a.mp4", fps) as writer:
        for number in range(20):
            writer.write(numbered(number))
    times, _ = by_pyav(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, np.arange(20) / fps, atol=1e-5)
    with open_video(tmp_path / "a.mp4") as video:
        assert video.fps == pytest.approx(fps, rel=1e-3)
        assert video.frame_count == 20


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_pictures_look_as_before(codec, tmp_path, monkeypatch):
    if codec == "mpeg4":
        monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    y, x = np.mgrid[0:120, 0:160]
    smooth = np.stack((x, 2 * y, 255 - x / 2 - y), -1).clip(0, 255).astype(np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        for _ in range(5):
            writer.write(smooth)
    with open_video(tmp_path / "a.mp4") as video:
        for frame in video:
            difference = np.abs(frame.image.astype(int) - smooth)
            assert difference.mean() < 3.5
            assert np.percentile(difference, 99) < 9


def test_colours_are_bt_709_and_say_so(tmp_path):
    """The planes against the formula of ITU-R BT.709: limited range, Kr 0.2126, Kb 0.0722."""
    b, g, r = 200, 120, 40
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(np.full((64, 64, 3), (b, g, r), np.uint8))
    _, (frame,) = by_pyav(tmp_path / "a.mp4")
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    expected = (
        16 + 219 * luma / 255,
        128 + 224 * (b - luma) / 1.8556 / 255,
        128 + 224 * (r - luma) / 1.5748 / 255,
    )
    planes = frame.to_ndarray()
    found = (planes[:64].mean(), planes[64:80].mean(), planes[80:].mean())
    np.testing.assert_allclose(found, expected, atol=1.5)


@pytest.mark.parametrize("hw", [(95, 161), (96, 161), (95, 160), (1, 1)])
def test_odd_sizes_grow_by_a_doubled_row_or_column(hw, numbered, tmp_path):
    image = numbered(5, *hw)
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(image)
        writer.write(image)
    with open_video(tmp_path / "a.mp4") as video:
        height, width = hw[0] + hw[0] % 2, hw[1] + hw[1] % 2
        assert video.image_hw == (height, width)
        grown = image[np.minimum(np.arange(height), hw[0] - 1)][:, np.minimum(np.arange(width), hw[1] - 1)]
        bars = height // 2 - 8
        if bars > 0:
            assert np.abs(next(video).image[:bars].astype(int) - grown[:bars]).mean() < 4


def interrupted(path, numbered, how):
    with VideoWriter(path, 25) as writer:
        for number in range(100):
            if number == 33:
                how()
            writer.write(numbered(number))


def fail():
    raise ZeroDivisionError


def press_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("how", "error"), [(fail, ZeroDivisionError), (press_ctrl_c, KeyboardInterrupt)])
@pytest.mark.parametrize("older", [False, True])
def test_an_exception_or_ctrl_c_leaves_a_playable_file(suffix, how, error, older, numbered, number_of, tmp_path):
    path = tmp_path / f"a.{suffix}"
    if older:
        path.write_bytes(b"what stood here before")
    with pytest.raises(error):
        interrupted(path, numbered, how)
    if older:
        assert path.read_bytes() == b"what stood here before"
        path.unlink()
        path = tmp_path / f"a.partial.{suffix}"
    _, frames = by_pyav(path)
    assert [number_of(frame.to_ndarray(format="bgr24")) for frame in frames] == list(range(33))
    assert list(tmp_path.iterdir()) == [path]


def test_without_an_image_there_is_no_file_and_closing_twice_is_safe(numbered, tmp_path):
    (tmp_path / "old.mp4").write_bytes(b"old")
    for name in ("old.mp4", "new.mp4"):
        with VideoWriter(tmp_path / name, 25) as writer:
            pass
        writer.close()
    assert [file.name for file in tmp_path.iterdir()] == ["old.mp4"]
    assert (tmp_path / "old.mp4").read_bytes() == b"old"
    with pytest.raises(VideoError, match=r"new\.mp4: closed, no more images can be written"):
        writer.write(numbered(1))


def test_what_cannot_be_written_is_refused_and_the_rest_goes_on(numbered, number_of, tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(numbered(0), 1)
        for image, time, message in [
            (numbered(1), None, "neither fps nor the image's timestamp"),
            (numbered(1), 1, "image 1 at 1.00000 s is not later than the one before"),
            (numbered(1), 0.5, "image 1 at 0.50000 s is not later"),
            (numbered(1), float("nan"), "image 1 has the time nan"),
            (numbered(1, 90), 2, "image 1 has 160 x 90 pixels, the first one 160 x 96"),
        ]:
            with pytest.raises(VideoError, match=message):
                writer.write(image, time)
        with pytest.raises(ImageError, match="not float64"):
            writer.write(numbered(1) / 255, 2)
        writer.write(numbered(2)[..., 0], 2)
    times, frames = by_pyav(tmp_path / "a.mp4")
    assert [number_of(frame.to_ndarray(format="bgr24")) for frame in frames] == [0, 2]
    np.testing.assert_allclose(np.diff(times), [1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fps", "message"),
    [
        ("a.avi", 25, "cannot write a file ending in '.avi': use .mp4"),
        ("a", 25, "cannot write a file ending in ''"),
        ("a.mp4", 0, "0 frames per second: a number above 0"),
        ("a.mp4", float("nan"), "nan frames per second"),
        ("folder.mp4", 25, "is a folder: name a file"),
        ("file/a.mp4", 25, "cannot write .*a.mp4: .*; choose another place"),
    ],
)
def test_files_that_cannot_be_opened(name, fps, message, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VideoError, match=message):
        VideoWriter(tmp_path / name, fps)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.mp4"]


def until_it_fails(path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 640, 3), np.uint8)
    with VideoWriter(path, 25) as writer:
        for number in range(60):
            writer.write(np.roll(noise, number, 1))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"what stood here before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))  # on one core 60 images take 830 kB
    try:
        with pytest.raises(VideoError, match=r"cannot write .*a\.mp4: File too large; choose another place"):
            until_it_fails(tmp_path / "a.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"what stood here before"


def test_a_file_gets_the_usual_permissions(numbered, tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(numbered(0))
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "a.mp4").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"PyAV, which is not installed: pip install 'leanpose\[video\]'"):
        VideoWriter(tmp_path / "a.mp4", 25)
    assert os.listdir(tmp_path) == []
