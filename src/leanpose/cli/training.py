"""``leanpose train`` and ``curve``: from a recipe to a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

DATA_HELP = "Dataset as KIND:PATH[,OPTION=VALUE] (docs/datasets.md has the kinds); repeat for more."
Data = Annotated[list[str], typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP)]


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, such as softgate_lsp.")],
    data: Annotated[list[str] | None, typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP)] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run; runs/RECIPE by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last.ckpt.")] = False,
    start_from: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Start with the weights of a .ckpt or .safetensors.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Loader processes.")] = 1,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or another that Lightning knows.")] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="How many of them on each machine: processes, which share each batch.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines; see docs/training.md for torchrun and Slurm.")] = 1,
    stop_after: Annotated[
        int | None, typer.Option(min=1, metavar="EPOCHS", help="Stop early; --resume goes on with the same schedule.")
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="45s, 90m or 2h for all of it: the schedule is stretched to end with it."
        ),
    ] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="The joints to learn; samples are mapped to them by name.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Repeat the schedule from the best weights of the round before (LPN).")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model whose heatmaps are learned too (distillation).")
    ] = None,
    teacher_weight: Annotated[
        float | None, typer.Option(min=0, max=1, help="The teacher's share of the loss; the labels have the rest.")
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Run the network through torch.compile; see docs/training.md.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and stop.")] = False,
) -> None:
    """Train a recipe. Writes last.ckpt, best.ckpt, CSV and TensorBoard logs; an interrupted run resumes."""
    import time

    started = time.monotonic()  # what follows imports torch, which takes its part of --for
    import dataclasses
    import json

    from leanpose.core.errors import DatasetError, TrainingError
    from leanpose.training.progress import parse_time
    from leanpose.training.recipes import override, recipe_named

    budget = None if for_ is None else parse_time(for_)
    named = {"skeleton": skeleton, "rounds": rounds, "teacher": teacher, "teacher_weight": teacher_weight}
    given = {name: value for name, value in named.items() if value is not None}
    resolved = override(dataclasses.replace(recipe_named(recipe), **given), set_ or [])
    if show:
        typer.echo(json.dumps(resolved.to_dict(), indent=2))
        return
    if not data:
        raise DatasetError(f"{recipe} needs people to train on: name them with --data KIND:PATH")
    folder = out or Path("runs") / recipe
    if resolved.rounds > 1:
        if stop_after is not None:
            raise TrainingError("--stop-after ends one schedule, not rounds of it: leave it out, or take --rounds 1")
        if budget is not None:
            raise TrainingError("--for stretches one schedule, not rounds of it: leave it out, or take --rounds 1")
        if devices * nodes > 1:
            raise TrainingError(
                "--devices, --nodes: rounds are trained by one process: leave them out, or take --rounds 1"
            )
        from leanpose.training.iterative import train_rounds

        trained = train_rounds(
            resolved, data, folder, resume, start_from=start_from, workers=workers, accelerator=accelerator,
            devices=devices, compiled=compiled,
        )  # fmt: skip
        for number, entry in enumerate(trained, start=1):
            typer.echo(f"round {number}: validation PCK {max(entry.curve):.1f}, {entry.best}")
        return
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from leanpose.training.checkpoint import read_checkpoint
    from leanpose.training.run import train as run

    best = run(
        resolved, data, folder, resume, start_from, workers, accelerator, devices, stop_after, compiled=compiled,
        budget=budget, started=started, nodes=nodes,
    )  # fmt: skip
    if rank_zero_only.rank:  # of several processes one speaks
        return
    typer.echo(f"trained {read_checkpoint(folder / 'last.ckpt').progress}; best checkpoint: {best}")


def curve(
    runs: Annotated[
        list[str], typer.Argument(metavar="[NAME=]DIR[,DIR...]", help="A training, or phases of it in order.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="The picture; its points go beside it, .json.")] = Path(
        "curve.png"
    ),
) -> None:
    """Draw validation PCK over hours of training, of one run or several, without the time between stop and resume."""
    from leanpose.core.errors import TrainingError
    from leanpose.training.curve import write_curves

    phases: dict[str, list[Path]] = {}
    for run in runs:
        name, equals, folders = run.rpartition("=")
        name = name if equals else Path(folders.split(",")[-1]).name
        if name in phases:
            raise TrainingError(f"'{name}' is given twice: name the runs, as in NAME={folders}")
        phases[name] = [Path(folder) for folder in folders.split(",")]
    for name, points in write_curves(phases, out).items():
        best = max(point.val_pck for point in points)
        typer.echo(f"{name}: {len(points)} validations in {points[-1].hours:.2f} hours, best {best:.1f}")
    typer.echo(f"curve: {out}")
