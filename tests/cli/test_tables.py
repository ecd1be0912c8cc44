"""Tables fit their terminal with every word and figure whole; through a pipe each row is a line."""

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leanpose.cli.tables import print_tables

WORDS = ["speed", "of", "everyday", "people", "12.5", "-3.25", "left_shoulder", "75.1", "a", "MAC/s"]
CELLS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
TABLES = st.integers(1, 9).flatmap(
    lambda columns: st.tuples(
        st.lists(CELLS, min_size=columns, max_size=columns),
        st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=3),
    )
)


def _printed(table: Table, width: int | None) -> list[str]:
    """The lines on a terminal of this width, or through a pipe."""
    out = io.StringIO()

    class Here(Console):
        def __init__(self, **options: int) -> None:
            terminal = width is not None
            super().__init__(file=out, force_terminal=terminal, no_color=True, width=options.get("width", width or 80))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rich.console.Console", Here)
        print_tables(table)
    return Text.from_ansi(out.getvalue()).plain.splitlines()


def _words(lines: list[str]) -> Counter[str]:
    return Counter("".join(" " if c in "│┃┏┓└┘━─┳┡╇┩┴├┼┤" else c for c in " ".join(lines)).split())


def _table(headings: list[str], rows: list[list[str]], title: str | None = None) -> Table:
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*row)
    return table


@given(content=TABLES, width=st.integers(40, 120))
def test_on_a_terminal_nothing_is_cut_broken_or_lost(content: tuple[list[str], list[list[str]]], width: int) -> None:
    headings, rows = content
    lines = _printed(_table(headings, rows), width)
    assert max(map(len, lines)) <= width
    shown, there = _words(lines), Counter(" ".join([*headings, *(cell for row in rows for cell in row)]).split())
    parts = sum(line.startswith("┏") for line in lines)
    first = Counter(" ".join([headings[0], *(row[0] for row in rows)]).split())
    for _ in range(parts - 1):  # each further part begins with the first column
        there += first
    assert shown == there


@given(content=TABLES)
def test_through_a_pipe_each_row_is_a_line(content: tuple[list[str], list[list[str]]]) -> None:
    headings, rows = content
    lines = _printed(_table(headings, rows, "a title that is longer than many a table, and yet one line"), None)
    body = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert body == rows
    assert [line.strip() for line in lines if "a title" in line] == [
        "a title that is longer than many a table, and yet one line"
    ]


def test_figures_with_blanks_stay_on_a_line_and_words_give_way() -> None:
    rows = [["nano", "74.90 (-1.90 to +1.40)", "the first look of a network at people who stand upright"]]
    lines = _printed(_table(["model", "change", "what"], rows), 60)
    assert any("nano" in line and "74.90 (-1.90 to +1.40)" in line for line in lines)
    assert len(lines) > 5


def test_a_long_path_may_be_folded() -> None:
    table = Table("grade")
    table.add_column("worst", overflow="fold")
    table.add_row("error", "photos/" + "very_long_" * 12 + ".jpg")
    lines = _printed(table, 60)
    assert max(map(len, lines)) <= 60
    assert "".join(line.split("│")[2].strip() for line in lines if line.startswith("│")).endswith("_.jpg")


def test_a_table_that_fits_is_as_rich_prints_it() -> None:
    rows = [["nano", "0.46 M"], ["small", "1.72 M"]]
    out = io.StringIO()
    Console(file=out, width=80).print(_table(["model", "params"], rows, "sizes"))
    assert [line.rstrip() for line in _printed(_table(["model", "params"], rows, "sizes"), 80)] == [
        line.rstrip() for line in out.getvalue().splitlines()
    ]
