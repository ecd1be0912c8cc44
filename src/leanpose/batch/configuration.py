"""What a folder of results was begun with: only the same goes on in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leanpose.core.bounded import SMALL, parse_json, read_text
from leanpose.core.errors import BatchError
from leanpose.core.files import write_whole

FILE = "batch.json"


@dataclass(frozen=True)
class Cutting:
    """How sources are cut.

    Attributes:
        images: pictures of a shard at most.
        piece: seconds of a piece of a long video, about; 0 to leave videos whole.
        overlap: seconds that two pieces share, over which the ids are carried on.

    Raises:
        BatchError: for numbers that make no sense.
    """

    images: int = 256
    piece: float = 600.0
    overlap: float = 3.0

    def __post_init__(self) -> None:
        if self.images < 1:
            raise BatchError(f"{self.images} pictures of a shard: it has 1 or more")
        if self.piece and not self.piece >= 2 * self.overlap > 0:
            raise BatchError(
                f"pieces of {self.piece:g} s that overlap by {self.overlap:g} s: the overlap must be above 0, and a "
                "piece twice as long or longer"
            )


def digest(configuration: Mapping[str, Any]) -> str:
    """A short name for a configuration, the same for the same one."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:16]


def settle(folder: Path, configuration: Mapping[str, Any], begun: bool) -> None:
    """Writes the configuration into a folder where nothing is ``begun``, or holds it against what it was begun with.

    Raises:
        BatchError: when the folder holds other files, or was begun with another configuration; it says what differs.
    """
    if folder.exists() and not folder.is_dir():
        raise BatchError(f"{folder} is a file: choose a folder")
    if not begun:
        if folder.is_dir() and any(not e.name.startswith(".") and e.name != FILE for e in folder.iterdir()):
            raise BatchError(f"{folder} holds other files: choose a new or empty folder")
        write_whole(folder / FILE, json.dumps(configuration, indent=2).encode() + b"\n", BatchError)
        return
    begun_with, ours = read_configuration(folder), json.loads(json.dumps(configuration))
    names = [name for name in {**begun_with, **ours} if begun_with.get(name) != ours.get(name)]
    if names:
        listed = "; ".join(f"{n}: {json.dumps(begun_with.get(n))}, now {json.dumps(ours.get(n))}" for n in names)
        raise BatchError(
            f"{folder} was begun with another configuration ({listed}): run it with that, or choose another --out"
        )


def read_configuration(folder: Path) -> dict[str, Any]:
    """What a folder was begun with.

    Raises:
        BatchError: when it is none of leanpose batch.
    """
    path = folder / FILE
    if not path.is_file():
        raise BatchError(f"{folder}: no results of leanpose batch, for there is no {FILE}")
    found = parse_json(read_text(path, BatchError, SMALL), BatchError, str(path))
    if not isinstance(found, dict):
        raise BatchError(f"{path}: not a configuration of leanpose batch")
    return found
