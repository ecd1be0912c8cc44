"""``leanpose data``: what can be done with datasets."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from leanpose.cli.merge import merge
from leanpose.cli.tables import print_tables
from leanpose.cli.training import Data
from leanpose.core.errors import DatasetError

SKELETON_HELP = "Map all people to it by joint name; needed where the datasets' own skeletons differ."

app = typer.Typer(no_args_is_help=True, help="Work with datasets.")
app.command()(merge)


@app.command()
def pack(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write.")],
    side: Annotated[int, typer.Option(min=16, help="Largest side of a crop in pixels; nobody is enlarged.")] = 224,
    margin: Annotated[
        float, typer.Option(min=1, help="Side of a crop over the longer side of the person's box.")
    ] = 1.6,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the JPEG encoding.")] = 33,
    skeleton: Annotated[str | None, typer.Option(metavar="NAME|FILE", help=SKELETON_HELP)] = None,
    shard_mb: Annotated[float, typer.Option(min=0.001, help="Most that one file of crops holds, in MB.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a pack that stands there.")] = False,
) -> None:
    """Pack the training and validation people into a small folder that trains anywhere, as --data pack:DIR.

    The exit status is 1 when people were left out because their labels or images cannot be used.
    """
    from leanpose.datasets.packing import pack_datasets
    from leanpose.datasets.readers.reasons import reasons
    from leanpose.pose.skeleton_files import find_skeleton

    joints = None if skeleton is None else find_skeleton(skeleton)
    report = pack_datasets(data, out, side, margin, quality, joints, round(shard_mb * 1e6), overwrite)
    counts = ", ".join(f"{count} {part}" for part, count in report.counts.items())
    typer.echo(f"{out}: {counts} people, {report.size / 1e6:.1f} MB")
    for line in reasons(report.skipped):
        typer.echo(f"skipped: {line}", err=True)
    if report.skipped:
        raise typer.Exit(1)


@app.command()
def convert(
    data: Annotated[list[str], typer.Argument(metavar="KIND:PATH...", help="Datasets of any kind that can be read.")],
    to: Annotated[Literal["coco", "yolo", "mpii", "lsp", "csv"], typer.Option(help="The format to write.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write.")],
    part: Annotated[Literal["all", "train", "val", "test"], typer.Option(help="Which part of the data.")] = "all",
    skeleton: Annotated[str | None, typer.Option(metavar="NAME|FILE", help=SKELETON_HELP)] = None,
    images: Annotated[
        Literal["copy", "link", "none"], typer.Option(help="Copy them, link to them, or write labels alone.")
    ] = "copy",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a conversion that stands there.")] = False,
) -> None:
    """Write datasets in the format of another, and say what is lost by it. Parts stay what they were.

    The exit status is 1 when people were left out because their labels or images cannot be used.
    """
    from leanpose.datasets.conversion import convert as run
    from leanpose.datasets.readers import PARTS
    from leanpose.datasets.readers.reasons import reasons
    from leanpose.pose.skeleton_files import find_skeleton

    parts = PARTS if part == "all" else (part,)
    report = run(data, to, out, parts, None if skeleton is None else find_skeleton(skeleton), images, overwrite)
    counts = ", ".join(f"{count} {p}" for p, count in report.people.items())
    typer.echo(f"{out}: {counts} people in {report.images} images; read it as --data {report.spec}")
    for what, count in report.lost.items():
        typer.echo(f"lost: {what} ({count})")
    for line in reasons(report.left_out):
        typer.echo(f"left out: {line}", err=True)
    if report.left_out:
        raise typer.Exit(1)


@app.command()
def benchmark(
    data: Data,
    recipe: Annotated[str, typer.Option(help="Whose augmentation and padding to use.")] = "softgate_lsp",
    side: Annotated[int, typer.Option(min=16, help="Side of the crops in pixels.")] = 256,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to measure.")] = 10,
) -> None:
    """Measure how many augmented training crops one core delivers per second, reading and decoding included."""
    import time

    import cv2

    from leanpose.datasets.readers import read_samples
    from leanpose.training.data.dataset import CropDataset, EpochSampler
    from leanpose.training.recipes import recipe_named

    cv2.setNumThreads(1)
    chosen = recipe_named(recipe)
    samples = read_samples(data, "train")
    if not samples:
        raise DatasetError(f"{', '.join(data)}: no training samples to measure with")
    dataset = CropDataset(samples, (side, side), chosen.padding, chosen.augmentation, chosen.seed)
    count, start = 0, time.perf_counter()
    for key in EpochSampler([1] * len(samples), chosen.seed):
        item = dataset[key]
        if isinstance(item, DatasetError):
            raise item
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed > seconds:
            break
    typer.echo(f"{count / elapsed:.0f} samples/s of {side}x{side} px on one core, over {count} samples")


@app.command()
def inspect(
    data: Annotated[list[str], typer.Argument(metavar="KIND:PATH[,OPTION=VALUE]...", help="The datasets.")],
    part: Annotated[
        Literal["all", "train", "val", "test"],
        typer.Option(help="Which part; leaks between parts are found among all of them."),
    ] = "all",
    skeleton: Annotated[str | None, typer.Option(metavar="NAME|FILE", help=SKELETON_HELP)] = None,
    images: Annotated[int, typer.Option(min=0, help="Most images that are opened; of more, a random choice.")] = 20_000,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for inspection.json and the page inspection.html.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Count what is in datasets and find what is wrong with them: images, boxes, joints, sides, duplicates and leaks.

    The exit status is 1 when there are errors: annotations or images that cannot be used, people outside their image,
    or images that two parts share. Warnings and notes leave it 0.
    """
    from rich.console import Console
    from rich.progress import track

    from leanpose.datasets.inspection import inspect_data
    from leanpose.datasets.inspection.report import to_json, write_report
    from leanpose.datasets.inspection.terminal import tables
    from leanpose.pose.skeleton_files import find_skeleton

    console = Console(stderr=True)
    inspection = inspect_data(
        data,
        None if part == "all" else part,
        None if skeleton is None else find_skeleton(skeleton),
        images,
        lambda batches: track(batches, "images", console=console, disable=not console.is_terminal),
    )
    names = [spec.partition(",")[0].partition(":") for spec in data]
    title = " and ".join(f"{kind} in {Path(path).name}" for kind, _, path in names)
    title += ", all parts" if part == "all" else f", {part}"
    if json:
        typer.echo(to_json(inspection, title))
    else:
        print_tables(*tables(inspection))
    if out:
        written, sheet = write_report(inspection, out, title)
        typer.echo(f"report: {sheet} and {written}", err=json)
    if inspection.errors:
        raise typer.Exit(1)
