"""The bodies of requests: never more bytes than allowed, never longer than allowed, and nothing on disk."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from leanpose.serve.limits import Limits
from leanpose.serve.metrics import Metrics
from leanpose.serve.problems import ClientGoneError, Problem

MOST_FIELDS = 128
FIELD_BYTES = 10_000


class Held:
    """Counts the bytes of request bodies that are in memory, and refuses what would be too many."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self.now = 0
        self._limit = limit
        self._metrics = metrics

    def take(self, count: int) -> None:
        if self.now + count > self._limit:
            raise Problem(
                "memory",
                f"all requests together hold {self._limit:,} bytes, and no more fits now: try again in a moment, or "
                "ask for a larger --max-held-mb",
            )
        self.now += count
        self._metrics.held.set(self.now)

    def give(self, count: int) -> None:
        self.now -= count
        self._metrics.held.set(self.now)


@dataclass
class Body:
    """The bytes of a request, and how many of them are counted as held."""

    data: bytearray = field(default_factory=bytearray)
    counted: int = 0


@contextmanager
def held_body(held: Held) -> Iterator[Body]:
    """A body to be filled by :func:`read_body`; what it holds is free after the ``with`` block."""
    body = Body()
    try:
        yield body
    finally:
        held.give(body.counted)


async def read_body(request: Request, body: Body, limits: Limits, held: Held) -> bytes:
    """All bytes of a request's body.

    Raises:
        Problem: for too many bytes, too many of all requests together, or too slow a client.
        ClientGoneError: when the client went away before the end.
    """
    _check_declared(request, limits.max_bytes, "--max-mb")
    end = time.monotonic() + limits.upload_seconds
    async for chunk in chunks(request, lambda: end - time.monotonic(), limits.upload_seconds):
        if len(body.data) + len(chunk) > limits.max_bytes:
            raise _too_many(limits.max_bytes, "--max-mb")
        held.take(len(chunk))
        body.counted += len(chunk)
        body.data += chunk
    if not body.data:
        raise Problem("request", "the body is empty: send the bytes of a picture, as in curl --data-binary @photo.jpg")
    return bytes(body.data)


async def chunks(request: Request, left: Callable[[], float], allowed: float) -> AsyncIterator[bytes]:
    """The body as it comes, each part within the seconds that are ``left`` for it.

    Raises:
        Problem: when a part does not come in time; ``allowed`` are the seconds that the message speaks of.
        ClientGoneError: when the client went away before the end.
    """
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), max(left(), 0))
        except TimeoutError:
            raise Problem(
                "slow", f"the body did not come within {allowed:g} seconds: send it faster, or send less"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


def check_video_size(request: Request, limits: Limits) -> None:
    """Refuses a video that says itself that it is too large, before any of it is read."""
    _check_declared(request, limits.max_video_bytes, "--max-video-mb")


def too_large_video(limits: Limits) -> Problem:
    return _too_many(limits.max_video_bytes, "--max-video-mb")


async def read_form(headers: Headers, data: bytes) -> tuple[bytes, dict[str, list[str]]]:
    """The picture and the fields of a multipart body.

    Raises:
        Problem: when it is none, or has no picture, or several.
    """

    async def whole() -> AsyncIterator[bytes]:
        yield data

    parser = MultiPartParser(headers, whole(), max_files=1, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES)  # type: ignore[arg-type]
    parser.spool_max_size = len(data) + 1
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, KeyError, ValueError, LookupError) as error:
        why = getattr(error, "message", "") or error
        raise Problem(
            "request", f"not a multipart body with one picture ({why!s:.200}): send it as in curl -F image=@photo.jpg"
        ) from error
    fields: dict[str, list[str]] = {}
    image = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            image = await value.read()
        else:
            fields.setdefault(name, []).append(value)
    await form.close()
    if not image:
        raise Problem("request", "no picture in the multipart body: send one as in curl -F image=@photo.jpg")
    return image, fields


def _check_declared(request: Request, limit: int, option: str) -> None:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_many(limit, option)


def _too_many(limit: int, option: str) -> Problem:
    return Problem("bytes", f"over {limit:,} bytes: shrink it, or ask for a larger {option}")
