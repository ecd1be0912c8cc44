"""``leanpose quantize``: a smaller model, if it stays accurate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from leanpose.cli.tables import print_tables
from leanpose.cli.training import DATA_HELP

if TYPE_CHECKING:
    from leanpose.export.quantize import Quantized


def quantize(
    model: Annotated[str, typer.Argument(help="A packaged model, or an .onnx file with its card, in float32.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="The smaller model; its card goes beside it.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP + " --fp16 needs none."),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Weights in half precision instead of int8: for size alone.")
    ] = False,
    on_load: Annotated[
        bool,
        typer.Option(
            "--on-load", help="No smaller file: leave beside the model what lets OpenVINO run it in int8 at once."
        ),
    ] = False,
    method: Annotated[Literal["nncf", "onnxruntime"], typer.Option(help="Who quantises to int8.")] = "nncf",
    ranges: Annotated[
        Literal["minmax", "entropy", "percentile"] | None,
        typer.Option(help="How --method onnxruntime finds the ranges of activations; minmax if not given."),
    ] = None,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|none|heads|stem|NAME",
            help="Convolutions that stay float; NAME is how the name of their weights begins. Repeat for more; auto "
            "tries none, heads, and heads and stem, and takes the best.",
        ),
    ] = None,
    calibration: Annotated[int, typer.Option(min=1, help="Training people to calibrate on.")] = 300,
    part: Annotated[Literal["val", "test"], typer.Option(help="The part that before and after are measured on.")] = (
        "val"
    ),
    max_drop: Annotated[
        float, typer.Option(min=0, help="Points of PCK, PCKh or AP that may be lost; with more, nothing is written.")
    ] = 1.0,
    flip_test: Annotated[
        bool, typer.Option("--flip-test/--no-flip-test", help="Measure with the mirrored crop too.")
    ] = True,
    metric: Annotated[Literal["pck", "pckh", "oks"] | None, typer.Option(help="As in 'leanpose evaluate'.")] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Map the labels to these joints by name.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Measure on this one alone; auto for every engine that is installed.")
    ] = "auto",
) -> None:
    """Make a model smaller: int8, or weights in half precision, measured before and after on the same people.

    The exit status is 1, and nothing is written, when more than --max-drop points are lost on any engine.
    """
    from rich.console import Console
    from rich.progress import track

    from leanpose.cli.evaluate import measuring_command
    from leanpose.core.errors import AccuracyError, DatasetError, ExportError
    from leanpose.export.quantize import Judge, check_target, halve_model, open_source, quantize_model
    from leanpose.measure import Options, record_scores
    from leanpose.measure.datasets import read_data
    from leanpose.pose.skeleton_files import find_skeleton

    if on_load:
        if out or fp16 or part != "val":
            raise ExportError("--on-load writes beside the model and measures on --part val: leave the others away")
        _add_ranges(model, data or [], calibration, max_drop)
        return
    if out is None:
        raise ExportError("name the smaller model with --out FILE.onnx, or take --on-load")
    kept = tuple(keep_float or ("auto",))
    if len(kept) > 1 and not {"auto", "none"}.isdisjoint(kept):
        raise ExportError(f"--keep-float {' '.join(kept)}: auto and none stand alone")
    if kept == ("auto",) and part == "test" and not fp16:
        raise ExportError("--part test: what stays float would be chosen on the test people: name it by --keep-float")
    if ranges and (method != "onnxruntime" or fp16):
        raise ExportError(f"--ranges {ranges} is of --method onnxruntime: NNCF finds ranges in its own way")
    if not data and not fp16:
        raise DatasetError("int8 needs people to calibrate on and to measure with: name them with --data KIND:PATH")
    check_target(out, open_source(model)[0])
    console = Console(stderr=True)
    judge, problems = None, []
    if data:
        people = read_data(data, part, metric, problems, find_skeleton(skeleton) if skeleton else None)
        judge = Judge(
            people, engine, Options(metric), flip_test,
            lambda what: lambda s: track(s, what, console=console, disable=not console.is_terminal),
        )  # fmt: skip
    if fp16 or not (data and judge):
        made = halve_model(model, judge)
    else:
        made = quantize_model(
            model,
            data,
            judge,
            method,
            kept,
            ranges or "minmax",
            calibration,
            lambda what: typer.echo(f"{what} ...", err=True),
        )
    _print(made)
    try:
        card = made.save(out, max_drop)
    except AccuracyError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if made.comparisons and data:
        after = made.comparisons[0].after
        names = " and ".join(spec.partition(":")[0] for spec in data)
        given = {"flip_test": flip_test, "metric": metric, "skeleton": skeleton}
        command = measuring_command(out.name, data, part, made.comparisons[0].engine.split()[0], given)
        record_scores(out.with_suffix(".json"), [after], f"{names} {part}", command)
        left_out = [*problems, *made.comparisons[0].before.left_out]
        if left_out:
            typer.echo(f"{len(left_out)} people left out of the figures, such as {left_out[0]}", err=True)
    typer.echo(f"{out}: {card.quantization}")


def _add_ranges(model: str, data: list[str], count: int, max_drop: float) -> None:
    from leanpose.core.errors import AccuracyError, DatasetError
    from leanpose.export.quantize import add_ranges

    if not data:
        raise DatasetError("int8 needs people to find ranges on and to measure with: name them with --data KIND:PATH")
    try:
        made = add_ranges(model, data, count, max_drop, lambda what: typer.echo(f"{what} ...", err=True))
    except AccuracyError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{model} runs in int8 where OpenVINO has no AMX, {made.made}")


def _print(made: "Quantized") -> None:
    from rich.table import Table

    for trial in made.trials:
        kept = f"{' and '.join(trial.kept) or 'nothing'} in float ({trial.layers} convolutions)"
        typer.echo(f"{kept}: {trial.score:.2f}")
    before, after = made.bytes_before, len(made.onnx)
    typer.echo(f"size: {before / 1e6:.2f} MB -> {after / 1e6:.2f} MB, {after / before:.2f} of it")
    if not made.comparisons:
        return
    first = made.comparisons[0].before
    table = Table(
        "engine", "before", "after", "change", "95 % interval", "ms a crop", "time ratio*",
        title=f"{first.figures[0].label}, {len(first.samples)} people",
    )  # fmt: skip
    for row in made.comparisons:
        table.add_row(
            row.engine,
            f"{row.before.mean:.2f}",
            f"{row.after.mean:.2f}",
            f"{row.change:+.2f}",
            f"{row.interval[0]:+.2f} to {row.interval[1]:+.2f}",
            f"{row.seconds[0] * 1e3:.2f} -> {row.seconds[1] * 1e3:.2f}",
            f"{row.time.value:.2f} ({row.time.low:.2f} to {row.time.high:.2f})",
        )
    print_tables(table)
    typer.echo("* of one crop, both timed in turn: a hint, 'leanpose benchmark' measures it")
