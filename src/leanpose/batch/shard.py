"""A shard: the piece of work that is done whole or not at all."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leanpose.media.video_piece import Cut

ID_CHARACTERS = 24  # 96 bits: of a billion shards no two have one by chance
MANIFEST = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("files", pa.list_(pa.string()), nullable=False),
        pa.field("sizes", pa.list_(pa.int64()), nullable=False),
        pa.field("times", pa.list_(pa.int64()), nullable=False),
        pa.field("piece", pa.int32(), nullable=False),
        pa.field("pieces", pa.int32(), nullable=False),
        pa.field("start_pts", pa.int64()),
        pa.field("start_time", pa.float64()),
        pa.field("start_frame", pa.int64()),
        pa.field("own_from", pa.float64()),
        pa.field("end_time", pa.float64()),
        pa.field("error", pa.string()),
    ]
)
Kind = Literal["images", "video"]


@dataclass(frozen=True)
class Entry:
    """A file that is to be looked at.

    Attributes:
        path: absolute, or an address.
        size: bytes, ``None`` where nobody says.
        time: when it was changed, nanoseconds since 1970, ``None`` where nobody says.
    """

    path: str
    kind: Literal["image", "video"]
    size: int | None = None
    time: int | None = None


@dataclass(frozen=True)
class Shard:
    """Pictures, or a video, or a piece of a video.

    Attributes:
        id: of its content: its files with their sizes and times, its part of them, and the configuration.
        files: paths or addresses; of a video one.
        sizes, times: of the files as they were planned, as :class:`Entry` has them.
        piece, pieces: which piece of a video it is, from 0, and of how many.
        start: where a piece begins, ``None`` for the beginning.
        own_from: seconds from which its frames are in the results; what comes before warms the tracker up, and is in
            the piece before, too.
        end_time: seconds at which a piece ends, ``None`` for the end of the video.
        error: why its file cannot be looked at, where that was found while it was planned.
    """

    id: str
    kind: Kind
    files: tuple[str, ...]
    sizes: tuple[int | None, ...]
    times: tuple[int | None, ...]
    piece: int = 0
    pieces: int = 1
    start: Cut | None = None
    own_from: float | None = None
    end_time: float | None = None
    error: str | None = None

    @classmethod
    def of(cls, configuration: str, kind: Kind, entries: list[Entry], **part: Any) -> "Shard":
        """The shard of these files; ``configuration`` is the digest of how they are looked at."""
        files = tuple(entry.path for entry in entries)
        sizes, times = tuple(entry.size for entry in entries), tuple(entry.time for entry in entries)
        start = part.get("start")
        content = [
            configuration, kind, files, sizes, times, part.get("piece", 0), start and start.pts, part.get("end_time"),
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass")).hexdigest()
        return cls(digest[:ID_CHARACTERS], kind, files, sizes, times, **part)

    @property
    def file_name(self) -> str:
        """Of its results."""
        return f"{self.id}.parquet"

    def to_row(self) -> dict[str, Any]:
        """Its row of :data:`MANIFEST`."""
        start = self.start
        return {
            "shard": self.id, "kind": self.kind, "files": self.files, "sizes": self.sizes, "times": self.times,
            "piece": self.piece, "pieces": self.pieces, "start_pts": start and start.pts,
            "start_time": start and start.time, "start_frame": start and start.frame, "own_from": self.own_from,
            "end_time": self.end_time, "error": self.error,
        }  # fmt: skip

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Shard":
        """Inverse of :meth:`to_row`."""
        start = None if row["start_pts"] is None else Cut(row["start_pts"], row["start_time"], row["start_frame"])
        return cls(
            row["shard"], row["kind"], tuple(row["files"]), tuple(row["sizes"]), tuple(row["times"]), row["piece"],
            row["pieces"], start, row["own_from"], row["end_time"], row["error"],
        )  # fmt: skip
