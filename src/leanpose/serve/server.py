"""The process that listens: one, or several that share a port."""

import ipaddress
import os
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn import Server
from uvicorn.supervisors import Multiprocess

from leanpose.core.bounded import read_text
from leanpose.core.errors import ServeError
from leanpose.serve.estimators import OpenEstimators
from leanpose.serve.limits import Limits
from leanpose.serve.logs import log_config
from leanpose.serve.metrics import SHARED
from leanpose.serve.protocol import ServeConfig

LEAST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Address:
    """Where to listen, and who may ask.

    Attributes:
        host, port: port 0 is any that is free.
        token: that requests must have; ``None`` lets everybody in, on this machine only.
        origins: of pages elsewhere whose scripts may ask.

    Raises:
        ServeError: for an address that others reach, without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    origins: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ServeError(
                f"--host {self.host}: others reach this address, so the service needs a token: write one of at least "
                f"{LEAST_TOKEN} characters into a file and name it with --token-file, or listen at 127.0.0.1"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """The token in a file, without the space around it.

    Raises:
        ServeError: when the file cannot be read, or what it holds is no token.
    """
    token = read_text(path, ServeError, 10_000).strip()
    if len(token) < LEAST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise ServeError(
            f"{path}: a token of at least {LEAST_TOKEN} letters, digits and signs without spaces is needed, such as "
            "the output of: openssl rand -hex 32"
        )
    return token


def serve(
    estimators: OpenEstimators,
    address: Address,
    limits: Limits,
    workers: int = 1,
    announce: Any = print,
    page_folder: Path | None = None,
) -> int:
    """Listens until it is asked to stop, by SIGINT or SIGTERM, then ends what is under way; returns the exit status.

    Args:
        announce: is told the address, in words, as soon as it is taken.
        page_folder: of ``leanpose export --web``, to stand at ``/``.

    Raises:
        ServeError: when the address cannot be had, or there is no page in the folder.
        ModelError: when a model cannot be.
    """
    if page_folder is not None and not (page_folder / "index.html").is_file():
        raise ServeError(f"{page_folder} holds no page: write one there with: leanpose export --web {page_folder}")
    estimators.check()
    taken = listening_socket(address)
    host, port = taken.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    announce(f"serving {', '.join(estimators.models)} at {where}, documentation at {where}/docs; Ctrl-C ends it")
    app = partial(_create, estimators, limits, address, page_folder)
    config = ServeConfig(
        app, limits, factory=True, workers=workers, log_config=log_config(), access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=round(limits.drain_seconds) or 1,
    )  # fmt: skip
    if workers == 1:
        server = PoliteServer(config)
        server.run([taken])
        return 0 if server.started else 1
    with tempfile.TemporaryDirectory(prefix="leanpose-metrics-") as folder:
        os.environ[SHARED] = folder
        try:
            supervisor = _Supervisor(config, [taken])
            supervisor.run()
        finally:
            del os.environ[SHARED]
            taken.close()
    return 1 if supervisor.failed else 0


class PoliteServer(Server):
    """uvicorn's server, for which a signal to stop is no failure."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._captured_signals.clear()  # or uvicorn would raise them again, once all is done


class _Supervisor(Multiprocess):
    """uvicorn's supervisor, who also says whether a worker could not start."""

    failed = False

    def keep_subprocess_alive(self) -> None:
        stopping = self.should_exit.is_set()
        super().keep_subprocess_alive()
        self.failed |= self.should_exit.is_set() and not stopping


def _create(estimators: OpenEstimators, limits: Limits, address: Address, page_folder: Path | None) -> Any:
    import cv2

    from leanpose.serve.app import create_app

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its own lines about broken pictures
    return create_app(estimators, limits, address.token, address.origins, page_folder)


def listening_socket(address: Address) -> socket.socket:
    """A socket that has the address, and listens once a server is given it; raises ServeError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # named TCP, or asyncio leaves Nagle's algorithm on, and an answer's body waits 40 ms for its head's acknowledgement
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address.host, address.port))
    except OSError as error:
        taken.close()
        raise ServeError(
            f"{address.host} port {address.port} cannot be had ({error.strerror or error}): choose another by --port, "
            "or end what listens there"
        ) from error
    taken.set_inheritable(True)
    return taken
