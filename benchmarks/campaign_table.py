"""The campaign's table: a row as soon as it is measured, and the faults below it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """What became of one kind of trial.

    Attributes:
        refused: how many ended in one of leanpose's own errors.
        slowest: seconds of the slowest.
        more: MB that the process took more than before the first.
        faults: each in words, with its seed.
    """

    kind: str
    trials: int
    refused: int | None = None
    slowest: float | None = None
    more: float | None = None
    faults: list[str] = field(default_factory=list)


class Table:
    """Prints rows in the form of docs/reliability.md."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        print("| kind | trials | refused | faults | slowest | peak memory more |")
        print("|---|---:|---:|---:|---:|---:|", flush=True)

    def add(self, row: Row) -> None:
        refused = "" if row.refused is None else f"{row.refused:,}"
        slowest = "" if row.slowest is None else f"{row.slowest:.2f} s"
        more = "" if row.more is None else f"{row.more:,.0f} MB"
        print(f"| {row.kind} | {row.trials:,} | {refused} | {len(row.faults)} | {slowest} | {more} |", flush=True)
        self._faults += row.faults

    def end(self) -> int:
        """Prints the faults; 1 where there are any, as an exit status."""
        print(*self._faults, sep="\n")
        return 1 if self._faults else 0
