"""What is known of processes that died at a shard: so that a file which kills whoever looks at it is found and named.

Whoever begins a shard writes a line, and takes the file away at its end. One that is there already tells of somebody
who died: ended by the kernel for want of memory, in a decoder, or with the machine. From then on each picture or frame
is written down before it is looked at; where several have died at one place, it is left out.
"""

from pathlib import Path
from typing import IO

from leanpose.core.errors import BatchError

DEATHS = 3  # at one place, from which it is to blame; a process may also be ended by others
MOST = 12  # at one shard, after which the rest of it is given up
_BEGUN = "begun"


class Attempts:
    """The attempts at one shard.

    Attributes:
        deaths: of earlier attempts, the place at which each was, ``None`` where that is not known.
        near: how far from each other places are one: decoders and engines work some frames ahead.
    """

    def __init__(self, path: Path, near: int = 0) -> None:
        """Reads what is there and begins another attempt; raises BatchError when it cannot be written down."""
        self._path, self.near = path, near
        self.deaths = _read(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("a", buffering=1)
            self._file.write(f"{_BEGUN}\n")
        except OSError as error:
            raise BatchError(
                f"cannot write {path}: {error.strerror}; make room, and the same command goes on"
            ) from error

    @property
    def careful(self) -> bool:
        """Whether somebody died here before."""
        return bool(self.deaths)

    @property
    def given_up(self) -> bool:
        """Whether too many did."""
        return len(self.deaths) >= MOST

    def at(self, place: int) -> None:
        """Says where the attempt is, before anything can happen there."""
        if self.careful:
            self._file.write(f"{place}\n")

    def blamed(self, place: int) -> bool:
        """Whether this place has ended too many."""
        return sum(death is not None and abs(death - place) <= self.near for death in self.deaths) >= DEATHS

    def end(self) -> None:
        """The shard is done, or its process was asked to stop: nobody died."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _read(path: Path) -> list[int | None]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    deaths: list[int | None] = []
    for line in lines:
        if line == _BEGUN:
            deaths.append(None)
        elif line.isascii() and line.isdigit() and deaths:
            deaths[-1] = int(line)
    return deaths
