"""``leanpose predict`` of images."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from leanpose.cli.predict_sources import CtrlC, Ending, Wanted, growing
from leanpose.core.errors import BoxError
from leanpose.core.printable import printable

if TYPE_CHECKING:
    import numpy as np

    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.pose.poses import Poses
    from leanpose.pose.writers import PosesWriter


def predict_images(estimator: "PoseEstimator", images: list[Path], wanted: Wanted, single: bool) -> Ending:
    """Writes the poses of all images into one file; a broken image is an error where it is ``single``."""
    per_image = _boxes_of(images, wanted)
    skipped = []

    def skip(image: Any, error: Exception) -> None:
        skipped.append(image)
        typer.echo(f"skipped: {error}", err=True)

    names = _DrawingNames(wanted.out)
    pairs = _with_progress(zip(images, per_image, strict=True), len(images))
    found = estimator.estimate_pairs(pairs, whole_image=wanted.whole_image, on_error=None if single else skip)
    count = people = damaged = 0
    with CtrlC() as ctrl_c, growing(_writer(images, wanted)) as writer:
        for every in ctrl_c.over(found):  # type: ignore[arg-type]
            poses = every.confident(wanted.joint_threshold)
            writer.write(poses)
            if wanted.draw and poses.source:
                _draw(poses, names.of(Path(poses.source)), wanted.drawing)
            count, people = count + 1, people + len(poses)
            if poses.damage is not None:
                damaged += 1
                typer.echo(printable(f"damaged, read all the same: {poses.source}: {poses.damage}"), err=True)
        writer.complete = not ctrl_c.pressed
    if count:
        typer.echo(f"{writer.kept}: images {count}, people {people}")
        if wanted.draw:
            typer.echo(f"drawings: {names.first if count == 1 else wanted.out}")
    if damaged:
        typer.echo(f"damaged {damaged} of {count} images: the results say which", err=True)
    if skipped:
        typer.echo(f"skipped {len(skipped)} of {len(images)} images", err=True)
    if ctrl_c.pressed:
        typer.echo(f"stopped after {count} of {len(images)} images", err=True)
    return Ending(len(skipped), ctrl_c.signal)


def _writer(images: list[Path], wanted: Wanted) -> "PosesWriter":
    """Writes the results; COCO's with an id for every image."""
    from leanpose.pose.coco import image_ids_of, names_below, read_image_ids
    from leanpose.pose.writers import SUFFIXES, WRITERS, CocoDatasetWriter, CocoWriter

    path, sources = wanted.out / f"poses{SUFFIXES[wanted.format]}", [str(image) for image in images]
    if wanted.format not in ("coco", "coco-dataset"):
        return WRITERS[wanted.format](path)
    ids = image_ids_of(sources) if wanted.coco_images is None else read_image_ids(wanted.coco_images, sources)
    numbered = all(isinstance(id_, int) for id_ in ids.values())
    if wanted.format == "coco":
        if not numbered and wanted.coco_images is None:
            typer.echo(
                "image_id: the files' names, which are not all different numbers; --coco-images FILE takes ids from "
                "a COCO file", err=True,
            )  # fmt: skip
        return CocoWriter(path, ids)
    return CocoDatasetWriter(path, ids if numbered or wanted.coco_images else None, names_below(sources))


def _boxes_of(images: list[Path], wanted: Wanted) -> "list[np.ndarray | None]":
    """Boxes for each image; ``None`` where they are still to be found, or it is the whole of it."""
    import numpy as np

    from leanpose.core.boxes import read_boxes

    if wanted.box:
        if len(images) > 1:
            raise BoxError(f"--box is for one image, here are {len(images)}: put their boxes into a file for --boxes")
        return [np.array(wanted.box)]
    if wanted.boxes is None:
        return [None] * len(images)
    file = read_boxes(wanted.boxes)
    found = [file.find(image) for image in images]
    without = sum(not len(rows) for rows in found)
    if without == len(images):
        named = f"it names {file.names[0]!r} and so on" if file.names else "it is empty"
        raise BoxError(
            f"{wanted.boxes} has no box for {images[0]}" + (" or any other image" * (without > 1)) + f": {named}"
        )
    if without:
        typer.echo(
            f"{without} of {len(images)} images have no box in {wanted.boxes}: nobody is looked for there", err=True
        )
    return [*found]


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


def _draw(poses: "Poses", path: Path, options: dict[str, float]) -> None:
    from leanpose.media import load_image, save_image

    if poses.source:
        save_image(path, poses.draw(load_image(poses.source, lenient=poses.damage is not None), **options))
