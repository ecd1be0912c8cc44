"""``leanpose serve`` as a process: addresses, tokens, signals and workers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import ServeError
from leanpose.serve.server import Address, is_loopback, read_token

from .conftest import wait_until


@pytest.fixture
def start(dot_model):
    """Starts the command on a free port; returns the process and its address once it answers."""
    running = []
    model = dot_model()

    def begin(*options):
        command = [sys.executable, "-m", "leanpose", "serve", "--model", model, "--engine", "onnxruntime", "--threads"]
        command += ["1", "--port", "0", "--detector", "none", *options]
        process = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        running.append(process)
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        wait_until(lambda: answers(f"{found[0]}/v2/health/ready"), 30)
        return process, found[0]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


def events(log):
    return [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_is_under_way(start, photo, number):
    process, url = start()
    import http.client

    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/v1/poses?whole_image=true")
    connection.putheader("Content-Length", str(len(photo)))
    connection.endheaders(photo[:50])
    time.sleep(0.3)
    process.send_signal(number)
    time.sleep(0.5)
    assert process.poll() is None  # it waits for the request that has begun
    assert not answers(f"{url}/v2/health/live")  # and takes no other
    connection.send(photo[50:])
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(json.loads(answer.read())["images"][0]["people"]) == 1
    _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    assert events(log)[0] == "ready"
    assert events(log)[-1] == "stopped"
    assert "Traceback" not in log


def test_several_workers_share_the_port_and_their_metrics(start, photo):
    process, url = start("--workers", "2")
    for _ in range(20):
        request = urllib.request.Request(f"{url}/v1/poses?whole_image=true", photo)
        assert urllib.request.urlopen(request, timeout=20).status == 200
    text = urllib.request.urlopen(f"{url}/metrics", timeout=20).read().decode()
    assert 'leanpose_requests_total{route="/v1/poses",status="200"} 20.0' in text
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert events(log).count("ready") == 2
    assert "Traceback" not in log


def test_other_addresses_need_a_token(tmp_path):
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "--host 0.0.0.0: others reach this address, so the service needs a token" in result.stderr
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("example.org")
    assert Address("0.0.0.0", token="x" * 16).token
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    assert read_token(token) == "0123456789abcdef"


@pytest.mark.parametrize("text", ["", "short", "two words of text", "\u00fcberlange Zeichenkette", "x" * 20_000])
def test_what_is_no_token_is_refused(tmp_path, text):
    (tmp_path / "token").write_text(text)
    with pytest.raises(ServeError, match=r"openssl rand -hex 32|over 10,000 bytes"):
        read_token(tmp_path / "token")


def test_mistakes_are_told_before_anything_is_loaded(dot_model, tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["serve", "--model", str(dot_model()), "--port", port])
    assert result.exit_code == 2
    assert f"127.0.0.1 port {port} cannot be had" in result.stderr
    for options, told in [
        (["--model", "nobody"], "unknown model 'nobody'"),
        (["--model", "small", "--model", "small"], "is served twice"),
        (["--cors", "example.org"], "an origin is needed"),
        (["--token-file", str(tmp_path / "none")], "cannot be read"),
        (["--page", str(tmp_path)], "holds no page: write one there with: leanpose export --web"),
    ]:
        result = CliRunner().invoke(app, ["serve", *options])
        assert result.exit_code == 2
        assert told in result.stderr
