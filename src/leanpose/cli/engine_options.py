"""Options about engines that several commands have."""

from typing import Annotated, Literal

import typer

ModeOption = Annotated[
    Literal["latency", "throughput"],
    typer.Option(
        help="All threads to one person, for the soonest answer, or to several, for the most people a second."
    ),
]
DeterministicOption = Annotated[
    bool,
    typer.Option("--deterministic", help="The same bits on every run: in f32, and on one thread unless given more."),
]
