"""``leanpose data clean``: finds wrong labels and writes corrections of them."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.training import Data


def clean(
    data: Data,
    also: Annotated[
        list[str] | None, typer.Option(metavar="KIND:PATH", help="Trusted datasets that all folds learn from.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The corrections.")] = Path("corrections.json"),
    folds: Annotated[int, typer.Option(min=2, help="How many networks to train, each without its own fold.")] = 2,
    recipe: Annotated[str, typer.Option(help="Of these networks.")] = "fold_lsp",
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Their trainings; what stands there is used.")] = Path(
        "runs/folds"
    ),
    fold_models: Annotated[
        list[str] | None,
        typer.Option("--fold-model", metavar="MODEL", help="Trained before, one per fold in their order: no training."),
    ] = None,
    judges: Annotated[
        list[str] | None, typer.Option("--judge", metavar="MODEL", help="Another model that has to agree; repeatable.")
    ] = None,
    sides: Annotated[float, typer.Option(help="Evidence that an exchange of sides needs, a natural logarithm.")] = 9.0,
    swap: Annotated[float, typer.Option(help="Evidence that a limb labelled from its wrong end needs.")] = 2.0,
    sure: Annotated[float, typer.Option(help="Support that the networks' place needs to take a label away.")] = 0.8,
    move: Annotated[float, typer.Option(help="Support to move a label there; above 1 for never.")] = 0.95,
    add: Annotated[float, typer.Option(help="Support to label what was not; above 1 for never.")] = 2.0,
    trial: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:PATH", help="Plant errors into their val part, whose labels are good, and count."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page with pictures of the people with most evidence.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, onnxruntime, openvino.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the networks: a third faster on CPUs.")] = False,
) -> None:
    """Find wrong labels by networks that did not learn from them, and write what corrects them.

    Every command takes the result as --data KIND:PATH,corrections=FILE.
    Labels whose sides are exchanged are put right; labels far from where the networks are sure of the joint are moved
    there or taken away. What nobody is sure of stays as it is, and so does everybody to measure on.
    """
    from rich.console import Console
    from rich.progress import track

    from leanpose.cleaning import Rules, find_corrections
    from leanpose.cleaning.judges import judge
    from leanpose.cleaning.page import page
    from leanpose.cleaning.table import table, trial_table
    from leanpose.cleaning.trial import outcomes, plant
    from leanpose.errors import DatasetError
    from leanpose.files import write_whole
    from leanpose.readers import read_samples
    from leanpose.readers.corrections import write_corrections

    samples = read_samples(data, "train")
    if not samples:
        raise DatasetError(f"nothing to clean: nobody is in the train part of {', '.join(data)}")
    planted = plant(read_samples(trial, "val")) if trial else []
    if trial and not planted:
        raise DatasetError(
            f"nobody to plant errors into: nobody with enough labels is in the val part of {', '.join(trial)}"
        )
    models: list[str | Path] = list(fold_models or [])
    if not models:
        from leanpose.training.folds import train_folds
        from leanpose.training.recipes import recipe_named

        models += train_folds(recipe_named(recipe), data, runs, folds, also or [], compiled=compiled)
    console = Console(stderr=True)
    rules = Rules(sides=sides, swap=swap, sure=sure, move=move, add=add)
    progress = lambda people: track(people, "people", console=console, disable=not console.is_terminal)  # noqa: E731
    if planted:
        with_errors = [one.sample for one in planted]
        found = find_corrections(with_errors, judge(with_errors, models, judges or [], engine, progress), rules)
        Console().print(trial_table(outcomes(planted, found)))
    support = judge(samples, models, judges or [], engine, progress)
    corrections = find_corrections(samples, support, rules)
    made = {"folds": [Path(m).name for m in models], "judges": [Path(m).name for m in judges or []], **vars(rules)}
    write_corrections(out, samples, corrections, made)
    Console().print(table(samples, corrections))
    typer.echo(f"{out}: {sum(map(bool, corrections)):,} of {len(samples):,} people have corrections")
    if report:
        title = f"Labels of {' and '.join(sorted({sample.dataset for sample in samples}))}"
        write_whole(report, page(samples, corrections, title).encode(errors="replace"), DatasetError)
        typer.echo(f"page: {report}")
