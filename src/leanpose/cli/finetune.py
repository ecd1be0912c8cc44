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
        str, typer.Option("--from", metavar="MODEL", help="Packaged model, .ckpt, or .onnx or .safetensors with card.")
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
    freeze: Annotated[
        str, typer.Option(metavar="EPOCHS", help="How long only the heads learn: a number, none or backbone (always).")
    ] = "1",
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
    from leanpose.core.errors import TrainingError
    from leanpose.training.finetune import finetune as run

    if not (freeze in ("none", "backbone") or freeze.isdecimal()):
        raise TrainingError(f"--freeze {freeze}: write a number of epochs, none or backbone")
    frozen = None if freeze == "backbone" else 0 if freeze == "none" else int(freeze)
    done = run(
        data, out, start_from, skeleton, people, steps, frozen, patience, set_ or [], resume,
        workers=workers, accelerator=accelerator,
    )  # fmt: skip
    known = "" if done.before is None else f"; of the joints it knew {done.after_known:.1f}, before {done.before:.1f}"
    typer.echo(f"held-out PCK: {done.after:.1f}{known}")
    typer.echo(f"report: {done.report}")
    typer.echo(f"model: {done.model}  (leanpose predict --model {done.model} ...)")
