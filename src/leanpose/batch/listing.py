"""The files that sources name, one after the other: however many there are, few are in memory."""

import csv
import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.batch.remote import is_address, kind_by_name, list_address
from leanpose.batch.shard import Entry
from leanpose.core.errors import BatchError
from leanpose.media.choosing import kind_in_folder
from leanpose.media.sources import is_video, webcam_number

SORTED_AT_ONCE = 50_000  # names of a folder that are put in order; larger ones are in order piece by piece
LISTS = (".parquet", ".csv", ".txt")
PATH_COLUMNS = ("path", "file", "file_name", "filename", "url")


@dataclass
class Listing:
    """The files of sources, streamed.

    Attributes:
        recursive: look into the folders that lie in folders, too.
        left_out: numbers of files, by suffix, that folders and patterns hold and that are not read.
        folders: in folders that are not looked into.
    """

    sources: Sequence[str]
    recursive: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    folders: int = 0

    def __iter__(self) -> Iterator[Entry]:
        """The entries; a file that two sources name comes twice.

        Raises:
            BatchError: when a source does not exist or cannot be read.
        """
        for source in self.sources:
            yield from self._of(source)

    def _of(self, source: str) -> Iterator[Entry]:
        if is_address(source):
            yield from list_address(source, self.recursive)
            return
        path = os.path.abspath(os.path.expanduser(source))
        if os.path.isdir(path):
            yield from self._folder(path)
        elif os.path.isfile(path):
            suffix = Path(path).suffix.lower()
            yield from read_list(Path(path)) if suffix in LISTS else [named(path)]
        elif glob.has_magic(source):
            yield from self._pattern(path)
        elif webcam_number(source) is not None:
            raise BatchError(f"{source}: a camera has no end: use leanpose predict")
        else:
            raise BatchError(f"{source}: no such file or folder")

    def _folder(self, path: str) -> Iterator[Entry]:
        try:
            for each in _in_order(path):
                if each.name.startswith("."):
                    continue
                if each.is_dir():
                    if self.recursive and not each.is_symlink():  # which may lead in circles
                        yield from self._folder(each.path)
                    else:
                        self.folders += 1
                elif each.is_file():
                    yield from self._taken(each.path, each.stat())
        except OSError as error:
            raise BatchError(f"{path}: cannot be listed: {error.strerror}") from error

    def _pattern(self, pattern: str) -> Iterator[Entry]:
        for path in glob.iglob(pattern, recursive=True):
            if os.path.isfile(path) and not os.path.basename(path).startswith("."):
                yield from self._taken(path, os.stat(path))

    def _taken(self, path: str, found: os.stat_result) -> Iterator[Entry]:
        kind = kind_in_folder(Path(path))
        if kind is None:
            self.left_out[Path(path).suffix.lower() or "without a suffix"] += 1
        else:
            yield Entry(path, kind, found.st_size, found.st_mtime_ns)


def _in_order(folder: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        held: list[os.DirEntry[str]] = []
        for entry in entries:
            held.append(entry)
            if len(held) == SORTED_AT_ONCE:
                yield from sorted(held, key=lambda each: each.name)
                held.clear()
    yield from sorted(held, key=lambda each: each.name)


def named(path: str, size: int | None = None, time: int | None = None) -> Entry:
    """The entry of a file that is named itself: it is taken whatever it is called, and also where it is missing, which
    the results then say."""
    if is_address(path):
        return Entry(path, kind_by_name(path) or "image", size, time)
    path = os.path.abspath(os.path.expanduser(path))
    if size is not None:  # who says so is believed: a list of millions is not looked up
        return Entry(path, kind_by_name(path) or "image", size, time)
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return Entry(path, kind_by_name(path) or "image")
    return Entry(path, "video" if is_video(path) else "image", found.st_size, found.st_mtime_ns)


def read_list(path: Path) -> Iterator[Entry]:
    """The files that a list names: a path or address in each line of a ``.txt``; in a ``.csv`` or ``.parquet`` in the
    column ``path`` (or ``file``, ``file_name``, ``url``), with their bytes in ``size`` and nanoseconds in ``time`` if
    there are such columns. Paths are as on the command line.

    Raises:
        BatchError: when the list cannot be read or has no such column.
    """
    rows = {".parquet": _parquet_rows, ".csv": _csv_rows, ".txt": _text_rows}[path.suffix.lower()]
    try:
        for given, size, time in rows(path):
            if given:
                yield named(str(given), None if size in (None, "") else int(size), None if not time else int(time))
    except (OSError, ValueError, pa.ArrowException, csv.Error) as error:
        raise BatchError(f"{path}: cannot be read as a list of files: {error}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[Any, Any, Any]]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        column = _path_column(path, names)
        further = [name for name in ("size", "time") if name in names]
        for batch in file.iter_batches(batch_size=10_000, columns=[column, *further]):
            columns = {name: batch.column(name).to_pylist() for name in [column, *further]}
            nothing = [None] * batch.num_rows
            yield from zip(columns[column], columns.get("size", nothing), columns.get("time", nothing), strict=True)


def _csv_rows(path: Path) -> Iterator[tuple[Any, Any, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        column = _path_column(path, reader.fieldnames or [])
        for row in reader:
            yield row[column], row.get("size"), row.get("time")


def _text_rows(path: Path) -> Iterator[tuple[Any, Any, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            yield line.rstrip("\r\n"), None, None


def _path_column(path: Path, names: Sequence[str]) -> str:
    for wanted in PATH_COLUMNS:
        if wanted in names:
            return wanted
    raise BatchError(f"{path}: no column {', '.join(PATH_COLUMNS)} in it, only {', '.join(names) or 'nothing'}")
