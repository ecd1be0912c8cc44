"""What a person sees of ``leanpose batch`` while it goes on, and at its end."""

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from leanpose.cli.predict_sources import CtrlC
from leanpose.core.printable import printable

if TYPE_CHECKING:
    from leanpose.batch.run import Plan
    from leanpose.batch.runner import Runner
    from leanpose.batch.table import Counts
    from leanpose.batch.work import Job

SHOWN = 5  # errors that are said at once; the rows have them all
EVERY = 30.0  # seconds between two lines where the output is no terminal


def follow(found: "Plan", job: "Job", runner: "Runner") -> int:
    """Runs what is missing, and shows how it goes; gives the signal that ended it early, or 0."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from leanpose.batch.run import count_missing, run
    from leanpose.batch.runner import Note, Step

    _say_plan(found)
    left, _ = count_missing(found, job)
    done = found.shards - left
    if done and left:
        typer.echo(f"{done:,} of {found.shards:,} shards are done already")
    state = _State(found.shards, done)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with (
        CtrlC() as ctrl_c,
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
        closing(run(found, job, runner)) as events,
    ):
        task = bar.add_task("shards", total=found.shards, completed=done, state=str(state))
        for event in ctrl_c.over(events):
            if isinstance(event, Note):
                console.print(printable(event.text), markup=False, highlight=False)
            elif isinstance(event, Step):
                state.pictures += event.pictures
            else:
                state.finish(event.counts.failures)
                if event.error is not None and state.errors <= SHOWN:
                    last = "; further ones are in the results alone" if state.errors == SHOWN else ""
                    console.print(printable(f"failed: {event.error}{last}"), markup=False, highlight=False)
            bar.update(task, completed=state.done, state=str(state))
            if not console.is_terminal and state.due():
                typer.echo(f"shards {state.done:,} of {state.shards:,}, {state}", err=True)
    if ctrl_c.pressed:
        typer.echo(f"stopped after {state.done:,} of {state.shards:,} shards: the same command goes on there", err=True)
    return ctrl_c.signal


def _say_plan(found: "Plan") -> None:
    shards = f"{found.shards:,} {'shard' if found.shards == 1 else 'shards'}"
    typer.echo(f"{found.files:,} {'file' if found.files == 1 else 'files'} in {shards}: {found.manifest}")
    if found.left_out:
        kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in sorted(found.left_out.items()))
        typer.echo(f"left out: {found.left_out.total():,} files of kinds not read here ({kinds})", err=True)
    if found.folders:
        typer.echo(f"left out: {found.folders:,} subfolders (--recursive looks into subfolders)", err=True)


@dataclass
class _State:
    shards: int
    done: int
    pictures: int = 0
    failures: int = 0
    errors: int = 0
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def finish(self, failures: int) -> None:
        self.done += 1
        self.failures += failures
        self.errors += failures > 0

    def due(self) -> bool:
        """Whether it is time for another line."""
        now = time.monotonic()
        if now - self.told < EVERY:
            return False
        self.told = now
        return True

    def __str__(self) -> str:
        rate = self.pictures / max(time.monotonic() - self.began, 1e-9)
        return f"{self.done:,}/{self.shards:,}, {rate:.1f} pictures/s, failures {self.failures:,}"


def report(counts: "Counts", job: "Job") -> "Counts":
    """Says what is in the results, and gives it back."""
    parts = [f"images {counts.images:,}"] if counts.images or not counts.frames else []
    parts += [f"frames {counts.frames:,}"] if counts.frames else []
    everywhere = " in all frames" if counts.frames and not counts.images else ""
    typer.echo(f"{job.poses}: {', '.join(parts)}, people {counts.people:,}{everywhere}, failures {counts.failures:,}")
    if counts.failures:
        many = "1 failure: the row" if counts.failures == 1 else f"{counts.failures:,} failures: the rows"
        typer.echo(f"{many} with an error in {job.poses}: which file, and why", err=True)
    return counts
