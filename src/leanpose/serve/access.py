"""What stands around all routes: the token, and a line in the log and a number in the metrics for each request."""

import hmac
import logging
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leanpose.serve.metrics import Metrics
from leanpose.serve.problems import MEDIA_TYPE, ClientGoneError, Problem

LOG = logging.getLogger("leanpose.serve")
GUARDED = ("/v1", "/v2", "/metrics")
OPEN = ("/v2/health/live", "/v2/health/ready")
GONE = 499  # in logs, for an answer that nobody took


class Access:
    """Logs and counts requests, and answers what the application did not foresee with 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, size = time.perf_counter(), 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientGoneError:
            status = GONE
            self._metrics.errors.labels("gone").inc()
        except Exception:
            LOG.exception("fault", extra={"fields": {"path": scope["path"][:200]}})
            if status == 0:
                fault = Problem("internal", "a fault of the service, which its log has: please report it")
                await problem_answer(fault, self._metrics)(scope, receive, sending)
        seconds = time.perf_counter() - start
        route = getattr(scope.get("route"), "path", None) or "other"
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        client = scope.get("client") or ("",)
        fields = {
            "client": client[0], "method": scope["method"], "path": scope["path"][:200], "status": status,
            "ms": round(1000 * seconds, 1), "bytes": size,
        }  # fmt: skip
        LOG.info("request", extra={"fields": fields})


class Token:
    """Lets only requests with the token reach the routes that compute or tell anything about the service."""

    def __init__(self, app: ASGIApp, token: str, metrics: Metrics) -> None:
        self._app = app
        self._token = token.encode()
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_guarded(scope["path"]) and not self._fits(Request(scope)):
            problem = Problem("token", "send the header Authorization: Bearer TOKEN, with the token of the service")
            await problem_answer(problem, self._metrics)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fits(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token)


def is_guarded(path: str) -> bool:
    """Whether a path needs the token, where there is one: all but the page, the documentation and the health."""
    return path not in OPEN and any(path == root or path.startswith(root + "/") for root in GUARDED)


def problem_answer(problem: Problem, metrics: Metrics) -> Response:
    """The answer of a request that is refused, counted."""
    metrics.errors.labels(problem.kind).inc()
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)
