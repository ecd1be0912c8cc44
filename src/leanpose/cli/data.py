"""``leanpose data``: what can be done with datasets."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.training import Data

app = typer.Typer(no_args_is_help=True, help="Work with datasets.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def pack(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .npz file to write.")],
    side: Annotated[int, typer.Option(min=16, help="Largest side of a crop in pixels; nobody is enlarged.")] = 224,
    margin: Annotated[
        float, typer.Option(min=1, help="Side of a crop over the longer side of the person's box.")
    ] = 1.7,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the WebP encoding.")] = 40,
) -> None:
    """Pack the training and validation people into one small file that trains anywhere, as --data pack:FILE."""
    from leanpose.data.pack import pack_datasets

    report = pack_datasets(data, out, side, margin, quality)
    counts = ", ".join(f"{count} {part}" for part, count in report.counts.items())
    typer.echo(f"{out}: {counts} people, {report.size / 1e6:.1f} MB")
    for message in report.skipped:
        typer.echo(f"skipped: {message}", err=True)
    if report.skipped:
        raise typer.Exit(1)
