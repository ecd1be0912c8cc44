"""From sources to the manifest: shards, each once, in a Parquet file that says what is to be done."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.batch.configuration import Cutting
from leanpose.batch.remote import is_address
from leanpose.batch.shard import MANIFEST, Entry, Shard
from leanpose.core.errors import BatchError, VideoError
from leanpose.core.files import part_of
from leanpose.media.video_piece import find_cuts

ROWS_AT_ONCE = 5_000  # of the manifest that are in memory, and in a row group; a row holds the names of all its files
FILES_AT_ONCE = 20_000  # which they have together at most


def shards_of(entries: Iterable[Entry], configuration: str, cutting: Cutting) -> Iterator[Shard]:
    """Pictures together as they come, videos alone or in pieces.

    Args:
        configuration: digest of how they are looked at, which the ids of the shards depend on.
    """
    pictures: list[Entry] = []
    for entry in entries:
        if entry.kind == "video":
            yield from _of_video(entry, configuration, cutting)
            continue
        pictures.append(entry)
        if len(pictures) == cutting.images:
            yield Shard.of(configuration, "images", pictures)
            pictures = []
    if pictures:
        yield Shard.of(configuration, "images", pictures)


def _of_video(entry: Entry, configuration: str, cutting: Cutting) -> Iterator[Shard]:
    cuts = []
    if cutting.piece and not is_address(entry.path):
        try:
            cuts = find_cuts(entry.path, cutting.piece)
        except VideoError as error:
            yield Shard.of(configuration, "video", [entry], error=str(error))
            return
    if len(cuts) < 2:
        yield Shard.of(configuration, "video", [entry])
        return
    owned = [0.0, *(cut.time + cutting.overlap for cut in cuts[1:])]
    ends = [*owned[1:], None]
    for piece, (cut, own_from, end) in enumerate(zip(cuts, owned, ends, strict=True)):
        yield Shard.of(
            configuration, "video", [entry], piece=piece, pieces=len(cuts), start=cut, own_from=own_from, end_time=end
        )


def write_manifest(path: Path, shards: Iterable[Shard]) -> tuple[int, int]:
    """Writes the manifest, whole or not at all; gives the numbers of shards and files.

    Raises:
        BatchError: when there are none, or it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    count = files = 0
    try:
        with pq.ParquetWriter(part, MANIFEST) as writer:
            for rows in _grouped(shards):
                writer.write_table(pa.Table.from_pylist([shard.to_row() for shard in rows], MANIFEST))
                count, files = count + len(rows), files + sum(len(shard.files) for shard in rows if not shard.piece)
        if not count:
            raise BatchError("no pictures or videos there: name files, folders, patterns, lists or addresses")
        os.replace(part, path)
    except OSError as error:
        raise BatchError(
            f"cannot write {path}: {error.strerror or error}; choose another place or make room"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count, files


def _grouped(shards: Iterable[Shard]) -> Iterator[list[Shard]]:
    held: list[Shard] = []
    files = 0
    for shard in shards:
        held.append(shard)
        files += len(shard.files)
        if len(held) == ROWS_AT_ONCE or files >= FILES_AT_ONCE:
            yield held
            held, files = [], 0
    if held:
        yield held


def read_manifest(path: Path) -> Iterator[Shard]:
    """The shards, a row group at a time; raises BatchError."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(batch_size=20, row_groups=[group]):
                    yield from map(Shard.from_row, batch.to_pylist())
    except (OSError, pa.ArrowException, KeyError) as error:
        raise BatchError(f"{path}: no manifest of leanpose batch ({error}): choose another --out") from error


def count_shards(path: Path) -> tuple[int, int]:
    """Numbers of shards and of files in a manifest; raises BatchError."""
    try:
        with pq.ParquetFile(path) as file:
            columns = ["files", "piece"]
            batches = file.iter_batches(batch_size=20, columns=columns)
            files = sum(len(names) for b in batches for names, piece in _pairs(b) if not piece)
            return file.metadata.num_rows, files
    except (OSError, pa.ArrowException, KeyError) as error:
        raise BatchError(f"{path}: no manifest of leanpose batch ({error}): choose another --out") from error


def _pairs(batch: pa.RecordBatch) -> Iterator[tuple[list[str], int]]:
    return zip(batch.column("files").to_pylist(), batch.column("piece").to_pylist(), strict=True)


def videos_in_pieces(shards: Iterable[Shard]) -> Iterator[list[Shard]]:
    """The shards of each video that is cut; they stand behind each other in the manifest."""
    held: list[Shard] = []
    for shard in shards:
        if shard.pieces == 1:
            continue
        held.append(shard)
        if len(held) == shard.pieces:
            yield held
            held = []


def overlaps(pieces: list[Shard]) -> list[tuple[float, float]]:
    """Seconds from which, and up to which, each piece and the next one both looked."""
    return [(after.start.time if after.start else 0.0, before.end_time or 0.0) for before, after in pairwise(pieces)]
