"""The pieces of a video become one: who is in two of them, in the frames that both looked at, keeps one id."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leanpose.batch.shard import Shard
from leanpose.batch.table import Table, poses_of, read_skeleton
from leanpose.batch.work import Job
from leanpose.core.errors import BatchError
from leanpose.estimate.association import assign, bodies, similarity
from leanpose.pose.poses import Poses
from leanpose.pose.sigmas import oks_sigmas
from leanpose.pose.skeleton import Skeleton

SAME = 0.5  # mean likeness over the frames that both looked at, from which two ids are one person
EDGE = 1e-9  # seconds within which two times are one


def stitch(pieces: list[Shard], job: Job) -> bool:
    """Writes the results of all pieces of a video, with ids that go through it, and takes the pieces away.

    Any number of calls come to the same: what is there is left, and the pieces go when all results are there.

    Returns:
        whether it is done; not where a piece is missing.

    Raises:
        BatchError: when something cannot be read or written.
    """
    results, parts = ([folder / shard.file_name for shard in pieces] for folder in (job.poses, job.pieces))
    if not all(path.exists() for path in results):
        if not all(path.exists() for path in parts):
            return False
        names: dict[int, int] = {}  # from the ids in a piece to those in the video
        used = 0
        for index, (shard, part, result) in enumerate(zip(pieces, parts, results, strict=True)):
            rows = _read(part)
            own = _ids(rows)
            if index:
                names = _carried(parts[index - 1], rows, shard, pieces[index - 1], names)
            for id_ in own:
                if id_ not in names:
                    used += 1
                    names[id_] = used
            used = max(used, *names.values()) if names else used
            if not result.exists():
                _write(result, rows, shard, job.model, names, read_skeleton(part))
    for path in parts:
        path.unlink(missing_ok=True)
    return True


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BatchError(f"{path}: cannot be read ({error}): delete it, and the same command makes it anew") from error


def _ids(rows: pa.Table) -> list[int]:
    """The ids of a piece in the order in which they come."""
    return [id_ for id_ in dict.fromkeys(rows.column("id").to_pylist()) if id_ is not None]


def _carried(before: Path, rows: pa.Table, shard: Shard, previous: Shard, names: dict[int, int]) -> dict[int, int]:
    """The names of those people of a piece who are in the piece before."""
    assert shard.start is not None
    assert previous.end_time is not None
    skeleton = read_skeleton(before)
    earlier = _overlap(_read(before), shard.start.time, previous.end_time, skeleton)
    later = _overlap(rows, shard.start.time, previous.end_time, skeleton)
    likeness: dict[tuple[int, int], list[float]] = defaultdict(list)
    sigmas, _ = oks_sigmas(skeleton)
    for frame in earlier.keys() & later.keys():
        one, other = earlier[frame], later[frame]
        if one.ids is None or other.ids is None or not len(one) or not len(other):
            continue
        alike = similarity(bodies(one), bodies(other), sigmas, np.zeros(len(one)))
        for row, first in enumerate(one.ids.tolist()):
            for column, second in enumerate(other.ids.tolist()):
                likeness[first, second].append(float(alike[row, column]))
    if not likeness:
        return {}
    firsts, seconds = (sorted({pair[at] for pair in likeness}) for at in (0, 1))
    frames = max(map(len, likeness.values()))
    total = np.zeros((len(firsts), len(seconds)))
    for (first, second), values in likeness.items():
        if np.mean(values) >= SAME:
            total[firsts.index(first), seconds.index(second)] = sum(values) / frames
    pairs = assign(total, np.spacing(1.0))
    return {seconds[column]: names[firsts[row]] for row, column in pairs if firsts[row] in names}


def _overlap(rows: pa.Table, start: float, end: float, skeleton: Skeleton) -> dict[int, Poses]:
    time = _times(rows)
    both = (time >= start - EDGE) & (time < end - EDGE)
    return {poses.frame or 0: poses for _, poses in _pictures(rows.filter(pa.array(both)), skeleton)}


def _times(rows: pa.Table) -> np.ndarray:
    """Seconds (R,), NaN for rows with errors."""
    return rows.column("time").to_numpy().astype(float)


def _pictures(rows: pa.Table, skeleton: Skeleton) -> Iterator[tuple[Any, Poses]]:
    for batch in rows.to_batches(max_chunksize=2_000):
        held = [row for row in batch.to_pylist() if row["error"] is None]
        for frame, people in groupby(held, key=lambda row: row["frame"]):
            yield frame, poses_of(list(people), skeleton)


def _write(path: Path, rows: pa.Table, shard: Shard, model: str, names: dict[int, int], skeleton: Skeleton) -> None:
    """The rows that are the piece's own, with the ids of the video."""
    if shard.piece:
        assert shard.own_from is not None
        rows = rows.filter(pa.array(~(_times(rows) < shard.own_from - EDGE)))
    ids = pa.array([None if id_ is None else names[id_] for id_ in rows.column("id").to_pylist()], pa.int64())
    with Table(path, model, skeleton, shard.id) as table:
        table.add_rows(rows.set_column(rows.schema.get_field_index("id"), "id", ids))
