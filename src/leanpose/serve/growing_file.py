"""A file that is read while it is being written: reads wait for what is to come."""

import io
import os
import tempfile
import threading


class GrowingFile(io.RawIOBase):
    """What an upload is put into, and what a decoder in another thread reads; on disk, without a name, bounded by who
    writes.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close
        self._at = 0  # of the reader
        self._whole = False
        self._changed = threading.Condition()

    def add(self, data: bytes) -> None:
        """Writes at the end."""
        with self._changed:
            self._file.seek(self.size)
            self._file.write(data)
            self.size += len(data)
            self._changed.notify_all()

    def finish(self) -> None:
        """Says that nothing more comes, and ends the reads that wait."""
        with self._changed:
            self._whole = True
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, none at the end of the whole file."""
        with self._changed:
            self._wait(self._at + 1 if size >= 0 else None)
            if self.closed:
                return b""
            self._file.seek(self._at)
            data = self._file.read(max(0, self.size - self._at) if size < 0 else size)
            self._at += len(data)
            return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new place; -1, and no move, where it counts from the end, which is not there yet: so FFmpeg asks for
        the size, and goes on without."""
        with self._changed:
            if whence == os.SEEK_END and not self._whole:
                return -1
            base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
            self._at = max(base + offset, 0)
            return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:  # PyAV would take it for an output
        return False

    def close(self) -> None:
        with self._changed:
            self._whole = True
            super().close()
            self._file.close()
            self._changed.notify_all()

    def _wait(self, size: int | None) -> None:
        """Until there are so many bytes, or the file is whole."""
        while not self._whole and (size is None or self.size < size):
            self._changed.wait()
