"""Poses into files as they come, one image or frame after the other: nothing is held in memory.

A file stands under another name beside its own until it is closed: JSON lines, which can be read while they are
written, as ``NAME.partial.jsonl``, others hidden. It is closed after an error or Ctrl-C, too, with what came up to
there; older results then stay, and it stands beside them. On a full disk what fitted is kept beside them, and reads.
"""

import csv
import io
import json
import os
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from leanpose.core.errors import PosesError
from leanpose.core.files import partial_of, replace_folder
from leanpose.pose.coco import ImageId, Numbering, category, coco_annotations, coco_results
from leanpose.pose.formats import CSV_COLUMNS, csv_rows, header, image_entry, openpose_document, yolo_lines
from leanpose.pose.poses import Poses
from leanpose.pose.poses_writer import PosesWriter
from leanpose.pose.skeleton import Skeleton

Format = Literal["json", "jsonl", "csv", "coco", "coco-dataset", "yolo", "openpose"]
SUFFIXES: dict[Format, str] = {
    "json": ".json", "jsonl": ".jsonl", "csv": ".csv", "coco": ".coco.json", "coco-dataset": ".coco-dataset.json",
    "yolo": "_yolo", "openpose": "_openpose",
}  # fmt: skip


class _TextWriter(PosesWriter):
    """One text file, which is whole after each image: the next one is written over its end.

    So a full disk, which cuts a write, leaves all that came before, and a killed process leaves a file that reads.
    """

    live = False
    _file: io.FileIO | None = None
    _end = 0  # of the last image that is written whole, in bytes

    def _begin(self, skeleton: Skeleton) -> None:
        super()._begin(skeleton)
        if self.live:
            self._part = partial_of(self.path)
        assert self._part is not None
        self._file = io.FileIO(os.open(self._part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        if self.live:
            self._lock(self._file, self._part)
        self._file.truncate(0)
        self._add(self._head())

    def _write(self, poses: Poses) -> None:
        self._add(self._text(poses))

    def _add(self, text: str) -> None:
        data = text.encode()
        self._put(data + self._tail())
        self._end += len(data)

    def _put(self, data: bytes) -> None:
        """Writes after the last whole image, all or OSError."""
        assert self._file is not None
        self._file.seek(self._end)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def _finish(self) -> None:
        assert self._file is not None
        os.fsync(self._file.fileno())  # some disks say that they are full here only
        self._file.close()

    def _undo(self) -> None:
        if self._file is None or self._file.closed:
            return
        try:
            # the old tail is on disk at this place: overwritten, it needs no room
            self._file.truncate(self._end + len(self._tail()))
            self._put(self._tail())
        finally:
            self._file.close()

    def _lock(self, file: io.FileIO, path: Path) -> None:
        """A name that others know, too, is one process's; where there are no locks it is not checked."""
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._part, self._ended = None, True  # it is the other one's
            file.close()
            raise PosesError(
                f"{path} is being written by another process: wait for it, or choose another place"
            ) from error
        except OSError:  # as on some network drives
            return

    def _head(self) -> str:
        return ""

    def _tail(self) -> bytes:
        return b""

    @abstractmethod
    def _text(self, poses: Poses) -> str: ...


class _JsonListWriter(_TextWriter):
    """A document with one long list, whose entries stand in lines of their own."""

    _comma = "\n"

    def _listed(self, entries: Sequence[Any]) -> str:
        """The next entries, behind those before them."""
        if not entries:
            return ""
        before, self._comma = self._comma, ",\n"
        return before + ",\n".join(map(_json, entries))


class JsonWriter(_JsonListWriter):
    """The document that :func:`leanpose.pose.formats.to_document` makes, a line per image."""

    def _head(self) -> str:
        return _json(header(self._skeleton))[:-1] + ', "images": ['

    def _text(self, poses: Poses) -> str:
        return self._listed([image_entry(poses)])

    def _tail(self) -> bytes:
        return b"\n]}\n"


class JsonLinesWriter(_TextWriter):
    """What :func:`leanpose.pose.reading.read_json_lines` reads, also while it grows, as ``NAME.partial.jsonl``; every
    line is in the file before the next one begins."""

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


class CocoWriter(_JsonListWriter):
    """A list of :func:`leanpose.pose.coco.coco_results`."""

    def __init__(self, path: str | os.PathLike[str], image_ids: Mapping[str, ImageId] | None = None) -> None:
        """``image_ids`` has the images' ids by their sources, see :func:`leanpose.pose.coco.image_ids_of`."""
        super().__init__(path)
        self._numbering = Numbering(image_ids)

    def _head(self) -> str:
        return "["

    def _text(self, poses: Poses) -> str:
        return self._listed(coco_results(poses, self._numbering.of(poses)))

    def _tail(self) -> bytes:
        return b"\n]\n"


class CocoDatasetWriter(_JsonListWriter):
    """Images, categories and :func:`leanpose.pose.coco.coco_annotations`, as labelling tools open them.

    Images are called as their sources are, frames of a video ``NAME_000000000007.jpg``, whose numbers are their ids; of
    each image its id, name and size are held in memory.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        image_ids: Mapping[str, ImageId] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """``image_ids`` and ``names`` have the images' ids and names by their sources; else ids count from 1."""
        super().__init__(path)
        self._ids, self._names = image_ids or {}, names or {}
        self._images: list[dict[str, Any]] = []
        self._people = 0

    def _head(self) -> str:
        return '{"annotations": ['

    def _text(self, poses: Poses) -> str:
        source = poses.source or "image"
        name, id_ = self._names.get(source, source), self._ids.get(source, len(self._images) + 1)
        if poses.frame is not None:
            name, id_ = f"{Path(source).stem}_{poses.frame:012d}.jpg", poses.frame
        height, width = poses.image_hw
        self._images.append({"id": id_, "file_name": name, "width": width, "height": height})
        found = coco_annotations(poses, id_, self._people + 1)
        self._people += len(found)
        return self._listed(found)

    def _tail(self) -> bytes:
        return b"\n]}\n"  # the images, a long list, come once, at the end

    def _finish(self) -> None:
        assert self._skeleton is not None
        rest = {"images": self._images, "categories": [category(self._skeleton)], "info": {}, "licenses": []}
        self._put(("\n],\n" + _json(rest)[1:] + "\n").encode())
        super()._finish()


class _FolderWriter(PosesWriter):
    """A folder with a file per image, called as it is, or per frame, with its number.

    It takes the place of an older one, and of nothing else: no folder has the files of two runs.
    """

    _ending: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._names: set[str] = set()

    def _begin(self, skeleton: Skeleton) -> None:
        for place in (self.path, partial_of(self.path)):
            if place.is_dir() and not all(file.name.endswith(self._ending) for file in place.iterdir()):
                raise PosesError(f"{place} holds other files than *{self._ending}: choose another place")
        super()._begin(skeleton)
        assert self._part is not None
        self._part.mkdir()

    def _finish(self) -> None:
        """There is nothing to end: each file is whole."""

    _undo = _finish

    def _put_in_place(self, part: Path, place: Path) -> Path:
        replace_folder(part, place)
        return place

    def _free(self) -> Path:
        taken = self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir()))
        return partial_of(self.path) if taken else self.path

    def _write(self, poses: Poses) -> None:
        assert self._part is not None
        stem = Path(poses.source or "image").stem
        if poses.frame is not None:
            stem = f"{stem}_{poses.frame:012d}"
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}_{number}"
        if poses.frame is None:  # frames cannot meet, and their names would fill the memory
            self._names.add(name)
        file = self._part / f"{name}{self._ending}"
        try:
            file.write_bytes(self._text(poses).encode())
        except OSError:
            file.unlink(missing_ok=True)
            raise

    @abstractmethod
    def _text(self, poses: Poses) -> str:
        """What stands in an image's file."""


class OpenPoseWriter(_FolderWriter):
    """Files ``NAME_keypoints.json``, of frames ``NAME_000000000007_keypoints.json``."""

    _ending = "_keypoints.json"

    def _text(self, poses: Poses) -> str:
        return _json(openpose_document(poses))


class YoloWriter(_FolderWriter):
    """Files ``NAME.txt`` of :func:`leanpose.pose.formats.yolo_lines`, of frames ``NAME_000000000007.txt``."""

    _ending = ".txt"

    def _text(self, poses: Poses) -> str:
        return "".join(f"{line}\n" for line in yolo_lines(poses))


WRITERS: dict[Format, type[PosesWriter]] = {
    "json": JsonWriter, "jsonl": JsonLinesWriter, "csv": CsvWriter, "coco": CocoWriter,
    "coco-dataset": CocoDatasetWriter, "yolo": YoloWriter, "openpose": OpenPoseWriter,
}  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
