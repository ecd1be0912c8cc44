"""``leanpose calibrate``: scores that are probabilities, and uncertainties in pixels, into a model's card."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from leanpose.cli.engine_options import PrecisionOption
from leanpose.cli.stored_commands import portable
from leanpose.cli.tables import print_tables
from leanpose.core.errors import ModelError


def calibrate(
    model: Annotated[str, typer.Argument(help="The .onnx file of a pose model, whose card beside it is changed.")],
    data: Annotated[
        list[str],
        typer.Option(metavar="KIND:PATH[,OPTION=VALUE]", help="People whom it was not trained on. Repeat for more."),
    ],
    part: Annotated[Literal["val", "test", "train"], typer.Option(help="Which part of the data.")] = "val",
    flip_test: Annotated[
        bool, typer.Option("--flip-test/--no-flip-test", help="For use with the mirrored crop.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for reliability.png, before and after.")
    ] = None,
) -> None:
    """Make a model's scores probabilities of being right, and find how far off its joints are.

    What is printed as after is of people that each fold of the fit left out. Fitted on images that the network was
    trained on, its scores will promise too much.
    """
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from leanpose.datasets.readers import read_samples
    from leanpose.engines.zoo import is_detector
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.measure.calibrating import calibrate as run
    from leanpose.measure.calibrating import record_calibration
    from leanpose.measure.reliability import draw_reliability

    if not model.endswith(".onnx"):
        raise ModelError(
            f"'{model}': give the .onnx file whose card is to be changed; 'leanpose export' makes one of a checkpoint"
        )
    if is_detector(model):
        raise ModelError(f"{model} is a person detector: only pose models have joints to calibrate")
    if part == "train":
        typer.echo("part train: a network is surer of images it was trained on than of any others", err=True)
    estimator = PoseEstimator(model, engine, precision, flip_test)
    problems: list[str] = []
    samples = read_samples(data, part, estimator.card.skeleton, problems)
    names = f"{' and '.join(spec.partition(':')[0] for spec in data)} {part}"
    console = Console(stderr=True)
    fitted = run(
        estimator, samples, names, fitting_command(model, data, part, flip_test, engine, precision),
        lambda s: track(s, "people", console=console, disable=not console.is_terminal),
    )  # fmt: skip
    table = Table("", "before", "after", title=f"{fitted.calibration.data}, {fitted.calibration.right}")
    before = {figure.key: figure.value for figure in fitted.before.figures()}
    for figure in fitted.after.figures():
        table.add_row(figure.label, f"{before[figure.key]:.1f}" if figure.key in before else "-", f"{figure.value:.1f}")
    print_tables(table)
    if out:
        measured = [("before", fitted.before), ("after", fitted.after)]
        draw_reliability(measured, out / "reliability.png", f"{estimator.card.name} on {names}, cross-validated")
        typer.echo(f"diagram: {out / 'reliability.png'}")
    card = Path(model).with_suffix(".json")
    record_calibration(card, fitted.calibration)
    typer.echo(f"calibration written to {card}")
    problems += fitted.left_out
    if problems:
        typer.echo(f"{len(problems)} left out of the fit, such as {problems[0]}", err=True)
        raise typer.Exit(1)


def fitting_command(model: str, data: list[str], part: str, flip_test: bool, engine: str, precision: str) -> str:
    """The command that fits again, on any machine whose LEANPOSE_DATA is set; other data is named, not located."""
    words = [Path(model).name, *(f"--data {_named(spec)}" for spec in portable(data)), f"--part {part}"]
    words += ["--flip-test"] if flip_test else []
    words += [f"--{name} {value}" for name, value in (("engine", engine), ("precision", precision)) if value != "auto"]
    return " ".join(("leanpose calibrate", *words))


def _named(spec: str) -> str:
    """A dataset without the folders it lies in, unless they are below LEANPOSE_DATA."""
    kind, colon, rest = spec.partition(":")
    path, comma, options = rest.partition(",")
    return spec if path.startswith("$LEANPOSE_DATA") else f"{kind}{colon}{Path(path).name}{comma}{options}"
