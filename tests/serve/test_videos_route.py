"""POST /v1/videos against what the estimator says of the same file."""

import json
import socket
from typing import Any, cast

import numpy as np
import pytest

from leanpose.pose.formats import header, image_entry

from ..videos import picture, write_video
from .conftest import wait_until

pytest.importorskip("av", reason="videos need the extra video: pip install 'leanpose[video]'")


def lines_of(answer):
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def more(connection):
    data = connection.recv(65536)
    assert data, "the connection was closed"
    return data


@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_frames_are_those_of_the_stream(serve, tmp_path, kind):
    running = serve()
    clip = write_video(tmp_path / f"a.{kind}", 12)
    first, *frames = lines_of(running.ask("/v1/videos", clip.read_bytes()))
    assert first == header(running.estimator.skeleton)
    expected = [image_entry(poses) | {"source": None} for poses in running.estimator.stream(clip)]
    assert frames == json.loads(json.dumps(expected))
    assert len(frames) == 12
    assert [person["id"] for person in frames[-1]["people"]] == [person["id"] for person in frames[0]["people"]]
    assert running.service.videos == 0


def test_untracked_people_have_no_ids(serve, tmp_path):
    clip = write_video(tmp_path / "a.mp4", 4).read_bytes()
    frames = lines_of(serve().ask("/v1/videos?track=false&joint_threshold=0.2", clip))[1:]
    assert {person["id"] for frame in frames for person in frame["people"]} == {None}


def noisy(folder, kind):
    """60 frames that take more bytes than a demuxer reads at once; an MP4 has its index in front."""
    import av

    rng, target = np.random.default_rng(0), folder / f"noisy.{kind}"
    with av.open(target, "w", options={"movflags": "faststart"} if kind == "mp4" else {}) as sink:
        stream = cast(Any, sink.add_stream("mpeg4", rate=25))
        stream.height, stream.width, stream.pix_fmt = 160, 320, "yuv420p"
        stream.bit_rate = 8_000_000
        for number in range(60):
            image = np.maximum(picture(number), rng.integers(0, 60, (160, 320, 3), np.uint8))
            sink.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        sink.mux(stream.encode())
    return target.read_bytes()


@pytest.mark.parametrize("kind", ["mkv", "mp4"])
def test_the_answer_begins_before_the_upload_ends(serve, tmp_path, kind):
    running = serve()
    clip = noisy(tmp_path, kind)
    with socket.create_connection(("127.0.0.1", running.port)) as half:
        half.settimeout(10)
        half.sendall(f"POST /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: {len(clip)}\r\n\r\n".encode())
        half.sendall(clip[: len(clip) // 2])
        answer = b""
        while answer.count(b'"frame"') < 3:
            answer += more(half)
        assert answer.startswith(b"HTTP/1.1 200 ")
        half.sendall(clip[len(clip) // 2 :])
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += more(half)
    assert answer.count(b'"frame"') == 60


def test_a_video_that_breaks_off_ends_in_a_problem(serve, tmp_path):
    running = serve()
    clip = write_video(tmp_path / "a.mkv", 40).read_bytes()
    *frames, last = lines_of(running.ask("/v1/videos", clip[: len(clip) * 2 // 3]))
    assert 1 < len(frames) < 41
    assert last["problem"]["type"] == "urn:leanpose:problem:video"
    assert "cut off" in last["problem"]["detail"]
    assert "/tmp" not in last["problem"]["detail"]


@pytest.mark.parametrize(
    "data",
    [b"", b"no video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n",
     b"\0\0\0\x20ftypisom" + b"\0" * 50, b"\x1aE\xdf\xa3" + b"x" * 900],
)  # fmt: skip
def test_what_is_no_video_has_its_status(serve, data):
    answer = serve().ask("/v1/videos", data)
    assert (answer.status, answer.kind) == (422, "video")


def test_a_form_is_refused_with_what_to_do(serve, tmp_path):
    answer = serve().ask("/v1/videos", b"--b--", content_type="multipart/form-data; boundary=b")
    assert (answer.status, answer.kind) == (415, "kind")
    assert "--data-binary @video.mp4" in answer.json["detail"]


def test_without_pyav_it_says_what_to_install(serve, monkeypatch):
    monkeypatch.setattr("leanpose.serve.videos_route.find_spec", lambda name: None)
    answer = serve().ask("/v1/videos", b"x")
    assert (answer.status, answer.kind) == (501, "extra")
    assert "pip install 'leanpose[serve,video]'" in answer.json["detail"]


@pytest.mark.parametrize("part", [0.05, 0.5, 1])
def test_a_client_that_goes_away_frees_its_place(serve, tmp_path, part):
    running = serve(max_videos=1)
    clip = write_video(tmp_path / "a.mkv", 60).read_bytes()
    running.detector.gate.clear()
    with socket.create_connection(("127.0.0.1", running.port)) as gone:
        gone.sendall(f"POST /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: {len(clip)}\r\n\r\n".encode())
        gone.sendall(clip[: round(len(clip) * part)])
        wait_until(lambda: running.service.videos == 1)
    running.detector.gate.set()
    wait_until(lambda: running.service.videos == 0)
    assert len(lines_of(running.ask("/v1/videos", clip))) == 61


def test_an_upload_that_pauses_too_long_is_told(serve, tmp_path):
    running = serve(upload_seconds=0.5)
    clip = write_video(tmp_path / "a.mkv", 40).read_bytes()
    with socket.create_connection(("127.0.0.1", running.port)) as slow:
        slow.settimeout(10)
        slow.sendall(b"POST /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n" + clip[:200])
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
    wait_until(lambda: running.service.videos == 0)
