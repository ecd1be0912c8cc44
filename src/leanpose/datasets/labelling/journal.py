"""What is labelled so far, a line per picture, so that a run that ends early goes on where it was.

The file holds JSON lines: first the configuration that the labels were made with, then one record per picture as
soon as it is done. A last line that was cut off is dropped.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from leanpose.core.bounded import read_bytes
from leanpose.core.errors import DatasetError

Record = dict[str, Any]
"""Of one picture: ``file_name``, ``width``, ``height``, and its people's annotations as ``people``."""


class Journal:
    """The records of one label file in the making.

    Attributes:
        path: of the journal.
        records: by the picture's name; of two of one picture the first.
    """

    def __init__(self, path: Path, configuration: Mapping[str, Any]) -> None:
        """Reads what is there already.

        Raises:
            DatasetError: when the file cannot be read, is no journal, or was begun with another configuration; the
                message says what differs.
        """
        self.path = path
        self.records: dict[str, Record] = {}
        self._configuration = dict(configuration)
        self._file: IO[bytes] | None = None
        self._whole = 0  # bytes up to the end of the last whole line
        if path.exists():
            self._read()

    def add(self, record: Record) -> None:
        """Keeps a record, in the file too before this returns.

        Raises:
            DatasetError: when the file cannot be written.
        """
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(_line(record))
            self._file.flush()
        except OSError as cause:
            raise DatasetError(f"cannot write {self.path}: {cause.strerror}; what is there stays good") from cause
        self.records.setdefault(record["file_name"], record)

    def close(self) -> None:
        """Ends writing; the file stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Takes the file away, when its content is in the label file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("r+b" if self.path.exists() else "w+b")
        file.truncate(self._whole)
        file.seek(0, os.SEEK_END)
        if not self._whole:
            file.write(_line({"configuration": self._configuration}))
        return file

    def _read(self) -> None:
        content = read_bytes(self.path, DatasetError)
        *lines, cut_off = content.split(b"\n")
        self._whole = len(content) - len(cut_off)
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                if number == 1:
                    begun_with = entry["configuration"]
                    self._check(begun_with)
                else:
                    self.records.setdefault(entry["file_name"], entry)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise DatasetError(
                    f"{self.path}, line {number}: not a journal of labels ({type(error).__name__}): move it away"
                ) from error

    def _check(self, begun_with: Mapping[str, Any]) -> None:
        ours = json.loads(json.dumps(self._configuration))  # tuples become lists, as in the file
        names = [name for name in {**begun_with, **ours} if begun_with.get(name) != ours.get(name)]
        if names:
            listed = "; ".join(f"{n}: {json.dumps(begun_with.get(n))}, now {json.dumps(ours.get(n))}" for n in names)
            raise DatasetError(
                f"{self.path} was begun with other arguments ({listed}): run it with those, choose another --out, or "
                "--overwrite to begin anew"
            )


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, allow_nan=False).encode() + b"\n"
