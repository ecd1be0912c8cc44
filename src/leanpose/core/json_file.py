"""JSON annotation files: read whole, with errors that name the file."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

from leanpose.core.bounded import parse_json, read_text
from leanpose.core.errors import DatasetError

NUMBERS = frozenset((int, float))
LARGEST = sys.float_info.max  # JSON may hold larger whole numbers, of which no float can be made


@contextmanager
def no_cycle_search() -> Iterator[None]:
    """Pauses the garbage collector, which else looks for cycles in the millions of lists of a large file, again and
    again, and takes a third of the time to read one. JSON has no cycles.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DatasetError: when it cannot be read, is no JSON, or is larger than :mod:`leanpose.core.bounded` allows.
    """
    return parse_json(read_text(path, DatasetError), DatasetError, str(path), any_digits=True)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a finite number."""
    return type(value) in NUMBERS and abs(value) <= LARGEST  # type, as True and False would pass isinstance


def are_numbers(value: Any, count: int) -> TypeGuard[list[int | float]]:
    """Whether a value is a list of ``count`` finite numbers."""
    if not isinstance(value, list) or len(value) != count or not NUMBERS.issuperset(map(type, value)):
        return False
    return all(map(LARGEST.__ge__, map(abs, value)))  # not so for NaN; a loop in Python takes three times as long


def is_identifier(value: Any) -> TypeGuard[int | str]:
    """Whether a value can be an id: a whole number or a text."""
    return type(value) in (int, str)
