"""Cameras and network streams: limits, ends, release."""

import http.server
import threading
from contextlib import contextmanager
from typing import ClassVar

import cv2
import numpy as np
import pytest

from leanpose.core.errors import VideoError
from leanpose.media import open_video, prefetch

WAIT = 30  # seconds; reached only where a test fails


class Camera:
    """Stands in for cv2.VideoCapture: ``count`` images, then nothing."""

    opened: ClassVar[list] = []

    def __init__(self, number, count=5):
        self.number = number
        self.left = count if number != 9 else 0
        self.released = 0
        Camera.opened.append(self)

    def isOpened(self):
        return self.number != 8

    def get(self, name):
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FRAME_COUNT: -1.0}.get(name, 0.0)

    def read(self):
        assert not self.released, "read after release"
        if not self.left:
            return False, None
        self.left -= 1
        return True, np.full((48, 64, 3), self.left, np.uint8)

    def release(self):
        self.released += 1


@pytest.fixture
def cameras(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "opened", [])
    return Camera.opened


@pytest.mark.parametrize("source", [2, "2", "webcam:2"])
def test_a_camera(source, cameras):
    with open_video(source) as video:
        assert (video.source, video.live, video.fps, video.frame_count) == ("webcam:2", True, 30, None)
        assert video.image_hw == (48, 64)
        frames = [next(video) for _ in range(5)]
        with pytest.raises(VideoError, match="webcam:2: no more frames came after 5: unplugged") as caught:
            next(video)
        assert caught.value.frames_read == 5
        assert list(video) == []
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [4, 3, 2, 1, 0]
    times = [frame.timestamp for frame in frames]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert [(camera.number, camera.released) for camera in cameras] == [(2, 1)]


@pytest.mark.parametrize(
    ("number", "message"), [(8, "cannot be opened: is camera 8"), (9, "no more frames came after 0")]
)
def test_a_camera_that_gives_nothing_is_released(number, message, cameras):
    with pytest.raises(VideoError, match=f"webcam:{number}: {message}"):
        open_video(number)
    assert cameras[0].released == 1


def test_there_is_no_camera_here():
    with pytest.raises(VideoError, match="webcam:97: cannot be opened"):
        open_video("webcam:97")


def test_closing_waits_for_the_frame_that_another_thread_reads(cameras, monkeypatch):
    reading, go_on = threading.Event(), threading.Event()
    plain_read = Camera.read

    def slow_read(self):
        if self.left == 3:
            reading.set()
            assert go_on.wait(WAIT)
        return plain_read(self)

    monkeypatch.setattr(Camera, "read", slow_read)
    video = open_video(0)
    items = prefetch(video, 4)
    next(items)
    assert reading.wait(WAIT)
    closing = threading.Thread(target=video.close)
    closing.start()
    assert cameras[0].released == 0
    go_on.set()
    closing.join(WAIT)
    assert cameras[0].released == 1
    items.close()
    assert cameras[0].released == 1


@contextmanager
def served(handle):
    """The address of a server on this machine that answers each request by ``handle(request)``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            handle(self)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://user:secret@127.0.0.1:{server.server_port}/clip"
        finally:
            server.shutdown()
            thread.join()


def send(request, data, length=None):
    request.send_response(200)
    if length:
        request.send_header("Content-Length", str(length))
    request.end_headers()
    request.wfile.write(data)
    request.wfile.flush()


@pytest.fixture
def clip(make_video, tmp_path):
    return make_video(tmp_path / "a.mp4", movflags="faststart").read_bytes()


def test_a_file_on_the_network_ends_like_one(clip, number_of):
    with served(lambda request: send(request, clip, len(clip))) as address, open_video(address) as video:
        assert "secret" not in video.source
        assert video.source.endswith("/clip")
        assert (video.live, video.frame_count, video.image_hw) == (False, 30, (96, 160))
        frames = list(video)
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.timestamp for frame in frames], np.arange(30) / 25, atol=1e-3)


def test_a_stream_without_length_is_live_and_its_end_an_error(make_video, number_of, tmp_path):
    data = make_video(tmp_path / "a.ts").read_bytes()
    frames = []
    with served(lambda request: send(request, data)) as address, open_video(address) as video:
        assert (video.live, video.frame_count) == (True, None)
        with pytest.raises(VideoError, match="/clip: no more frames came after 30: unplugged, disconnected") as caught:
            frames.extend(video)
    assert caught.value.frames_read == 30
    assert "secret" not in str(caught.value)
    assert [number_of(frame.image) for frame in frames] == list(range(30))


def test_a_server_that_never_answers_is_given_up():
    done, given_up = threading.Event(), []
    with served(lambda request: given_up.append(done.wait(WAIT))) as address:
        with pytest.raises(VideoError, match=r"127\.0\.0\.1:[0-9]+/clip: cannot be opened within 0\.3 s") as caught:
            open_video(address, timeout=0.3)
        done.set()
    assert given_up
    assert all(given_up)  # the server was still waiting by then
    assert "secret" not in str(caught.value)


def test_a_stream_that_goes_quiet_is_given_up(make_video, tmp_path):
    data = make_video(tmp_path / "a.ts", 200).read_bytes()
    done, given_up, frames = threading.Event(), [], []

    def half(request):
        send(request, data[: len(data) // 2], len(data))
        given_up.append(done.wait(WAIT))

    with served(half) as address, open_video(address, timeout=2) as video:
        with pytest.raises(VideoError, match="/clip: "):
            frames.extend(video)
        done.set()
    assert given_up
    assert all(given_up)
    assert 0 < len(frames) < 150


def test_an_address_nobody_listens_at(capfd):
    with pytest.raises(VideoError, match=r"rtsp://127\.0\.0\.1:9/1: refused at once: check the address"):
        open_video("rtsp://name:secret@127.0.0.1:9/1", timeout=2)
    with pytest.raises(VideoError, match="is camera 99 plugged in"):
        open_video(99)
    assert capfd.readouterr().err == ""  # OpenCV and FFmpeg have words of their own for it
