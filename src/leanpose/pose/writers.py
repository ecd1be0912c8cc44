"""Poses into files as they come, one image or frame after the other: nothing is held in memory.

But for JSON lines and the files of OpenPose, which can be read while they are written, a file stands under another
name beside its own until it is closed: also after an error or Ctrl-C, then with what came up to there.
"""

import csv
import io
import json
import os
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TextIO

from leanpose.core.closing import Closing
from leanpose.core.errors import PosesError
from leanpose.core.files import write_whole
from leanpose.pose.formats import CSV_COLUMNS, coco_results, csv_rows, header, image_entry, openpose_document
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

Format = Literal["json", "jsonl", "csv", "coco", "openpose"]
SUFFIXES: dict[Format, str] = {
    "json": ".json", "jsonl": ".jsonl", "csv": ".csv", "coco": ".coco.json", "openpose": "_openpose"
}  # fmt: skip


class PosesWriter(Closing):
    """Writes the poses of images of one skeleton.

    Attributes:
        path: of the file, or of the folder for a format of many files.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._skeleton: Skeleton | None = None  # until the first poses

    def write(self, poses: Poses) -> None:
        """Adds the people of one image or frame.

        Raises:
            PosesError: when the skeleton is another than before, the format needs something that the poses do not
                have, or the file cannot be written.
        """
        if poses.skeleton != (self._skeleton or poses.skeleton):
            raise PosesError("skeleton: the images of one file must share it; write one file per skeleton")
        try:
            if self._skeleton is None:
                self._skeleton = poses.skeleton
                self._begin()
            self._write(poses)
        except OSError as error:
            raise self._failed(error) from error

    @abstractmethod
    def _write(self, poses: Poses) -> None: ...

    @abstractmethod
    def _begin(self) -> None:
        """Called before the first poses are written."""

    @abstractmethod
    def close(self) -> None:
        """Ends the file; safe to call again. Where nothing was written there is none. Raises PosesError."""

    def _failed(self, error: OSError) -> PosesError:
        return PosesError(f"cannot write {self.path}: {error.strerror}; choose another place or make room")


class _TextWriter(PosesWriter):
    """One text file, whole or not there unless it is ``live``."""

    live = False
    _file: TextIO | None = None

    def _begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._beside = self.path if self.live else self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._file = self._beside.open("w", encoding="utf-8", newline="")
        self._file.write(self._head())

    def _write(self, poses: Poses) -> None:
        assert self._file is not None
        self._file.write(self._text(poses))
        if self.live:
            self._file.flush()

    def close(self) -> None:
        if self._file is None or self._file.closed:
            return
        try:
            self._file.write(self._tail())
            self._file.close()
            os.replace(self._beside, self.path)
        except OSError as error:
            with suppress(OSError):
                self._file.close()
            if not self.live:
                self._beside.unlink(missing_ok=True)
            raise self._failed(error) from error

    def _head(self) -> str:
        return ""

    def _tail(self) -> str:
        return ""

    @abstractmethod
    def _text(self, poses: Poses) -> str: ...


class JsonWriter(_TextWriter):
    """The document that :func:`leanpose.pose.formats.to_document` makes, a line per image."""

    _comma = "\n"

    def _head(self) -> str:
        return _json(header(self._skeleton))[:-1] + ', "images": ['

    def _text(self, poses: Poses) -> str:
        before, self._comma = self._comma, ",\n"
        return before + _json(image_entry(poses))

    def _tail(self) -> str:
        return "\n]}\n"


class JsonLinesWriter(_TextWriter):
    """What :func:`leanpose.pose.reading.read_json_lines` reads; every line is on disk before the next one begins."""

    live = True

    def _head(self) -> str:
        return _json(header(self._skeleton)) + "\n"

    def _text(self, poses: Poses) -> str:
        return _json(image_entry(poses)) + "\n"


class CsvWriter(_TextWriter):
    """One row of :data:`leanpose.pose.formats.CSV_COLUMNS` per joint."""

    def _head(self) -> str:
        return _csv([CSV_COLUMNS])

    def _text(self, poses: Poses) -> str:
        return _csv(csv_rows(poses))


class CocoWriter(_TextWriter):
    """A list of :func:`leanpose.pose.formats.coco_results`."""

    _comma = "\n"

    def _head(self) -> str:
        return "["

    def _text(self, poses: Poses) -> str:
        results = coco_results(poses)
        if not results:
            return ""
        before, self._comma = self._comma, ",\n"
        return before + ",\n".join(map(_json, results))

    def _tail(self) -> str:
        return "\n]\n"


class OpenPoseWriter(PosesWriter):
    """A folder with a file per image, ``NAME_keypoints.json``, or per frame, ``NAME_000000000007_keypoints.json``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._names: set[str] = set()

    def _begin(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """There is nothing to end: each file is whole."""

    def _write(self, poses: Poses) -> None:
        stem = Path(poses.source or "image").stem
        if poses.frame is not None:
            stem = f"{stem}_{poses.frame:012d}"
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}_{number}"
        if poses.frame is None:  # frames cannot meet, and their names would fill the memory
            self._names.add(name)
        write_whole(self.path / f"{name}_keypoints.json", _json(openpose_document(poses)).encode(), PosesError)


WRITERS: dict[Format, type[PosesWriter]] = {
    "json": JsonWriter, "jsonl": JsonLinesWriter, "csv": CsvWriter, "coco": CocoWriter, "openpose": OpenPoseWriter
}  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
