"""Each row of the table of limits in docs/serve.md: its status, its kind and its sentence."""

import re
import socket
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from leanpose.serve.problems import KINDS

from ..videos import picture, write_video
from .conftest import png, wait_until

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"


def bomb(width, height):
    """A PNG of a few hundred kB at most that says it has so many pixels, all black."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (1 + 3 * width)) for _ in range(min(height, 2000))) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def refused(answer, status, kind, told):
    assert (answer.status, answer.kind) == (status, kind)
    assert told in answer.json["detail"]
    return answer


def test_bytes_of_a_picture(serve, photo):
    running = serve(max_bytes=1000)
    refused(running.ask("/v1/poses", photo), 413, "bytes", "over 1,000 bytes: shrink it, or ask for a larger --max-mb")
    pieces = (photo[i : i + 500] for i in range(0, len(photo), 500))  # chunked: nobody says how many there are
    refused(running.ask("/v1/poses", pieces), 413, "bytes", "over 1,000 bytes")
    refused(running.ask("/v2/models/dots/infer", photo), 413, "bytes", "over 1,000 bytes")


def test_bytes_of_a_video(serve, tmp_path):
    pytest.importorskip("av")
    running = serve(max_video_bytes=2000)
    clip = write_video(tmp_path / "a.mp4", 8).read_bytes()
    refused(running.ask("/v1/videos", clip), 413, "bytes", "over 2,000 bytes")
    answer = running.ask("/v1/videos", (clip[i : i + 500] for i in range(0, len(clip), 500)))
    assert answer.status == 413 or b'"status": 413' in answer.body.splitlines()[-1]


@pytest.mark.parametrize("sides", [(30_000, 30_000), (60_000, 1000), (1, 2**31 - 1)])
def test_pixels_and_decompression_bombs(serve, sides):
    running = serve()
    data = bomb(*sides)
    assert len(data) < 500_000
    answer = running.ask("/v1/poses", data)
    assert answer.status == 422
    assert re.search(r"over the limit|damaged or cut off", answer.json["detail"]), answer.json


def test_pixels(serve, photo):
    told = "320 x 160 pixels are over the limit of 9,999; shrink it or ask for a larger --max-pixels"
    refused(serve(max_pixels=9999).ask("/v1/poses", photo), 422, "pixels", told)


def test_boxes(serve, photo):
    query = "&".join(["box=1,1,50,50"] * 4)
    refused(serve(max_boxes=3).ask(f"/v1/poses?{query}", photo), 422, "boxes", "4 boxes, and at most 3 are taken")


def test_images_of_an_inference(serve):
    body = '{"inputs": [{"name": "image", "datatype": "BYTES", "shape": [3], "data": ["", "", ""]}]}'
    answer = serve(max_images=2).ask("/v2/models/dots/infer", body)
    refused(answer, 422, "images", "3 pictures in one request, and at most 2 are taken")


@pytest.mark.parametrize("cut", [0, 1, 20, 200])
def test_broken_pictures(serve, photo, cut):
    told = "damaged or cut off" if cut > 4 else "not an image" if cut else "the body is empty"
    refused(serve().ask("/v1/poses", photo[:cut]), 422, "image" if cut else "request", told)


def test_queue(serve, photo):
    running = serve(max_queue=2, max_batch=1)
    running.detector.gate.clear()
    running.detector.waiting.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(running.ask, "/v1/poses", photo)
        assert running.detector.waiting.wait(10)
        others = [pool.submit(running.ask, "/v1/poses", photo) for _ in range(2)]
        wait_until(lambda: len(running.service.models["dots"].batcher) == 2)
        answer = refused(
            running.ask("/v1/poses", photo), 429, "queue", "2 pictures wait already: try again in a second"
        )
        assert answer.headers["retry-after"] == "1"
        running.detector.gate.set()
        assert [one.result(20).status for one in (first, *others)] == [200] * 3


def test_seconds_to_an_answer(serve, photo):
    running = serve(answer_seconds=0.3)
    running.detector.gate.clear()
    answer = refused(running.ask("/v1/poses", photo), 503, "late", "no answer within 0.3 seconds: try again later")
    assert answer.headers["retry-after"]
    running.detector.gate.set()


def test_memory(serve, photo):
    running = serve(max_held=len(photo) + 10)
    running.detector.gate.clear()
    running.detector.waiting.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(running.ask, "/v1/poses", photo)
        assert running.detector.waiting.wait(10)
        refused(running.ask("/v1/poses", photo), 503, "memory", "no more fits now: try again in a moment")
        running.detector.gate.set()
        assert first.result(20).status == 200
    wait_until(lambda: running.service.held.now == 0)
    assert running.ask("/v1/poses", photo).status == 200


@pytest.mark.parametrize(("limits", "kind", "told"), [
    ({"max_frames": 5}, "frames", "over 5 frames: send it in parts"),
    ({"max_seconds": 0.19}, "seconds", "over 0.19 s: send it in parts"),
])  # fmt: skip
def test_length_of_a_video(serve, tmp_path, limits, kind, told):
    pytest.importorskip("av")
    answer = serve(**limits).ask("/v1/videos", write_video(tmp_path / "a.mp4", 24).read_bytes())
    *lines, last = answer.body.splitlines()
    assert answer.status == 200  # it was on its way
    assert len(lines) == 6
    assert f"urn:leanpose:problem:{kind}".encode() in last
    assert told.encode() in last


def test_pixels_of_a_video(serve, tmp_path):
    pytest.importorskip("av")
    answer = serve(max_pixels=999).ask("/v1/videos", write_video(tmp_path / "a.mp4", 4).read_bytes())
    refused(answer, 422, "pixels", "320 x 160 pixels are over the limit of 999")


def test_videos_at_once(serve, tmp_path):
    pytest.importorskip("av")
    running = serve(max_videos=1)
    clip = write_video(tmp_path / "a.mp4", 4).read_bytes()
    with socket.create_connection(("127.0.0.1", running.port)) as slow:
        slow.sendall(b"POST /v1/videos HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n")
        wait_until(lambda: running.service.videos == 1)
        answer = refused(running.ask("/v1/videos", clip), 429, "videos", "1 videos are looked at already")
        assert answer.headers["retry-after"]
    wait_until(lambda: running.service.videos == 0)
    assert running.ask("/v1/videos", clip).status == 200


def test_a_slow_upload(serve, photo):
    running = serve(upload_seconds=0.5)
    with socket.create_connection(("127.0.0.1", running.port)) as slow:
        slow.settimeout(10)
        slow.sendall(b"POST /v1/poses HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n")
        stop = threading.Event()

        def drip():
            while not stop.wait(0.1):  # never a long pause, and never done
                slow.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = b""
        while b"}" not in answer:
            answer += slow.recv(4096)
        stop.set()
        dripping.join()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not come within 0.5 seconds: send it faster, or send less" in answer
    assert running.service.held.now == 0
    assert running.ask("/v1/poses", photo).status == 200


def test_the_table_in_the_documentation_has_each_kind():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ") and "`" in line]
    told = {kind: int(cells[1]) for cells in rows for kind in re.findall(r"`([a-z]+)`", cells[2]) if cells[1].strip().isdigit()}  # fmt: skip  # noqa: E501
    assert told == {kind: status for kind, (status, _) in KINDS.items()}


def test_a_large_picture_within_the_limits_is_taken(serve):
    image = np.zeros((2000, 3000, 3), np.uint8)
    image[:160, :320] = picture(0)
    assert len(serve().ask("/v1/poses", png(image)).json["images"][0]["people"]) == 2
