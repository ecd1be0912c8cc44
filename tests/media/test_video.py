"""Whole videos: order, times, turns, colours."""

import socket
import struct
from fractions import Fraction

import numpy as np
import pytest

import leanpose.media.opening
from leanpose.core.errors import VideoError
from leanpose.media import Video, open_video

av = pytest.importorskip("av")
CODECS = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "ts": "libx264", "webm": "libvpx-vp9", "mov": "mpeg4"}


@pytest.fixture(params=["PyAV", "OpenCV"])
def reader(request, monkeypatch):
    """Which of the two reads files."""
    if request.param == "OpenCV":
        monkeypatch.setattr(leanpose.media.opening, "find_spec", lambda name: None)
    return request.param


@pytest.mark.parametrize("suffix", CODECS)
def test_frames_come_in_order_with_their_times(suffix, reader, make_video, number_of, tmp_path):
    path = make_video(tmp_path / f"żółw 100%03d:a.{suffix}", codec=CODECS[suffix])
    with open_video(path) as video:
        assert (video.source, video.image_hw, video.live) == (str(path), (96, 160), False)
        assert video.fps == pytest.approx(25, rel=1e-3)
        assert video.frame_count == pytest.approx(30, abs=1)
        frames = list(video)
        assert video.frames_read == 30
    assert type(video).__name__ == {"PyAV": "VideoFile", "OpenCV": "Capture"}[reader]
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert [frame.index for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.timestamp for frame in frames], np.arange(30) / 25, atol=1e-3)
    assert all(frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous for frame in frames)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_frame_rate_keeps_its_times(suffix, reader, make_video, number_of, tmp_path):
    rng = np.random.default_rng(1)
    milliseconds = np.concatenate(([0], np.cumsum(rng.integers(5, 400, 29)))).tolist()
    path = make_video(tmp_path / f"a.{suffix}", ticks=milliseconds, time_base=Fraction(1, 1000))
    with open_video(path) as video:
        frames = list(video)
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.timestamp * 1000 for frame in frames], milliseconds, atol=0.6)


def test_times_start_at_zero_wherever_the_stream_does(make_video, tmp_path):
    path = make_video(tmp_path / "a.ts", ticks=list(range(1000, 1030)))
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time * container.streams.video[0].time_base >= 40
    with open_video(path) as video:
        np.testing.assert_allclose([frame.timestamp for frame in video], np.arange(30) / 25, atol=1e-9)


def test_times_that_are_missing_or_go_back_are_made_up_from_the_rate():
    class Broken(Video):
        fps = 10

        def _images(self):
            for time in (None, 0.0, None, 5.0, 3.0, 5.05, 9.0):
                yield np.zeros((2, 2, 3), np.uint8), time

        def _release(self):
            pass

    video = Broken("broken")
    video._start()
    np.testing.assert_allclose([frame.timestamp for frame in video], [0, 0.1, 0.2, 5, 5.1, 5.2, 9])


def test_what_opencv_wrote(reader, numbered, number_of, tmp_path):
    import cv2

    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 12.5, (160, 96))
    for number in range(20):
        writer.write(numbered(number))
    writer.release()
    with open_video(path) as video:
        frames = list(video)
        assert (video.fps, video.frame_count) == (12.5, 20)
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.timestamp for frame in frames], np.arange(20) / 12.5, atol=1e-6)
    difference = np.abs(frames[7].image.astype(int) - numbered(7))
    assert difference.mean() < 12  # JPEG halves the colours of the noise


# A stored pixel (x, y) is shown at (a x + c y, b x + d y), for the matrix a b u / c d v / x y w of QuickTime.
TURNS = {
    "upright": ((1, 0, 0, 1), lambda image: image),
    "90": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "180": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "270": ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transposed": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "transversed": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
}


def turned(path, matrix):
    """Writes the matrix into the track header of an MP4 file: 44 bytes after the box's name."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    one = 1 << 16
    assert struct.unpack_from(">9i", data, at) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    a, b, c, d = (one * number for number in matrix)
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("turn", TURNS)
def test_frames_are_upright(turn, reader, make_video, tmp_path):
    if reader == "OpenCV" and turn not in ("upright", "90", "180", "270"):
        pytest.skip("OpenCV does not mirror")
    path = make_video(tmp_path / "a.mp4", count=3)
    with open_video(path) as video:
        stored = [frame.image for frame in video]
    matrix, turn_by_numpy = TURNS[turn]
    turned(path, matrix)
    with open_video(path) as video:
        frames = list(video)
        assert video.image_hw == turn_by_numpy(stored[0]).shape[:2]
    for frame, image in zip(frames, stored, strict=True):
        np.testing.assert_array_equal(frame.image, turn_by_numpy(image))
        assert frame.image.flags.c_contiguous


# Kr and Kb of ITU-R BT.709, BT.601 and BT.2020, by their numbers in ITU-T H.273; 2 is "not specified".
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593), 2: (0.299, 0.114)}


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full_range", [False, True])
def test_colours_follow_the_matrix_and_range_of_the_stream(matrix, full_range, tmp_path):
    path = tmp_path / "a.mp4"
    y, u, v = 120, 100, 160
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})  # without loss
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full_range else 1
        planes = np.concatenate([np.full(64 * 64, y), np.full(32 * 32, u), np.full(32 * 32, v)]).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(planes.reshape(96, 64), format="yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    kr, kb = WEIGHTS[matrix]
    luma, blue, red = (y / 255, (u - 128) / 255, (v - 128) / 255)
    if not full_range:
        luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    expected = np.array([b, (luma - kr * r - kb * b) / (1 - kr - kb), r]) * 255
    with open_video(path) as video:
        image = next(video).image
    # FFmpeg's fast conversion rounds down by up to 2; the matrices differ by 4 and more in green.
    np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), atol=2.5)


def test_a_video_is_read_once_and_can_be_left_early(make_video, number_of, tmp_path):
    video = open_video(make_video(tmp_path / "a.mp4"))
    assert [number_of(next(video).image) for _ in range(3)] == [0, 1, 2]
    assert [number_of(frame.image) for frame, _ in zip(video, range(2), strict=False)] == [3, 4]
    video.close()
    video.close()
    assert list(video) == []
    with open_video(video.source) as again, pytest.raises(ZeroDivisionError):
        1 / next(again).index
    assert list(again) == []


def test_sources_that_are_no_videos_are_named(reader, tmp_path, numbered):
    from leanpose.media import save_image

    save_image(tmp_path / "photo.png", numbered(1))
    (tmp_path / "photo.mp4").write_bytes((tmp_path / "photo.png").read_bytes())
    for name, content, message in [
        ("empty.mp4", b"", "empty, 0 bytes"),
        ("text.mp4", b"hello, this is a text\n" * 50, "not a video, or damaged or cut off at its head"),
        ("zeros.mp4", bytes(100_000), "not a video, or damaged or cut off at its head"),
        ("text.txt", b"hello, this is a text\n" * 50, "not a video of a kind read here"),
        ("photo.mp4", None, "not a video of a kind read here"),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=f"{name}: {message}") as caught:
            open_video(tmp_path / name)
        assert caught.value.frames_read == 0
    with pytest.raises(VideoError, match=r"gone\.mp4: no such file"):
        open_video(tmp_path / "gone.mp4")
    with pytest.raises(VideoError, match="a folder, not a video"):
        open_video(tmp_path)
    with pytest.raises(VideoError, match="not a regular file"):
        open_video("/dev/null")


def test_a_playlist_does_not_reach_for_the_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        for name, text in {
            "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n",
            "concat.mp4": f"ffconcat version 1.0\nfile '{address}'\n",
        }.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(VideoError, match=f"{name}: not a video"):
                open_video(tmp_path / name)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody came
            server.accept()


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match=r"sound\.mp4: no video in it"):
        open_video(tmp_path / "sound.mp4")


@pytest.mark.parametrize(
    ("name", "hw", "fps"),
    [("mmpose_demo.mp4", (540, 960), 5), ("posetrack18_000001_mpiinew_test.mp4", (720, 1280), 30)],
)
def test_real_clips(name, hw, fps, reader, data_root):
    with open_video(data_root / "videos" / name) as video:
        frames = list(video)
        assert (video.image_hw, video.fps, video.frame_count) == (hw, fps, 5)
    np.testing.assert_allclose([frame.timestamp for frame in frames], np.arange(5) / fps, atol=1e-6)
    assert all(frame.image.shape == (*hw, 3) and frame.image.std() > 20 for frame in frames)
