"""What is closed at the end of its ``with`` block, also after an error or Ctrl-C in it."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Gives a class with ``close`` its ``with`` block."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
