"""Tables on the terminal, in its width: no word and no figure is broken or cut. Through a pipe nothing is folded."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Column, Table

FEWEST = 16  # characters that a column keeps where it has words longer than the room for them
FIGURE = 24  # characters of a cell with digits that is kept on one line, blanks or not


def print_tables(*tables: "Table") -> None:
    """Prints tables on standard output.

    In a terminal that is too narrow, columns of words are folded between words; where that is not enough, a table goes
    on below itself with further columns, beside its first one again.
    """
    from rich.console import Console

    console = Console()
    for table in tables:
        if not console.is_terminal:
            wide = Console(width=sum(map(_whole, table.columns)) + _frame(table) + 1)
            _print_titled(wide, [table])
        else:
            _print_titled(console, _fitted(table, console.width))


def _fitted(table: "Table", width: int) -> "list[Table]":
    """The table in as many parts as the width makes necessary."""
    if sum(map(_whole, table.columns)) + _frame(table) <= width:
        return [table]
    blocks: list[list[int]] = []
    for number in range(len(table.columns)):
        if blocks and (number == 1 or _fits(table, [*blocks[-1], number], width)):
            blocks[-1].append(number)
        else:
            blocks.append([0, number] if blocks else [0])
    parts = [_part(table, block) for block in blocks]
    for part in parts:
        room = width - _frame(part)
        for column, its_width in zip(part.columns, _shared(part.columns, room), strict=True):
            column.width = its_width
    return parts


def _fits(table: "Table", columns: Sequence[int], width: int) -> bool:
    part = _part(table, columns)
    return sum(map(_least, part.columns)) + _frame(part) <= width


def _part(table: "Table", columns: Sequence[int]) -> "Table":
    """A table of these columns."""
    part = copy(table)
    part.columns = [replace(table.columns[number], _index=place) for place, number in enumerate(columns)]
    return part


def _shared(columns: "Sequence[Column]", room: int) -> list[int]:
    """Widths of the columns: what they need at least, and of the room that is left what they would need for a line."""
    least, whole = list(map(_least, columns)), list(map(_whole, columns))
    while sum(least) > room and max(least) > FEWEST:
        least[least.index(max(least))] -= 1
    left, wanted = max(room - sum(least), 0), sum(whole) - sum(least)
    share = min(1.0, left / wanted) if wanted > 0 else 0.0
    return [low + int(share * (high - low)) for low, high in zip(least, whole, strict=True)]


def _print_titled(console: "Console", parts: "Sequence[Table]") -> None:
    """A title or caption longer than the table stands apart from it, where rich would fold it."""
    title, caption = parts[0].title, parts[-1].caption
    for part in parts:
        part.title = part.caption = None
    if title and _longest(title) <= console.measure(parts[0]).maximum:
        parts[0].title, title = title, None
    if caption and _longest(caption) <= console.measure(parts[-1]).maximum:
        parts[-1].caption, caption = caption, None
    if title:
        console.print(title, style="table.title", soft_wrap=not console.is_terminal)
    for part in parts:
        console.print(part)
    if caption:
        console.print(caption, style="table.caption", soft_wrap=not console.is_terminal)


def _frame(table: "Table") -> int:
    """Characters across beside those of the cells."""
    from rich.console import Console

    bare = _part(table, range(len(table.columns)))
    bare.title = bare.caption = None
    return Console(width=100_000).measure(bare).maximum - sum(map(_whole, bare.columns))


def _whole(column: "Column") -> int:
    """Characters across with nothing in it folded."""
    return max(_longest(cell) for cell in (column.header, *column.cells))


def _least(column: "Column") -> int:
    """Characters across with no word and no figure broken."""
    cells = list(column.cells)
    figures = column.justify == "right" or all(_is_figure(cell) for cell in cells)
    within = max((_longest(cell) if figures else _longest_word(cell) for cell in cells), default=0)
    return max(min(within, FEWEST) if column.overflow == "fold" else within, _longest_word(column.header))


def _is_figure(cell: "RenderableType") -> bool:
    return all(not line or (len(line) <= FIGURE and any(map(str.isdigit, line))) for line in _lines(cell))


def _lines(cell: "RenderableType") -> list[str]:
    from rich.text import Text

    return (cell if isinstance(cell, Text) else Text.from_markup(str(cell))).plain.split("\n")


def _longest(cell: "RenderableType") -> int:
    from rich.cells import cell_len

    return max(map(cell_len, _lines(cell)))


def _longest_word(cell: "RenderableType") -> int:
    from rich.cells import cell_len

    return max((cell_len(word) for line in _lines(cell) for word in line.split()), default=0)
