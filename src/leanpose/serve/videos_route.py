"""POST /v1/videos: a video in, a line of JSON for each frame out, while the video is still coming."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any, BinaryIO, cast

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from leanpose.core.errors import LeanposeError
from leanpose.media.sources import is_video_data
from leanpose.media.video import Frame, Video
from leanpose.pose.formats import header, image_entry
from leanpose.serve import examples
from leanpose.serve.asked import AskedVideo
from leanpose.serve.body import check_video_size
from leanpose.serve.limits import Limits
from leanpose.serve.problems import ClientGoneError, Problem
from leanpose.serve.service import Service
from leanpose.serve.video_upload import VideoUpload

NDJSON = "application/x-ndjson"


def videos_router(service: Service) -> APIRouter:
    """The route of videos."""
    router = APIRouter(prefix="/v1", tags=["videos"])

    @router.post(
        "/videos", summary="Find and follow people in a video", response_class=StreamingResponse,
        responses=examples.VIDEO_ANSWERS, openapi_extra=examples.VIDEO_BODY,
    )  # fmt: skip
    async def videos(request: Request, asked: Annotated[AskedVideo, Query()]) -> Response:
        """The body is a video's bytes: MP4, MOV, Matroska, WebM, AVI, MPEG or FLV. The answer begins while they are
        still coming, where the container has its index in front (MP4 written with `+faststart`, Matroska, WebM, MPEG).

        It is what `leanpose predict --format jsonl` writes: a first line with the skeleton, then one for each frame.
        Where the video breaks off, is damaged or reaches a limit, the last line is `{"problem": {...}}`.
        """
        if find_spec("av") is None or find_spec("scipy") is None:
            raise Problem("extra", "videos need PyAV and SciPy on the server: pip install 'leanpose[serve,video]'")
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise Problem("kind", "a video is sent as it is, not in a form: curl --data-binary @video.mp4, or curl -T")
        service.model(asked.model)
        check_video_size(request, service.limits)
        lines = _lines(request, service, asked)
        try:
            first = await anext(lines)  # what is no video has its own status
        except BaseException:
            await lines.aclose()
            raise
        return _Lines(_and_problem(first, lines, service), media_type=NDJSON)

    return router


class _Lines(StreamingResponse):
    """Sends lines and leaves what the client sends to the upload; Starlette's own would read, and lose, it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(cast(AsyncGenerator[bytes, None], self.body_iterator)):
            await self.stream_response(send)


async def _lines(request: Request, service: Service, asked: AskedVideo) -> AsyncGenerator[bytes, None]:
    """The header with the first frame, then the others; raises Problem where the video cannot be used any further."""
    from leanpose.estimate.stream import PoseTracking

    served, limits = service.model(asked.model), service.limits
    skeleton = service.skeleton(served, asked.skeleton)
    if service.videos >= limits.max_videos:
        raise Problem("videos", f"{limits.max_videos} videos are looked at already: try again later")
    loop = asyncio.get_running_loop()
    service.videos += 1
    service.metrics.videos.inc()
    upload = VideoUpload(request, limits)
    video: Video | None = None
    coming: asyncio.Future[Frame | None] | None = None
    try:
        if not is_video_data(await upload.head()):
            raise Problem("video", "not a video of a kind read here: send MP4, MOV, Matroska, WebM, AVI, MPEG or FLV")
        start = json.dumps(header(skeleton)).encode() + b"\n"
        tracking = PoseTracking(served.estimator, track=asked.track, smooth=asked.smooth)
        video = opened = await loop.run_in_executor(service.decoders, _open, upload)
        coming = loop.run_in_executor(service.decoders, _next, opened)
        while (frame := await coming) is not None:
            upload.check()
            _check_frame(frame, limits)
            coming = loop.run_in_executor(service.decoders, _next, opened)
            step = partial(tracking.step, frame.image, frame.timestamp)
            poses = (await loop.run_in_executor(service.worker, step)).view(skeleton).confident(asked.joint_threshold)
            service.metrics.frames.inc()
            yield start + json.dumps(image_entry(poses), allow_nan=False).encode() + b"\n"
            start = b""
        upload.check()
    except LeanposeError as error:
        upload.check()  # it made an end of the file
        raise Problem("video", str(error)) from error
    finally:
        upload.close()
        if video is not None:
            service.decoders.submit(video.close)
        if coming is not None:
            coming.add_done_callback(_look_away)
        service.videos -= 1
        service.metrics.videos.dec()


def _open(upload: VideoUpload) -> Video:
    from leanpose.media.video_file import VideoFile

    return VideoFile("video", growing=cast(BinaryIO, upload.file))


def _next(video: Video) -> Frame | None:
    return next(video, None)


def _check_frame(frame: Frame, limits: Limits) -> None:
    """Raises Problem for a frame that is beyond the limits."""
    height, width = frame.image.shape[:2]
    if height * width > limits.max_pixels:
        raise Problem("pixels", f"{width} x {height} pixels are over the limit of {limits.max_pixels:,}: shrink it")
    if frame.index >= limits.max_frames:
        raise Problem(
            "frames", f"over {limits.max_frames:,} frames: send it in parts, or ask for a larger --max-frames"
        )
    if frame.timestamp > limits.max_seconds:
        raise Problem("seconds", f"over {limits.max_seconds:g} s: send it in parts, or ask for a larger --max-seconds")


def _look_away(future: "asyncio.Future[Any]") -> None:
    """Takes note of an error that nobody needs any more, so that asyncio does not complain."""
    if not future.cancelled():
        future.exception()


async def _and_problem(
    first: bytes, lines: AsyncGenerator[bytes, None], service: Service
) -> AsyncGenerator[bytes, None]:
    """The lines, and what ended them early, which no status can say any more."""
    async with aclosing(lines):
        try:
            yield first
            async for line in lines:
                yield line
        except Problem as problem:
            service.metrics.errors.labels(problem.kind).inc()
            yield json.dumps({"problem": problem.document()}, ensure_ascii=False).encode() + b"\n"
        except ClientGoneError:
            service.metrics.errors.labels("gone").inc()
