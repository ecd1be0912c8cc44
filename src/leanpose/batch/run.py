"""A run from its sources to its report, which may be begun any number of times and is done once."""

import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leanpose.batch.configuration import FILE, Cutting, digest, settle
from leanpose.batch.listing import Listing
from leanpose.batch.planning import count_shards, read_manifest, shards_of, videos_in_pieces, write_manifest
from leanpose.batch.runner import Note, Runner, Step
from leanpose.batch.shard import Shard
from leanpose.batch.stitching import stitch
from leanpose.batch.table import Counts, read_counts
from leanpose.batch.work import Job, Outcome
from leanpose.core.errors import BatchError

MANIFEST_NAME = "manifest.parquet"


@dataclass
class Plan:
    """What is to be done in a folder.

    Attributes:
        shards, files: how many.
        left_out: files by suffix that are not read, where it was planned just now.
        folders: that were not looked into, likewise.
    """

    manifest: Path
    shards: int
    files: int
    left_out: Counter[str] = field(default_factory=Counter)
    folders: int = 0
    new: bool = False


def plan(
    sources: Sequence[str], out: Path, configuration: Mapping[str, Any], cutting: Cutting, recursive: bool = False
) -> Plan:
    """Cuts the sources into shards, or reads how they were cut when the folder was begun.

    Args:
        configuration: all that the results depend on; the sources and how they are cut are added here.

    Raises:
        BatchError: when the folder was begun with another configuration or holds something else, or the sources cannot
            be read.
    """
    whole = {**configuration, "sources": list(sources), "recursive": recursive, "cutting": vars(cutting)}
    manifest = out / MANIFEST_NAME
    if manifest.exists():
        settle(out, whole, begun=True)
        return Plan(manifest, *count_shards(manifest))
    listing = Listing(sources, recursive)
    settle(out, whole, begun=False)
    try:
        shards, files = write_manifest(manifest, shards_of(listing, digest(configuration), cutting))
    except BaseException:
        (out / FILE).unlink(missing_ok=True)  # nothing is begun
        raise
    return Plan(manifest, shards, files, listing.left_out, listing.folders, new=True)


def missing(found: Plan, job: Job) -> Iterator[Shard]:
    """The shards that have no file yet, looked for as they are asked for."""
    return (shard for shard in read_manifest(found.manifest) if not job.is_done(shard))


def count_missing(found: Plan, job: Job) -> tuple[int, int]:
    """How many shards have no file yet, and how many files are in them."""
    shards = files = 0
    for shard in missing(found, job):
        shards, files = shards + 1, files + len(shard.files)
    return shards, files


def run(found: Plan, job: Job, runner: Runner) -> Generator[Step | Note | Outcome, None, None]:
    """Does what is missing, and then puts the pieces of long videos together.

    Raises:
        BatchError, LeanposeError: as the runner does; what is done stays.
    """
    with closing(runner.run(job, missing(found, job))) as events:
        yield from events
    for pieces in videos_in_pieces(read_manifest(found.manifest)):
        if not stitch(pieces, job):
            raise BatchError(f"{pieces[0].files[0]}: a piece of it has no results: run the same command again")


def totals(found: Plan, job: Job) -> Counts:
    """What is in all results, by the ends of their files; raises BatchError where one is missing."""
    counts = Counts()
    for shard in read_manifest(found.manifest):
        counts += read_counts(job.poses / shard.file_name)
    return counts


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Holds the folder against other runs on this machine while the ``with`` block lasts; raises BatchError."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    out.mkdir(parents=True, exist_ok=True)
    number = os.open(out / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BatchError(f"{out}: another leanpose batch is at work in it: wait for it, or end it") from error
        except OSError:  # as on some network drives, where nobody is held off
            pass
        yield
    finally:
        os.close(number)
