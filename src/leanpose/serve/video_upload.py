"""The body of a video's request on its way into a file, beside those who already read from it."""

import asyncio
import time

from starlette.requests import Request

from leanpose.media.sources import HEAD
from leanpose.serve.body import chunks, too_large_video
from leanpose.serve.growing_file import GrowingFile
from leanpose.serve.limits import Limits
from leanpose.serve.problems import ClientGoneError, Problem


class VideoUpload:
    """Reads a request's body in a task of its own, and after its end looks whether the client is still there.

    Attributes:
        file: what came so far.
        fault: why there is nothing more to come, if the file is not whole, or nobody waits; the file then ends early.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        self.file = GrowingFile()
        self.fault: Problem | ClientGoneError | None = None
        self._request = request
        self._limits = limits
        self._head = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def head(self) -> bytes:
        """The first bytes, as many as tell a video from other files; raises what ended the upload before."""
        await self._head.wait()
        self.check()
        head = self.file.read(HEAD)  # they are there: it does not wait
        self.file.seek(0)
        return head

    def check(self) -> None:
        """Raises what ended the upload, if anything did."""
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        """Ends the task and all reads, and gives the disk's room back."""
        self._task.cancel()
        self.file.close()

    async def _read(self) -> None:
        try:
            await self._fill()
            self.file.finish()
            self._head.set()
            while (await self._request.receive())["type"] != "http.disconnect":
                pass
            self.fault = ClientGoneError()
        except (Problem, ClientGoneError) as fault:
            self.fault = fault
        finally:
            self._head.set()
            self.file.finish()

    async def _fill(self) -> None:
        limits = self._limits
        end = time.monotonic() + limits.max_seconds + limits.upload_seconds  # as long as it takes to film it
        longest = limits.upload_seconds
        async for chunk in chunks(self._request, lambda: min(longest, end - time.monotonic()), longest):
            if self.file.size + len(chunk) > limits.max_video_bytes:
                raise too_large_video(limits)
            self.file.add(chunk)
            if self.file.size >= HEAD:
                self._head.set()
