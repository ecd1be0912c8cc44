"""``leanpose finetune``."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.training import Data


def finetune(
    data: Data,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="The joints to learn; those of the data if not given.")
    ] = None,
    start_from: Annotated[
        str, typer.Option("--from", metavar="MODEL", help="A packaged model, a .ckpt, or .safetensors with its card.")
    ] = "small",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of training, report and model.")] = Path(
        "runs/finetuned"
    ),
    people: Annotated[
        int | None, typer.Option(min=1, help="Train on this many people, a fixed draw; all if not given.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps; by the size of the set if not given.")
    ] = None,
    freeze: Annotated[int, typer.Option(min=0, metavar="EPOCHS", help="Epochs in which only the heads learn.")] = 1,
    patience: Annotated[
        int, typer.Option(min=0, metavar="EPOCHS", help="End after so many epochs without a gain; 0 for never.")
    ] = 8,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last epoch.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Loader processes.")] = 1,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or another that Lightning knows.")] = "auto",
) -> None:
    """Fine-tune a model on your own people: trains, measures on a held-out part, writes a report, and exports."""
    from leanpose.training.finetune import finetune as run

    done = run(
        data, out, start_from, skeleton, people, steps, freeze, patience, set_ or [], resume,
        workers=workers, accelerator=accelerator,
    )  # fmt: skip
    before = "" if done.before is None else f"{done.before:.1f} before, "
    typer.echo(f"held-out PCK: {before}{done.after:.1f} after")
    typer.echo(f"report: {done.report}")
    typer.echo(f"model: {done.model}  (leanpose predict --model {done.model} ...)")
