"""The results: a Parquet file for each shard, one row for each person in each picture or frame (docs/scale.md)."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.core.errors import BatchError, PosesError, SkeletonError
from leanpose.core.files import part_of, to_disk
from leanpose.pose.formats import header, read_header
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

VERSION = 1  # of the schema
KEY = b"leanpose.batch"  # of the file's metadata
PICTURES_AT_ONCE = 2_000  # pictures and frames whose rows are in memory
_NUMBERS = pa.list_(pa.float32())
POSES = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("frame", pa.int64()),
        pa.field("time", pa.float64()),
        pa.field("height", pa.int32()),
        pa.field("width", pa.int32()),
        pa.field("person", pa.int32()),
        pa.field("id", pa.int64()),
        pa.field("box", _NUMBERS),
        pa.field("box_score", pa.float32()),
        pa.field("keypoints", _NUMBERS),
        pa.field("scores", _NUMBERS),
        pa.field("uncertainties", _NUMBERS),
        pa.field("model", pa.string(), nullable=False),
        pa.field("damage", pa.string()),
        pa.field("error", pa.string()),
    ]
)


@dataclass(frozen=True)
class Counts:
    """What is in results.

    Attributes:
        images, frames: that were looked at, failures among them not counted.
        people: all of them, in every frame again.
        failures: rows with an error.
    """

    images: int = 0
    frames: int = 0
    people: int = 0
    failures: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


class Table:
    """Writes the rows of one file, which takes its place when it is closed whole, and else is gone."""

    def __init__(self, path: Path, model: str, skeleton: Skeleton, shard: str) -> None:
        """Begins; raises BatchError when the place cannot be written."""
        self.path, self.counts = path, Counts()
        self._model, self._skeleton, self._shard = model, skeleton, shard
        self._rows: list[tuple[str, Poses | str, int | None, float | None]] = []
        self._writer: pq.ParquetWriter | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part = part_of(path)
            self._writer = pq.ParquetWriter(self._part, POSES, compression="zstd")
        except OSError as error:
            raise self._failed(error) from error

    def add(self, file: str, poses: Poses) -> None:
        """Adds the people of a picture or frame; where there is nobody, a row that says so."""
        self._take(file, poses, poses.frame, poses.timestamp)
        of_video = poses.frame is not None
        self.counts += Counts(int(not of_video), int(of_video), len(poses))

    def add_error(self, file: str, error: str) -> None:
        """Adds what was wrong with a file."""
        self._take(file, error, None, None)
        self.counts += Counts(failures=1)

    def add_rows(self, rows: pa.Table) -> None:
        """Adds rows of :data:`POSES` as they are."""
        assert self._writer is not None
        self._flush()
        try:
            self._writer.write_table(rows.cast(POSES))
        except OSError as error:
            raise self._failed(error) from error
        self.counts += counts_of(rows)

    def _take(self, file: str, found: Poses | str, frame: int | None, time: float | None) -> None:
        self._rows.append((file, found, frame, time))
        if len(self._rows) == PICTURES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        assert self._writer is not None
        try:
            if self._rows:
                self._writer.write_batch(_batch(self._rows, self._model))
        except OSError as error:
            raise self._failed(error) from error
        self._rows.clear()

    def close(self) -> None:
        """Puts the file in its place, once the disk has it; raises BatchError."""
        assert self._writer is not None
        self._flush()
        try:
            self._writer.add_key_value_metadata({KEY: _metadata(self._skeleton, self._shard, self.counts)})
            self._writer.close()
            self._writer = None
            to_disk(self._part)
            os.replace(self._part, self.path)
        except OSError as error:
            raise self._failed(error) from error

    def drop(self) -> None:
        """Takes away what is written."""
        if self._writer is not None:
            with suppress(OSError):  # such as the disk being full, which is why it is dropped
                self._writer.close()
            self._writer = None
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self.close()
            finally:
                self.drop()
        else:
            self.drop()

    def _failed(self, error: OSError) -> BatchError:
        return BatchError(
            f"cannot write {self.path}: {error.strerror or error}; make room: what is there stays, and the same "
            "command goes on with what is missing"
        )


def _metadata(skeleton: Skeleton, shard: str, counts: Counts) -> bytes:
    found = {"version": VERSION, "shard": shard, "skeleton": header(skeleton)} | vars(counts)
    return json.dumps(found).encode()


def _batch(rows: list[tuple[str, Poses | str, int | None, float | None]], model: str) -> pa.RecordBatch:
    """Rows of :data:`POSES`."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("file", "frame", "time", "height", "width", "person", "id", "box_score", "damage", "error")
    }
    parts: dict[str, list[np.ndarray]] = {"box": [], "keypoints": [], "scores": [], "uncertainties": []}
    lengths: dict[str, list[int]] = {name: [] for name in parts}
    for file, found, frame, time in rows:
        poses, error = (None, found) if isinstance(found, str) else (found, None)
        people = 0 if poses is None else len(poses)
        number = max(people, 1)
        hw = (None, None) if poses is None else poses.image_hw
        ids = None if poses is None or poses.ids is None or not people else poses.ids.tolist()
        for name, values in (
            ("file", [file] * number), ("frame", [frame] * number), ("time", [time] * number),
            ("height", [hw[0]] * number), ("width", [hw[1]] * number), ("error", [error] * number),
            ("damage", [None if poses is None else poses.damage] * number), ("id", ids or [None] * number),
            ("person", range(people) if people else [None]),
            ("box_score", poses.box_scores.tolist() if poses is not None and people else [None]),
        ):  # fmt: skip
            columns[name].extend(values)
        for name, array in _arrays(poses).items():
            if array is None or not people:
                lengths[name].extend([-1] * number)
            else:
                parts[name].append(array.reshape(-1))
                lengths[name].extend([array[0].size] * number)
    columns["model"] = [model] * len(columns["file"])
    arrays = {name: pa.array(values, POSES.field(name).type) for name, values in columns.items()}
    arrays |= {name: _lists(parts[name], lengths[name]) for name in parts}
    return pa.RecordBatch.from_arrays([arrays[name] for name in POSES.names], schema=POSES)


def _arrays(poses: Poses | None) -> dict[str, np.ndarray | None]:
    names = ("box", "keypoints", "scores", "uncertainties")
    if poses is None:
        return dict.fromkeys(names)
    return dict(zip(names, (poses.boxes, poses.keypoints, poses.scores, poses.uncertainties), strict=True))


def _lists(parts: list[np.ndarray], lengths: list[int]) -> pa.ListArray:
    """A column of lists of these lengths, -1 for none; NaN becomes null."""
    given = np.array(lengths, np.int32)
    offsets = np.concatenate(([0], np.cumsum(np.maximum(given, 0)))).astype(np.int32)
    flat = np.concatenate(parts) if parts else np.zeros(0)
    values = pa.array(flat.astype(np.float32), pa.float32(), from_pandas=True)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=_NUMBERS, mask=pa.array(given < 0))


def counts_of(rows: pa.Table) -> Counts:
    """What is in rows."""
    errors, people, frames = (np.array(rows.column(name).is_valid()) for name in ("error", "person", "frame"))
    first = ~errors & (rows.column("person").fill_null(0).to_numpy() == 0)  # of each picture
    return Counts(int((first & ~frames).sum()), int((first & frames).sum()), int(people.sum()), int(errors.sum()))


def read_counts(path: Path) -> Counts:
    """What is in a file of results, from its end alone; raises BatchError."""
    found = read_metadata(path)
    return Counts(*(int(found[name]) for name in vars(Counts())))


def read_metadata(path: Path) -> Mapping[str, Any]:
    """The metadata of a file of results; raises BatchError."""
    try:
        found = json.loads((pq.read_metadata(path).metadata or {})[KEY])
        return found if found["version"] == VERSION else {}["version"]
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise BatchError(
            f"{path}: not a file of results of this version ({type(error).__name__}): delete it, and the same command "
            "makes it anew"
        ) from error


def read_skeleton(path: Path) -> Skeleton:
    """Whose joints are in a file of results; raises BatchError."""
    try:
        skeleton = read_header(read_metadata(path)["skeleton"])
    except (PosesError, SkeletonError, KeyError) as error:
        raise BatchError(f"{path}: {error}") from error
    if skeleton is None:
        raise BatchError(f"{path}: it does not say whose joints are in it")
    return skeleton


def poses_of(rows: list[Mapping[str, Any]], skeleton: Skeleton) -> Poses:
    """Inverse of :meth:`Table.add`: the people of one picture or frame from its rows, as ``to_pylist`` gives them."""
    first, joints = rows[0], len(skeleton)
    people = [row for row in rows if row["person"] is not None]
    if not people:
        empty = Poses.empty(skeleton, (first["height"], first["width"]), first["file"])
        fields: dict[str, Any] = {"frame": first["frame"], "timestamp": first["time"], "damage": first["damage"]}
        return Poses(**{**{name: getattr(empty, name) for name in _FIELDS}, **fields})
    known = all(row["uncertainties"] is not None for row in people)
    return Poses(
        _matrix(people, "keypoints").reshape(-1, joints, 2), _matrix(people, "scores"), _matrix(people, "box"),
        np.array([row["box_score"] for row in people]), skeleton, (first["height"], first["width"]),
        None if people[0]["id"] is None else np.array([row["id"] for row in people]), first["file"], first["frame"],
        first["time"], uncertainties=_matrix(people, "uncertainties") if known else None, damage=first["damage"],
    )  # fmt: skip


_FIELDS = ("keypoints", "scores", "boxes", "box_scores", "skeleton", "image_hw", "source")


def _matrix(rows: Iterable[Mapping[str, Any]], name: str) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row[name]] for row in rows], np.float32)
