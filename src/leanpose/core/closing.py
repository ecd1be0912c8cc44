"""What is closed at the end of its ``with`` block, also after an error or Ctrl-C in it."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self


class Closing(ABC):
    """Gives a class with ``close`` its ``with`` block."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Growing(Closing):
    """A result that grows until it is closed, and then takes its place: :func:`leanpose.core.files.put_in_place`.

    Attributes:
        complete: whether all is there that should be. An exception in the ``with`` block makes it false; so does who
            stops before the end. What is not complete never takes the place of older results.
        kept: where it is, once it is closed; ``None`` where there is nothing.
    """

    complete: bool = True
    kept: Path | None = None

    def __exit__(self, kind: object = None, *error: object) -> None:
        if kind is not None:
            self.complete = False
        self.close()
