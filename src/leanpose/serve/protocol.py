"""Connections: how many may be open, how long a request's head may take, and who reads no answer.

uvicorn has no such limits of its own. A client that only opens connections takes no place from others: the oldest one
that has sent no whole request makes room.
"""

import asyncio
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from leanpose.serve.limits import Limits
from leanpose.serve.problems import MEDIA_TYPE, Problem

LINGER = 5.0  # seconds for a client to notice an answer that came before it had sent all
REFUSED = 64  # more connections that are let in, only to be told that there are too many


class ServeConfig(Config):
    """uvicorn's settings with our limits."""

    def __init__(self, app: Any, limits: Limits, **options: Any) -> None:
        super().__init__(app, http=BoundedProtocol, ws="none", loop="asyncio", **options)
        self.limits = limits


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, ServeConfig)
        self._limits = config.limits
        # of all connections those without a whole request, the oldest first
        self._waiting: dict[BoundedProtocol, None] = server_state.__dict__.setdefault("waiting", {})
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._began = False  # whether bytes of a head have come

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) <= self._limits.max_connections:
            return
        if len(self.connections) > self._limits.max_connections + REFUSED:
            transport.abort()
            return
        oldest = next(iter(self._waiting))
        if oldest is not self:
            oldest._leave()
        else:
            self.app = _refuse

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        for name in list(self._timers):
            self._unset(name)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if "stalled" in self._timers:
            self._set("stalled", self._limits.upload_seconds, self._abort)  # who still sends need not read yet
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._waiting.pop(self, None)
            self._unset("head")
        elif not self.transport.is_closing() and "linger" not in self._timers:
            self._began = True
            if "head" not in self._timers:
                self._await_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        if self.conn.their_state is h11.SEND_BODY:  # refused before it was all there
            self._set("linger", LINGER, self._abort)
        else:
            self._waiting[self] = None  # of an idle one uvicorn's own timer

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set("stalled", self._limits.upload_seconds, self._abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unset("stalled")

    def send_400_response(self, msg: str) -> None:
        self._answer(400, Problem("request", "not HTTP/1.1, or headers over 16 kB: send a request as curl does").body())

    def _await_head(self) -> None:
        self._waiting[self] = None
        self._set("head", self._limits.head_seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._began:
            seconds = f"{self._limits.head_seconds:g}"
            self._answer(408, Problem("slow", f"no whole head of a request within {seconds} seconds").body())
        else:
            self._leave()

    def _answer(self, status: int, body: bytes) -> None:
        """Without any application, at the end of the connection."""
        reason = {400: "Bad Request", 408: "Request Timeout"}[status]
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            self.transport.close()

    def _leave(self) -> None:
        """Closes a connection without a request."""
        self._waiting.pop(self, None)
        self.connections.discard(self)
        self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()

    def _set(self, name: str, seconds: float, then: Any) -> None:
        self._unset(name)
        self._timers[name] = self.loop.call_later(seconds, then)

    def _unset(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    """An application that says that there are too many connections."""
    problem = Problem("connections", "all connections are taken by requests: try again in a second")
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.body()})
