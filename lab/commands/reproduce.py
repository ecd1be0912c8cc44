"""``leanpose reproduce``."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.tables import print_tables
from leanpose.cli.training import DATA_HELP


def reproduce(
    name: Annotated[str | None, typer.Argument(help="What to reproduce; without it, all names are listed.")] = None,
    data: Annotated[list[str] | None, typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP)] = None,
    budget: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="epochs, side (px), people (share), seeds of each training, batches of an epoch.",
        ),
    ] = "",
    train: Annotated[bool, typer.Option("--train", help="Train the networks of a table of sizes too.")] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The trained network to look into, where one is needed.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PART", help="The part of a study to train for; repeatable.")
    ] = None,
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the trainings; what is done there is not done again.")
    ] = Path("runs/reproduce"),
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for page, JSON and figure.")] = Path("reproduction"),
) -> None:
    """Repeat a table, figure or claim of the papers: published beside measured, with a verdict."""
    from rich.table import Table

    from lab.reproduce import REPRODUCTIONS, reproduction_named
    from lab.reproduce.trainings import Setting
    from leanpose.core.errors import DatasetError, RecipeError

    if name is None:
        table = Table("name", "what", "trains", "default budget")
        for known, entry in REPRODUCTIONS.items():
            table.add_row(known, entry.about, "yes" if entry.trains else "", f"{entry.budget}" if entry.trains else "")
        print_tables(table)
        return
    chosen = reproduction_named(name)
    if (chosen.trains or chosen.measures or train) and not data:
        raise DatasetError(f"{name} needs images: name them with --data, such as --data lsp:DIR --data lspet:DIR")
    if only and not chosen.parts:
        raise RecipeError(f"{name} has no parts for --only to choose from")
    result = chosen.run(
        Setting(name, data or [], chosen.budget.changed(budget), work, out, checkpoint, train, only or ())
    )
    page = result.write(out)
    for claim in result.claims:
        typer.echo(f"{claim.verdict}: {claim.statement} ({claim.evidence})")
    typer.echo(f"page: {page}")
