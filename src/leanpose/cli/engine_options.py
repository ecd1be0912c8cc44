"""Options about engines that several commands have."""

from typing import Annotated, Literal

import typer

PrecisionOption = Annotated[
    Literal["auto", "f32", "bf16", "int8"],
    typer.Option(help="What the engine computes in; auto: the fastest on this CPU, of what the model is prepared for."),
]
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
AnyAngleOption = Annotated[
    bool,
    typer.Option(
        "--any-angle",
        help="Look again, turned, at people who lie, hang or stand on their heads: up to five looks at each.",
    ),
]
