"""The learning curve over hours: validation PCK of trainings by the time that they have run, stops left out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from leanpose.core.errors import TrainingError
from leanpose.core.files import write_whole
from leanpose.core.plotting import new_figure

SCORE = "val_pck"


@dataclass(frozen=True)
class Validation:
    """One validation: hours of training until then, the network's steps, and PCK in percent."""

    hours: float
    step: int
    val_pck: float


def learning_curve(phases: Sequence[Path]) -> list[Validation]:
    """Validations of trainings that went on one from the other, by their TensorBoard logs.

    Every start of a training has a log of its own. Hours run from a start's first entry, so that the time between two
    starts does not count; what a later start repeated counts as it was then, and the time lost with it does not.

    Args:
        phases: folders of ``leanpose train``, in order.

    Raises:
        TrainingError: when a folder holds no log, or none of its logs a validation PCK.
    """
    curve: list[Validation] = []
    for folder in phases:
        hours, steps = (curve[-1].hours, curve[-1].step) if curve else (0.0, 0)
        found: list[Validation] = []
        for began, events in _starts(folder):
            found = [v for v in found if not events or v.step < events[0][0]]
            before = found[-1].hours if found else 0.0
            found += [Validation(before + (at - began) / 3600, step, value) for step, at, value in events]
        if not found:
            raise TrainingError(f"{folder}: its logs have no {SCORE}: has an epoch ended there?")
        curve += [Validation(hours + v.hours, steps + v.step, v.val_pck) for v in found]
    return curve


def write_curves(runs: Mapping[str, Sequence[Path]], out: Path) -> dict[str, list[Validation]]:
    """Draw the curve of each run into ``out`` (.png) and write its points beside it (.json).

    Args:
        runs: phases by name.

    Raises:
        TrainingError: as :func:`learning_curve`, and for another ending than .png.
        MissingExtraError: when TensorBoard or matplotlib is not installed.
    """
    if out.suffix.lower() != ".png":
        raise TrainingError(f"{out}: the picture is a .png; its points are written beside it as .json")
    curves = {name: learning_curve(phases) for name, phases in runs.items()}
    figure = new_figure(7, 4)
    axes = figure.subplots()
    for name, curve in curves.items():
        best = max(v.val_pck for v in curve)
        axes.plot([v.hours for v in curve], [v.val_pck for v in curve], "o-", markersize=3, label=f"{name}: {best:.1f}")
    axes.set(xlabel="hours of training", ylabel="validation PCK (%)", ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_whole(out, content.getvalue(), TrainingError)
    points = {name: [asdict(v) for v in curve] for name, curve in curves.items()}
    write_whole(out.with_suffix(".json"), (json.dumps(points, indent=1) + "\n").encode(), TrainingError)
    return curves


def _starts(folder: Path) -> list[tuple[float, list[tuple[int, float, float]]]]:
    """For each start, in order, the seconds when it began and (step, seconds, PCK) of its validations."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = sorted((folder / "tensorboard").glob("events.out.tfevents.*"))
    if not logs:
        raise TrainingError(f"{folder}/tensorboard has no log: give folders of 'leanpose train'")
    starts = []
    for log in logs:
        read = EventAccumulator(str(log), size_guidance={"scalars": 0})
        read.Reload()
        events = read.Scalars(SCORE) if SCORE in read.Tags()["scalars"] else []
        if events:
            starts.append((read.FirstEventTimestamp(), [(e.step, e.wall_time, e.value) for e in events]))
    return sorted(starts)
