"""``leanpose predict``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from leanpose.errors import BoxError

if TYPE_CHECKING:
    import numpy as np

    from leanpose.pose import Poses

FILES = {"json": "poses.json", "csv": "poses.csv", "coco": "poses.coco.json"}


def predict(
    sources: Annotated[list[str], typer.Argument(metavar="SRC...", help="Images, folders, or patterns of images.")],
    box: Annotated[
        list[str] | None, typer.Option(metavar="X1,Y1,X2,Y2", help="A person's box in pixels; repeat for more people.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Boxes: COCO JSON, or CSV of file,x1,y1,x2,y2,score.")
    ] = None,
    whole_image: Annotated[bool, typer.Option("--whole-image", help="Each image shows one person, all of it.")] = False,
    model: Annotated[str, typer.Option(help="A packaged model, or an .onnx file with its card beside it.")] = "small",
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16"], typer.Option(help="What the engine computes in.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; by default one per core.")] = None,
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored image: twice the work.")
    ] = False,
    format: Annotated[Literal["json", "csv", "coco"], typer.Option(help="Format of the results.")] = "json",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path("leanpose-out"),
    draw: Annotated[bool, typer.Option("--draw", help="Also write the images with the poses drawn on them.")] = False,
) -> None:
    """Find the joints of the people in images.

    A file that cannot be used is an error when it is the only one; among several it is skipped and counted, and the
    exit status is 1.
    """
    from leanpose.estimator import PoseEstimator
    from leanpose.info import OPENVINO_HINT, would_gain_from_openvino
    from leanpose.media import find_images
    from leanpose.pose_formats import write_coco, write_csv, write_json

    if [bool(box), boxes is not None, whole_image].count(True) != 1:
        raise BoxError(
            "say where the people are with --box or --boxes, or take each image as one person with --whole-image "
            "(exactly one of the three); there is no detector yet"
        )
    images = find_images(sources)
    single = images == [Path(sources[0])]
    per_image = _boxes_of(images, box, boxes)
    estimator = PoseEstimator(model, engine, precision, flip_test, threads=threads)
    typer.echo(estimator.describe())
    if engine == "auto" and would_gain_from_openvino():
        typer.echo(OPENVINO_HINT, err=True)

    skipped = []

    def skip(image: Any, error: Exception) -> None:
        skipped.append(image)
        typer.echo(f"skipped: {error}", err=True)

    results: list[Poses] = []
    names = _DrawingNames(out)
    pairs = _with_progress(zip(images, per_image, strict=True), len(images))
    for poses in estimator.estimate_pairs(pairs, whole_image=whole_image, on_error=None if single else skip):
        results.append(poses)
        if draw and poses.source:
            _draw(poses, names.of(Path(poses.source)))
    if results:
        path = out / FILES[format]
        {"json": write_json, "csv": write_csv, "coco": write_coco}[format](results, path)
        typer.echo(f"{path}: images {len(results)}, people {sum(map(len, results))}")
        if draw:
            typer.echo(f"drawings: {names.first if len(results) == 1 else out}")
    if skipped:
        typer.echo(f"skipped {len(skipped)} of {len(images)} images", err=True)
        raise typer.Exit(1)


def _boxes_of(images: list[Path], box: list[str] | None, boxes: Path | None) -> "list[np.ndarray | None]":
    """Boxes for each image; ``None`` stands for the whole of it."""
    import numpy as np

    from leanpose.boxes import read_boxes

    if box:
        if len(images) > 1:
            raise BoxError(f"--box is for one image, here are {len(images)}: put their boxes into a file for --boxes")
        return [np.array([_parse_box(text) for text in box])]
    if boxes is None:
        return [None] * len(images)
    file = read_boxes(boxes)
    found = [file.find(image) for image in images]
    without = sum(not len(rows) for rows in found)
    if without == len(images):
        named = f"it names {file.names[0]!r} and so on" if file.names else "it is empty"
        raise BoxError(f"{boxes} has no box for {images[0]}" + (" or any other image" * (without > 1)) + f": {named}")
    if without:
        typer.echo(f"{without} of {len(images)} images have no box in {boxes}: nobody is looked for there", err=True)
    return [*found]


def _parse_box(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise BoxError(f"--box {text}: write four numbers x1,y1,x2,y2 in pixels")
    return numbers


def _with_progress(pairs: Iterable[Any], total: int) -> Iterator[Any]:
    """A progress bar on stderr, for several images and in a terminal only."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(pairs, "images", total, console=console, disable=total == 1 or not console.is_terminal)


class _DrawingNames:
    """Names for drawings in one folder, also where images of several folders share theirs."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._taken: set[Path] = set()
        self.first: Path | None = None

    def of(self, source: Path) -> Path:
        suffix = source.suffix if source.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp", ".bmp") else ".png"
        number, path = 1, self._out / f"{source.stem}_poses{suffix}"
        while path in self._taken:
            number += 1
            path = self._out / f"{source.stem}_poses_{number}{suffix}"
        self._taken.add(path)
        self.first = self.first or path
        return path


def _draw(poses: "Poses", path: Path) -> None:
    from leanpose.media import load_image, save_image

    if poses.source:
        save_image(path, poses.draw(load_image(poses.source)))
