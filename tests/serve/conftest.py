"""A service on a free port of this machine, in a thread, with a model and a detector of dots."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service needs the extra serve: pip install 'leanpose[serve]'")

from uvicorn import Server

from leanpose.estimate.estimator import PoseEstimator
from leanpose.serve.app import create_app
from leanpose.serve.limits import Limits
from leanpose.serve.protocol import ServeConfig
from leanpose.serve.server import Address, listening_socket

from ..videos import FindDots, picture

QUICK = Limits(head_seconds=5, upload_seconds=5, answer_seconds=20, drain_seconds=10)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert set(self.json) == {"type", "title", "status", "detail"}
        assert self.json["status"] == self.status
        return self.json["type"].removeprefix("urn:leanpose:problem:")


class GatedDots(FindDots):
    """Finds dots once the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()  # whether the engine has come to the gate

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.waiting.set()
        assert self.gate.wait(30)
        return super().__call__(image)


class Running:
    """A service that listens, and what it is made of."""

    def __init__(self, estimator: PoseEstimator, detector: GatedDots, limits: Limits, **options: Any) -> None:
        self.estimator, self.detector = estimator, detector
        app = create_app(lambda: {"dots": estimator}, limits, **options)
        self.app = app
        self.service = app.state.service
        taken = listening_socket(Address(port=0))
        self.port: int = taken.getsockname()[1]
        config = ServeConfig(
            app, limits, log_config=None, access_log=False, server_header=False,
            timeout_graceful_shutdown=round(limits.drain_seconds),
        )  # fmt: skip
        self.server = Server(config)
        self.thread = threading.Thread(target=partial(self.server.run, [taken]))
        self.thread.start()
        wait_until(lambda: self.server.started)

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method or ("GET" if body is None else "POST"), path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def stop(self) -> None:
        self.detector.gate.set()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive(), "the service does not stop"


def wait_until(true: Callable[[], Any], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def serve(dot_model: Callable[..., Any]) -> Iterator[Callable[..., Running]]:
    """Starts a service; fields of its limits by name, and ``token``, ``origins``, ``page_folder``."""
    started: list[Running] = []
    model = dot_model()

    def start(token: str | None = None, origins: Any = (), page_folder: Any = None, **limits: Any) -> Running:
        detector = GatedDots()
        estimator = PoseEstimator(model, "onnxruntime", threads=1, detector=detector)
        options = {"token": token, "origins": origins, "page_folder": page_folder}
        started.append(Running(estimator, detector, replace(QUICK, **limits), **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def photo() -> bytes:
    """Two people of dots, as PNG."""
    return png(picture(0))
