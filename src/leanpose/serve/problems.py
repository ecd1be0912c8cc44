"""What goes wrong with a request, as RFC 9457 has it: a status, a kind, and a sentence that says what to do."""

import json
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/problem+json"
KINDS: dict[str, tuple[int, str]] = {
    "token": (401, "A token is needed"),
    "model": (404, "No such model"),
    "path": (404, "No such path"),
    "method": (405, "Another method is needed"),
    "accept": (406, "No answer of that kind"),
    "slow": (408, "The request came too slowly"),
    "bytes": (413, "Too many bytes"),
    "kind": (415, "Another kind of body is needed"),
    "request": (422, "The request cannot be understood"),
    "image": (422, "The picture cannot be used"),
    "pixels": (422, "Too many pixels"),
    "boxes": (422, "The boxes cannot be used"),
    "images": (422, "Too many pictures in one request"),
    "video": (422, "The video cannot be used"),
    "frames": (422, "Too many frames"),
    "seconds": (422, "The video is too long"),
    "queue": (429, "The queue is full"),
    "videos": (429, "Too many videos at once"),
    "internal": (500, "A fault of the service"),
    "extra": (501, "Not installed here"),
    "connections": (503, "Too many connections"),
    "memory": (503, "Too many requests in memory"),
    "late": (503, "No answer in time"),
    "stopping": (503, "The service is stopping"),
    "loading": (503, "The service is not ready"),
}
RETRY = {"queue": 1, "videos": 10, "connections": 1, "memory": 1, "late": 10, "stopping": 10, "loading": 2}
AS_STATUS = {401: "token", 404: "path", 405: "method", 413: "bytes", 415: "kind", 422: "request"}


class Problem(Exception):  # noqa: N818  # RFC 9457's word
    """A request that is refused.

    Attributes:
        kind: one of :data:`KINDS`, for machines.
        detail: what was wrong, where, and what to do, for people.
        status: of the answer.
        headers: that the answer has.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.status, self.title = KINDS[kind]
        self.headers = dict(headers or {})
        if kind in RETRY:
            self.headers["Retry-After"] = str(RETRY[kind])
        if kind == "token":
            self.headers["WWW-Authenticate"] = "Bearer"

    def document(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {
            "type": f"urn:leanpose:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }

    def body(self) -> bytes:
        """:meth:`document` as bytes."""
        return json.dumps(self.document(), ensure_ascii=False).encode()


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""
