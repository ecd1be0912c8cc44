"""Who takes part in a labelling, opened and named: teachers, detectors, files of boxes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leanpose.datasets.labelling.fusion import VIEW_NMS_IOU, VIEW_THRESHOLD, MergedDetector
from leanpose.engines import Precision
from leanpose.engines.card_file import file_sha256
from leanpose.engines.zoo import FOLDER
from leanpose.estimate.detector import Detector, PersonDetector
from leanpose.estimate.teachers import both_specs


def identity(spec: str) -> dict[str, Any]:
    """What tells one model, or file of boxes, from another: its name without folders, and the file's sha256.

    Args:
        spec: a packaged model's name, a file, or ``LAYOUT:FILE[,OPTION=VALUE]``; the sha256 of anything else is None.
    """
    layout, colon, rest = spec.partition(":") if ":" in spec and not Path(spec).is_file() else ("", "", spec)
    name, *options = [rest] if Path(rest).is_file() else re.split(r",(?=[a-z]+=)", rest)
    file = Path(name) if Path(name).is_file() else FOLDER / f"{name}.onnx"
    return {
        "name": ",".join([f"{layout}{colon}{Path(name).name}", *options]),
        "sha256": file_sha256(file) if file.is_file() else None,
    }


def one_by_one(specs: Sequence[str]) -> list[str]:
    """The teachers of specs of which one may be two with a plus between them, as ``leanpose evaluate`` takes them."""
    return [one for spec in specs for one in both_specs(spec) or (spec,)]


def open_finder(
    specs: Sequence[str],
    mirror: bool,
    boxes_from: float | None,
    engine: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
) -> tuple[Detector, list[PersonDetector]]:
    """Who finds the people: one detector as it is, or several views merged.

    Args:
        specs: as :class:`leanpose.estimate.detector.PersonDetector` takes them.
        mirror: let the first look at the mirrored image too.
        boxes_from: score from which a box is given; ``None`` for a single detector's own threshold, and 0 for merged
            ones.
        engine, precision, threads: as :class:`leanpose.estimate.detector.PersonDetector` takes them.

    Returns:
        The finder, and the detectors behind it.

    Raises:
        ModelError, EngineError: as :class:`leanpose.estimate.detector.PersonDetector` does.
    """
    if len(specs) == 1 and not mirror:
        detector = PersonDetector(specs[0], engine, precision, threads, boxes_from)
        return detector, [detector]
    views = [PersonDetector(spec, engine, precision, threads, VIEW_THRESHOLD, VIEW_NMS_IOU) for spec in specs]
    return MergedDetector(views, mirror, boxes_from or 0.0), views
