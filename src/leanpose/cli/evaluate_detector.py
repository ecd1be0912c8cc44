"""``leanpose evaluate`` for a person detector."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import typer

from leanpose.cli.tables import print_tables
from leanpose.core.errors import DatasetError, ModelError

FALSE_PER_IMAGE = 0.05  # that a chosen threshold may leave on images without people


def evaluate_detector(
    model: str,
    data: list[str],
    part: Literal["test", "val", "train"],
    engine: str,
    precision: Literal["auto", "f32", "bf16", "int8"],
    deterministic: bool,
    threshold: float | None,
    choose_threshold: bool,
    out: Path | None,
    command: str | None,
) -> list[str]:
    """Measure, print and write; returns a message for everything that was left out.

    Args:
        command: what measures it again, to be written with the scores into the model's card; None for no writing.
    """
    from rich.console import Console
    from rich.progress import track

    from leanpose.datasets.readers.scenes import read_scenes
    from leanpose.estimate.detector import PersonDetector
    from leanpose.measure import detection, detection_report

    if choose_threshold and part != "val":
        raise DatasetError("--choose-threshold: test images only measure; choose with --part val")
    problems: list[str] = []
    scenes = read_scenes(data, part, problems)
    with TemporaryDirectory() as folder:
        if Path(model).suffix == ".ckpt":
            from leanpose.training.detector_checkpoint import export_detector

            checkpoint, model = Path(model), str(Path(folder) / f"{Path(model).stem}.onnx")
            export_detector(checkpoint, Path(model))
        detector = PersonDetector(model, engine, precision, threshold=detection.LOWEST, deterministic=deterministic)
    score = detector.card.threshold if threshold is None else threshold
    if score < detection.LOWEST:
        raise ModelError(f"--threshold {score:g}: at least {detection.LOWEST:g}, below which no answer is looked at")
    console = Console(stderr=True)
    found = detection.evaluate_detector(
        detector, scenes, score, lambda s: track(s, "images", console=console, disable=not console.is_terminal)
    )
    typer.echo(f"detector {detector.card.name}, engine {detector.engine.name} {detector.engine.precision}")
    print_tables(detection_report.detection_table(found))
    for each in found:
        if not each.count and each.worst():
            listed = "; ".join(f"{each.scenes[i].name} {why}" for i, why in each.worst()[:5])
            typer.echo(f"worst of {each.name}: {listed}")
    if choose_threshold:
        print_tables(detection_report.threshold_table(found))
        chosen = detection.choose_threshold(found, FALSE_PER_IMAGE)
        images = sum(len(d.scenes) for d in found if d.exhaustive and not d.count)
        recalls = ", ".join(f"{d.name} {d.recall(chosen):.1f}" for d in found if d.count)
        typer.echo(
            f"threshold {chosen:g}: the lowest with at most {FALSE_PER_IMAGE:g} false persons an image, on {images} "
            "images without people" + (f"; recall {recalls}" if recalls else "")
        )
    if out:
        names = " and ".join(dict.fromkeys(d.name.partition(",")[0] for d in found))
        detection_report.write_detection_report(found, out, f"{detector.card.name} on {names} {part}")
        typer.echo(f"report: {out}")
    if command:
        card = Path(model).with_suffix(".json")
        if not card.is_file():
            raise ModelError(f"--save-scores: {model} has no card {card.name} beside it")
        detection_report.record_detection_scores(card, found, part, command)
        typer.echo(f"scores written to {card}")
    return [*problems, *(message for each in found for message in each.left_out)]
