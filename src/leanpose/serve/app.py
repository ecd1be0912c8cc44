"""The application: all routes, and how whatever goes wrong is answered."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from leanpose import __version__
from leanpose.serve import page, reference
from leanpose.serve.access import GONE, Access, Token, problem_answer
from leanpose.serve.asked import faults
from leanpose.serve.kserve_route import kserve_router
from leanpose.serve.limits import Limits
from leanpose.serve.poses_route import poses_router
from leanpose.serve.problems import AS_STATUS, ClientGoneError, Problem
from leanpose.serve.service import Estimators, Service
from leanpose.serve.videos_route import videos_router

LOG = logging.getLogger("leanpose.serve")


def create_app(
    open_estimators: Callable[[], Estimators],
    limits: Limits | None = None,
    token: str | None = None,
    origins: Sequence[str] = (),
    page_folder: Path | None = None,
) -> FastAPI:
    """The service as an ASGI application; its :class:`leanpose.serve.service.Service` is ``app.state.service``.

    Args:
        open_estimators: gives the models by name when the application starts.
        limits: what may be asked; by default those of :class:`leanpose.serve.limits.Limits`.
        token: that requests must have; ``None`` lets everybody in.
        origins: of pages elsewhere whose scripts may ask, ``"*"`` for all.
        page_folder: the built page that stands at ``/``; by default that of the package, if there is one.
    """
    service = Service(open_estimators, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        LOG.info("ready", extra={"fields": {"models": list(service.models)}})
        yield
        service.stop()
        LOG.info("stopped")

    app = FastAPI(
        title="leanpose", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="People's joints in pictures and videos. Problems come as `application/problem+json` (RFC 9457) "
        "and say what to do.",
    )  # fmt: skip
    app.state.service = service
    for router in (poses_router(service), videos_router(service), kserve_router(service)):
        app.include_router(router)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        asked = str(request.base_url).rstrip("/")  # as the client wrote it: the examples can be copied
        return Response(reference.page(app.openapi(), asked), media_type="text/html")

    page.add(app, page_folder)
    if token is not None:
        app.add_middleware(Token, token=token, metrics=service.metrics)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], expose_headers=["Server-Timing", "Retry-After"],
        )  # fmt: skip
    app.add_middleware(Access, metrics=service.metrics)
    _add_handlers(app, service)
    return app


def _add_handlers(app: FastAPI, service: Service) -> None:
    async def of_problem(_: Request, problem: Any) -> Response:
        return problem_answer(problem, service.metrics)

    async def of_parameters(_: Request, error: Any) -> Response:
        return problem_answer(Problem("request", faults(error.errors())), service.metrics)

    async def of_http(request: Request, error: Any) -> Response:
        kind = AS_STATUS.get(error.status_code, "request")
        told = {
            "path": f"nothing at {request.url.path[:100]}: /docs lists what there is",
            "method": f"{request.method} is not for {request.url.path[:100]}: /docs says which method is",
        }
        problem = Problem(kind, told.get(kind, str(error.detail)), error.headers)
        return problem_answer(problem, service.metrics)

    async def of_nobody(_: Request, __: Any) -> Response:
        service.metrics.errors.labels("gone").inc()
        return Response(status_code=GONE)

    app.add_exception_handler(Problem, of_problem)
    app.add_exception_handler(RequestValidationError, of_parameters)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(ClientGoneError, of_nobody)
