"""``leanpose robustness``: what distorted pictures and boxes cost models."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from leanpose.cli.benchmark import parse_box
from leanpose.cli.engine_options import AnyAngleOption
from leanpose.cli.stored_commands import own_command
from leanpose.cli.tables import print_tables
from leanpose.core.errors import BenchmarkError, DatasetError

if TYPE_CHECKING:
    from leanpose.datasets.readers import Sample
    from leanpose.estimate.estimator import PoseEstimator

SHOWN = 5  # people left out, by name


def robustness(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Packaged models, .onnx files with their cards, or checkpoints. 'small' if none is given."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:PATH[,OPTION=VALUE]", help="A dataset of annotated people. Repeat for more."),
    ] = None,
    part: Annotated[Literal["test", "val", "train"], typer.Option(help="Which part of the data.")] = "test",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A kind of distortion such as 'blurred', or one, 'blurred-2'. Repeatable."),
    ] = None,
    people: Annotated[int | None, typer.Option(min=1, help="So many of them, spread evenly; all if not given.")] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Map the labels to these joints by name, where datasets differ."),
    ] = None,
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored crop; off, as on video.")
    ] = False,
    any_angle: AnyAngleOption = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime; checkpoints run on torch.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16"], typer.Option(help="What the engine computes in.")] = "auto",
    out: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Report: .json, .md (fills a page that has the marks) or .html. Repeatable."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One person under each distortion, with the joints found.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whom to draw, such as lsp/im1003.jpg; one found right if not given."),
    ] = None,
    image: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the person of this photo instead.")] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X1,Y1,X2,Y2", help="Where that person is; all of the photo if not given.")
    ] = None,
    again: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="An earlier .json report; nothing is measured.")
    ] = None,
) -> None:
    """Measure models on small, turned, blurred, dark, compressed, cut and covered people, and with wrong boxes.

    Prints PCK at the benchmark's threshold on the pictures as they are and under each distortion, and the difference
    with its interval over people. Without --data only the picture of --image is drawn. The exit status is 1 when
    anybody was left out because the image or box cannot be used.
    """
    from rich.console import Console
    from rich.progress import track

    from lab.robustness.distortions import select
    from lab.robustness.picture import draw_robustness
    from lab.robustness.report import check_format, table, write_robustness
    from lab.robustness.robustness import Robustness, measure_robustness
    from leanpose.estimate.estimator import PoseEstimator

    distortions = select(only or [])
    for path in out or ():
        check_format(path)
    if again:
        if data or models or picture or only or people:
            raise BenchmarkError("--from reads a report: leave out models, --data, --only, --people and --picture")
        found = Robustness.load(again)
    else:
        if image and not picture:
            raise BenchmarkError("--image is drawn: say where to with --picture FILE")
        if not data and not image:
            raise DatasetError("robustness is measured on people: name them with --data, such as --data lsp:DIR")
        problems: list[str] = []
        samples = _spread(_read(data, part, skeleton, problems), people) if data else []
        estimators = [PoseEstimator(m, engine, precision, flip_test, any_angle=any_angle) for m in models or ["small"]]
        if picture:
            shown = _shown(estimators[0], samples, person, image, box)
            draw_robustness(estimators[0], shown, distortions, picture)
            typer.echo(f"picture: {picture}, {shown.name}")
        if not data:
            return
        console = Console(stderr=True)
        measured = measure_robustness(
            estimators, samples, distortions,
            lambda s: track(s, "people", console=console, disable=not console.is_terminal),
        )  # fmt: skip
        words = f"{' and '.join(spec.partition(':')[0] for spec in data)} {part}"
        found = replace(measured, data=words, command=own_command(), left_out=(*problems, *measured.left_out))
    print_tables(table(found))
    for path in out or ():
        write_robustness(found, path)
        typer.echo(f"report: {path}")
    if found.left_out:
        shown = "".join(f"\n  {message}" for message in found.left_out[:SHOWN])
        typer.echo(f"{len(found.left_out)} left out of the figures:{shown}", err=True)
        raise typer.Exit(1)


def _read(data: Sequence[str], part: str, skeleton: str | None, problems: list[str]) -> "list[Sample]":
    from leanpose.datasets.readers import read_samples
    from leanpose.pose.skeleton_files import find_skeleton

    return read_samples(data, part, find_skeleton(skeleton) if skeleton else None, problems)  # type: ignore[arg-type]


def _spread(samples: "list[Sample]", count: int | None) -> "list[Sample]":
    """So many of those with labels, spread evenly over them."""
    labelled = [sample for sample in samples if sample.labelled.any() and not sample.crowd]
    if count is None or count >= len(labelled):
        return labelled
    return [labelled[i * len(labelled) // count] for i in range(count)]


def _shown(
    estimator: "PoseEstimator", samples: "list[Sample]", person: str | None, image: Path | None, box: str | None
) -> "Sample":
    """Whom to draw: of the photo, by name, or one whom the model gets right."""
    from lab.robustness.picture import example, photo

    if image:
        return photo(image, parse_box(box), estimator.skeleton)
    if not person:
        return example(estimator, samples)
    for sample in samples:
        if sample.name == person:
            return sample
    raise DatasetError(f"nobody here is called '{person}'" + f": names are as {samples[0].name}" * bool(samples))
