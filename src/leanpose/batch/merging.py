"""The results of a batch in one COCO file, or in few large Parquet files; read a piece at a time either way."""

import json
import os
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path, PurePath
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from leanpose.batch.configuration import read_configuration
from leanpose.batch.planning import read_manifest
from leanpose.batch.remote import is_address
from leanpose.batch.run import MANIFEST_NAME
from leanpose.batch.shard import Shard
from leanpose.batch.table import KEY, POSES, poses_of, read_skeleton
from leanpose.core.errors import BatchError
from leanpose.core.files import part_of, whole_folder
from leanpose.pose.coco import category, coco_annotations
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

MARKER = "_leanpose_batch"  # of a merged folder; readers of Parquet folders pass over what begins with a line
ROWS = 1_000_000  # of a file of a merged data set at most
ROWS_AT_ONCE = 10_000
By = Literal["kind", "folder"]


def check(folder: Path) -> None:
    """Raises BatchError for a folder that is none of leanpose batch, or in which nothing is planned."""
    read_configuration(folder)
    if not (folder / MANIFEST_NAME).exists():
        raise BatchError(f"{folder}: nothing is done in it yet: run leanpose batch")


def result_files(folder: Path) -> Iterator[tuple[Shard, Path]]:
    """The shards with their files of results, in the order of the manifest.

    Raises:
        BatchError: when the folder is none of leanpose batch, or a file is missing.
    """
    check(folder)
    for shard in read_manifest(folder / MANIFEST_NAME):
        path = folder / "poses" / shard.file_name
        if not path.exists():
            raise BatchError(
                f"{folder}: not all of it is done, {path.name} is missing: run the same command again first"
            )
        yield shard, path


def merge_to_coco(folder: Path, to: Path) -> tuple[int, int]:
    """Writes a COCO dataset, whole or not at all: images and frames numbered from 1, frames named ``NAME_FRAME.jpg``,
    and files by their paths from the folder on that holds them all. Rows with errors are left out.

    Returns:
        numbers of images and of people.

    Raises:
        BatchError: when the results are not all there, or the file cannot be written.
    """
    check(folder)
    top, to = _common_folder(folder), to.absolute()
    part, images_part = part_of(to), part_of(to.with_name(f"{to.name}.images"))
    images = people = 0
    skeleton: Skeleton | None = None
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w+", encoding="utf-8") as file, images_part.open("w+", encoding="utf-8") as listed:
            file.write('{"annotations": [')
            for _, path in result_files(folder):
                skeleton = read_skeleton(path)
                for poses in _pictures(path, skeleton):
                    images += 1
                    _entry(listed, images, _image(poses, images, top))
                    for found in coco_annotations(poses, images, people + 1):
                        people += 1
                        _entry(file, people, found)
            file.write('\n],\n"images": [')
            listed.seek(0)
            while chunk := listed.read(1 << 20):
                file.write(chunk)
            rest = {"categories": [category(skeleton)] if skeleton else [], "info": {}, "licenses": []}
            file.write("\n],\n" + json.dumps(rest, allow_nan=False)[1:] + "\n")
        os.replace(part, to)
    except OSError as error:
        raise BatchError(f"cannot write {to}: {error.strerror}; choose another place or make room") from error
    finally:
        for each in (part, images_part):
            each.unlink(missing_ok=True)
    return images, people


def _entry(file: IO[str], number: int, value: Mapping[str, Any]) -> None:
    file.write((",\n" if number > 1 else "\n") + json.dumps(value, allow_nan=False))


def _image(poses: Poses, number: int, top: str) -> dict[str, Any]:
    source = poses.source or ""
    name = source if is_address(source) else PurePath(os.path.relpath(source, top)).as_posix()
    if poses.frame is not None:
        name = f"{PurePath(name).with_suffix('').as_posix()}_{poses.frame:012d}.jpg"
    height, width = poses.image_hw
    return {"id": number, "file_name": name, "width": width, "height": height}


def _pictures(path: Path, skeleton: Skeleton) -> Iterator[Poses]:
    """The pictures and frames of a file of results, one after the other."""
    with pq.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches(batch_size=ROWS_AT_ONCE) for row in batch.to_pylist())
        whole = (row for row in rows if row["error"] is None)
        # person 0, or nobody, begins a picture: the same file may have been named twice
        number = 0

        def picture(row: Mapping[str, Any]) -> int:
            nonlocal number
            number += not row["person"]
            return number

        for _, people in groupby(whole, key=picture):
            yield poses_of(list(people), skeleton)


def _common_folder(folder: Path) -> str:
    """The folder that holds all local files of the manifest."""
    top: str | None = None
    for shard in read_manifest(folder / MANIFEST_NAME):
        folders = [os.path.dirname(path) for path in shard.files if not is_address(path)]
        top = os.path.commonpath([*folders, *([top] if top else [])]) if folders else top
    return top or "/"


def merge_to_dataset(folder: Path, to: Path, by: By) -> tuple[int, int]:
    """Writes a data set of few large files, partitioned as Hive does: ``kind=images/``, ``folder=NAME/``.

    Returns:
        numbers of files and of rows.

    Raises:
        BatchError: when the results are not all there, ``to`` is no new folder, or it cannot be written.
    """
    written: list[str] = []
    rows = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal rows
        for shard, path in result_files(folder):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                    rows += batch.num_rows
                    yield batch.append_column(pa.field(by, pa.string()), _part_names(batch, by, shard))

    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BatchError(f"{to} is there already: choose a new folder")
    _, first = next(result_files(folder))
    schema = POSES.with_metadata({KEY: (pq.read_metadata(first).metadata or {})[KEY]}).append(pa.field(by, pa.string()))
    with whole_folder(to, MARKER, error=BatchError) as part:
        try:
            ds.write_dataset(
                batches(), part, schema=schema, format="parquet", max_rows_per_file=ROWS, max_rows_per_group=ROWS // 8,
                partitioning=ds.partitioning(pa.schema([(by, pa.string())]), flavor="hive"), max_partitions=10_000,
                file_visitor=lambda file: written.append(file.path),
            )  # fmt: skip
        except pa.ArrowInvalid as error:
            raise BatchError(f"{to}: {error}: choose --by kind") from error
        (part / MARKER).touch()
    return len(written), rows


def _part_names(batch: pa.RecordBatch, by: By, shard: Shard) -> pa.Array:
    if by == "kind":
        return pa.array(["images" if shard.kind == "images" else "videos"] * batch.num_rows, pa.string())
    return pa.array([PurePath(file).parent.name or "top" for file in batch.column("file").to_pylist()], pa.string())
