"""Clients that open connections and send little, slowly, nonsense or nothing."""

import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.serve.protocol import REFUSED

from .conftest import wait_until


def connect(running, data=b""):
    connection = socket.create_connection(("127.0.0.1", running.port))
    connection.settimeout(10)
    connection.sendall(data)
    return connection


def everything(connection):
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def memory():
    """Resident megabytes of this process, in which the service runs."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_a_slow_head_is_told_and_silence_is_closed(serve):
    running = serve(head_seconds=0.3)
    with connect(running) as silent, connect(running, b"POST /v1/poses HTTP/1.1\r\nHost: a\r\n") as slow:
        answer = everything(slow)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json")
        assert b"no whole head of a request within 0.3 seconds" in answer
        assert everything(silent) == b""
    wait_until(lambda: not running.server.server_state.connections)


def test_a_second_head_may_be_slow_no_longer_than_the_first(serve):
    running = serve(head_seconds=0.3)
    with connect(running, b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n") as kept:
        answer = b""
        while not answer.endswith(b"]}"):
            answer += kept.recv(65536)
        time.sleep(0.5)  # idle is not slow
        kept.sendall(b"GET /v1/models HT")
        assert everything(kept).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"A" * 70_000])
def test_what_is_no_http_is_told(serve, data):
    with connect(serve(), data) as connection:
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json") or not answer


def half_open(serve, photo, count):
    running = serve(max_connections=50)
    before = memory()
    with ExitStack() as opened:
        for number in range(count):
            head = b"" if number % 2 else b"POST /v1/poses HTTP/1.1\r\nHost: a\r\nX: "
            opened.enter_context(connect(running, head))
        wait_until(lambda: len(running.server.server_state.connections) <= 50)
        assert running.ask("/v1/poses", photo).status == 200  # the oldest of them made room
        assert memory() - before < 50
    wait_until(lambda: not running.server.server_state.connections)


def test_200_half_open_connections_keep_nobody_out(serve, photo):
    half_open(serve, photo, 200)


@pytest.mark.slow
def test_1000_half_open_connections_keep_nobody_out(serve, photo):
    half_open(serve, photo, 1000)


def test_connections_that_all_work_are_the_limit(serve, photo):
    running = serve(max_connections=2)
    running.detector.gate.clear()
    head = f"POST /v1/poses HTTP/1.1\r\nHost: a\r\nContent-Length: {len(photo)}\r\n\r\n".encode()
    with connect(running, head + photo) as first, connect(running, head + photo) as second:
        wait_until(lambda: len(running.server.server_state.tasks) == 2)
        answer = running.ask("/v1/poses", photo)
        assert (answer.status, answer.kind) == (503, "connections")
        assert "all connections are taken by requests: try again in a second" in answer.json["detail"]
        assert answer.headers["retry-after"] == "1"
        with ExitStack() as opened:  # and even of those who are told so there are not too many
            for _ in range(REFUSED + 20):
                opened.enter_context(connect(running))
            assert len(running.server.server_state.connections) <= 2 + REFUSED
        running.detector.gate.set()
        assert first.recv(100).startswith(b"HTTP/1.1 200 ")
        assert second.recv(100).startswith(b"HTTP/1.1 200 ")


def test_who_sends_too_much_is_told_and_let_go(serve, monkeypatch):
    monkeypatch.setattr("leanpose.serve.protocol.LINGER", 0.3)
    running = serve(max_bytes=100)
    with connect(running, b"POST /v1/poses HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nabc") as sender:
        assert b"413" in sender.recv(65536)
        wait_until(lambda: not running.server.server_state.connections)


def test_who_reads_no_answer_is_let_go(serve):
    running = serve(upload_seconds=0.5)
    noise = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), np.uint8))[1].tobytes()
    head = "POST /v1/poses?whole_image=1 HTTP/1.1\r\nHost: a\r\nAccept: image/png\r\nContent-Length: "
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", running.port))
        silent.sendall(f"{head}{len(noise)}\r\n\r\n".encode() + noise)
        wait_until(lambda: running.server.server_state.tasks)
        wait_until(lambda: not running.server.server_state.connections)
    wait_until(lambda: running.service.held.now == 0)


def test_a_client_that_goes_away_frees_its_place(serve, photo):
    running = serve(max_batch=1)
    running.detector.gate.clear()
    head = f"POST /v1/poses HTTP/1.1\r\nHost: a\r\nContent-Length: {len(photo)}\r\n\r\n".encode()
    running.detector.waiting.clear()
    with connect(running, head + photo):
        assert running.detector.waiting.wait(10)
        with connect(running, head + photo):
            wait_until(lambda: len(running.service.models["dots"].batcher) == 1)
        wait_until(lambda: len(running.service.models["dots"].batcher) == 0)
    with connect(running, head + photo[:100]):
        wait_until(lambda: running.service.held.now > 0)
    wait_until(lambda: running.service.held.now == 0)
    running.detector.gate.set()
    assert running.ask("/v1/poses", photo).status == 200
    gone = [line for line in running.ask("/metrics").body.decode().splitlines() if 'errors_total{kind="gone"}' in line]
    assert float(gone[0].split()[-1]) == 3


def test_an_answer_waits_for_no_acknowledgement(serve):
    running = serve()
    with connect(running):
        wait_until(lambda: running.server.server_state.connections)
        (one,) = running.server.server_state.connections
        assert one.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
