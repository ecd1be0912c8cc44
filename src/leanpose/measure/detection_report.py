"""What the evaluation of a detector says, for a terminal, for files, and for its card."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure
from leanpose.engines.card_file import Score
from leanpose.engines.detector_card import DetectorCard
from leanpose.measure.detection import CURVE, IOU, SHOWN_AP, Detection
from leanpose.media import save_image
from leanpose.pose.drawing import contact_sheet
from leanpose.pose.palette import LEFT, RIGHT

if TYPE_CHECKING:
    from rich.table import Table

WORST = 16
TILE = (320, 320)  # pixels


def detection_table(detections: Sequence[Detection]) -> "Table":
    """The figures for a terminal, one column a dataset."""
    from rich.table import Table

    shown = Table("", *(d.name.replace(", ", "\n") for d in detections), title="detection")
    shown.add_row("images", *(str(len(d.scenes)) for d in detections))
    shown.add_row("people", *(f"{d.count}{'' if d.exhaustive else ' *'}" for d in detections))
    shown.add_section()
    for name in SHOWN_AP if any(d.average_precision for d in detections) else ():
        spreads = [(d.ap50_interval[1] - d.ap50_interval[0]) / 2 if name == "AP50" else math.nan for d in detections]
        values = [d.average_precision.get(name, math.nan) for d in detections]
        shown.add_row(
            name, *(_number(v) + (f" ± {s:.1f}" if s >= 0 else "") for v, s in zip(values, spreads, strict=True))
        )
    shown.add_section()
    at = f"at {detections[0].threshold:g}"
    shown.add_row(f"recall {at}", *map(_recall, detections), style="bold")
    if any(d.exhaustive for d in detections):
        shown.add_row(f"precision {at}", *(_number(d.precision) for d in detections))
        shown.add_row(f"false persons an image {at}", *(_number(d.false_per_image(), 3) for d in detections))
    if any(not d.exhaustive for d in detections):
        shown.caption = "* not everybody in these images is labelled: recall only"
    return shown


def threshold_table(detections: Sequence[Detection]) -> "Table":
    """Recall, and behind the stroke false persons an image, by threshold."""
    from rich.table import Table

    shown = Table("score", *(d.name.replace(", ", "\n") for d in detections), title="recall % / false persons an image")
    for threshold in CURVE.tolist():
        cells = (f"{_number(d.recall(threshold))} / {_number(d.false_per_image(threshold), 3)}" for d in detections)
        shown.add_row(f"{threshold:.2f}", *cells)
    return shown


def write_detection_report(detections: Sequence[Detection], out: Path, title: str) -> None:
    """Write ``evaluation.json``, ``curve.png`` (recall against false persons) and ``worst_NAME.png`` into ``out``."""
    report = {"title": title, "results": [d.to_dict() for d in detections]}
    write_whole(out / "evaluation.json", json.dumps(report, indent=2).encode())
    _draw_curves(detections, out / "curve.png", title)
    for detection in detections:
        if detection.worst():
            name = detection.name.replace(", ", "_").replace(" ", "_")
            draw_worst_scenes(detection, out / f"worst_{name}.png")


def record_detection_scores(card: Path, detections: Sequence[Detection], part: str, command: str) -> None:
    """Replace the scores of a detector's card by AP50, recall and false persons an image, as far as defined."""
    figures = [
        (f"{name}, {d.name.partition(',')[0]} {part}", value, digits, d.protocol)
        for d in detections
        for name, value, digits in (
            ("AP50", d.average_precision.get("AP50", math.nan), 2),
            ("recall", d.recall(), 2),
            ("false persons an image", d.false_per_image(), 4),
        )
        if math.isfinite(value)
    ]
    scores = tuple(Score(metric, round(value, digits), said, command) for metric, value, digits, said in figures)
    replace(DetectorCard.load(card), scores=scores).save(card)


def draw_worst_scenes(detection: Detection, path: Path) -> None:
    """The images with most wrong: labels in blue, ignored regions thin and blue, answers in vermilion with scores."""
    tiles, captions = [], []
    for i, why in detection.worst()[:WORST]:
        image = detection.scenes[i].load_image()
        height, width = image.shape[:2]
        zoom = min(TILE[0] / height, TILE[1] / width)
        transform = geometry.resize_transform(zoom)
        transform[:, 2] += (TILE[1] - zoom * width) / 2, (TILE[0] - zoom * height) / 2
        tile = geometry.warp(image, transform, TILE)
        answers = detection.answers[i]
        answers = answers[answers[:, 4] >= detection.threshold]
        for boxes, color, thickness in (
            (detection.ignored[i], LEFT, 1), (detection.people[i], LEFT, 2), (answers, RIGHT, 2),
        ):  # fmt: skip
            corners = geometry.apply(transform, boxes[:, :4].reshape(-1, 2, 2)).round().astype(int).reshape(-1, 4)
            for box, row in zip(corners.tolist(), boxes, strict=True):
                cv2.rectangle(tile, box[:2], box[2:], color, thickness, cv2.LINE_AA)
                if len(row) == 5:
                    at = (max(box[0] + 3, 3), min(max(box[3] - 5, 12), TILE[0] - 4))
                    for paint, width_ in (((20, 20, 25), 3), ((250, 250, 250), 1)):
                        cv2.putText(
                            tile, f"{row[4]:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, paint, width_, cv2.LINE_AA
                        )
        tiles.append(tile)
        captions.append(f"{detection.scenes[i].name}  {why}")
    save_image(path, contact_sheet(tiles, columns=4, captions=captions))


def _recall(detection: Detection) -> str:
    low, high = detection.recall_interval
    value = _number(detection.recall())
    return f"{value} ({low:.1f} to {high:.1f})" if detection.count else value


def _number(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _draw_curves(detections: Sequence[Detection], path: Path, title: str) -> None:
    """Recall of every dataset with people over the false persons an image of those without, or else of its own."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    thresholds = np.arange(0.05, 1, 0.01)
    empty = [d for d in detections if d.exhaustive and not d.count]
    for detection in (d for d in detections if d.count):
        recall = [detection.recall(t) for t in thresholds]
        judges = empty or ([detection] if detection.exhaustive else [])
        images = sum(len(d.scenes) for d in judges)
        x = [sum(d.false(t) for d in judges) / images for t in thresholds] if images else thresholds
        axes.plot(x, recall, label=detection.name)
    where = "images without people" if empty else "the same images"
    counted = bool(empty) or any(d.exhaustive for d in detections)
    axes.set(
        xlabel=f"false persons an image, on {where}" if counted else "threshold",
        ylabel=f"recall at IoU {IOU:g} (%)", title=title, ylim=(0, 100),
    )  # fmt: skip
    if counted:
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
