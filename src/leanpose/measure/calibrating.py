"""Fitting a model's calibration on labelled people, and measuring it on people it was not fitted on."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.parts import fold_of
from leanpose.engines.calibration import Calibration, Curves, fit
from leanpose.engines.card import ModelCard
from leanpose.measure.estimation import Progress, estimate
from leanpose.measure.reliability import Reliability, measure_reliability

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

FOLDS = 10
# What a heatmap itself says: its peak, and its spread in pixels of the image.
PLAIN = Curves(intercept=0.0, slope=1.0, scale=1.0, peak_power=0.0, spread_power=1.0)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A calibration, and how the same joints fare without and with it.

    Attributes:
        calibration: fitted on all people.
        before: by the heatmaps' peaks themselves, without uncertainties.
        after: each fold of the people by curves that were fitted on the others.
        people: how many.
        left_out: a message for each person who could not be used.
    """

    calibration: Calibration
    before: Reliability
    after: Reliability
    people: int
    left_out: Sequence[str]


def calibrate(
    estimator: "PoseEstimator",
    samples: Sequence[Sample],
    data: str,
    command: str,
    progress: Progress | None = None,
) -> Fitted:
    """Fit a calibration on the labelled people of one skeleton, each in their annotated box.

    Args:
        estimator: as the model is to be used: without a flip test, unless it will always be used with one.
        samples: people whom the network was not trained on; on others it is surer than it will ever be again.
        data: what they are, in words.
        command: that fits again.
        progress: as in :func:`leanpose.measure.evaluate`.

    Raises:
        MissingExtraError: without scipy.
        DatasetError: when there are no people, too few of their joints can be judged, or all of their images are in one
            fold.
    """
    plain = copy(estimator)
    nothing = Calibration(PLAIN, "peak", data, estimator.describe(), 0.0, 0.0, command)
    plain.card = replace(estimator.card, calibration=nothing)
    plain.skeleton = plain.card.skeleton
    estimates = estimate(plain, samples, "labels", progress)
    before = measure_reliability(estimates.samples, estimates.poses, plain.skeleton)
    if before is None or before.radii is None:
        raise DatasetError(f"{data}: not one joint of these people can be judged: labels of the torso are needed")
    boxes = np.stack([sample.box for sample in estimates.samples])
    inverse = geometry.invert(geometry.crop_transform(boxes, plain.card.input_hw, plain.card.padding))
    cell = plain.card.stride * geometry.zoom(inverse)[before.people]  # px
    folds = np.array([fold_of(sample, FOLDS) for sample in estimates.samples])[before.people]
    widths, errors = before.radii / cell, before.errors / cell
    scores, radii = np.empty(len(folds)), np.empty(len(folds))
    for fold in np.unique(folds):
        held, others = folds == fold, folds != fold
        if not others.any():
            raise DatasetError(f"{data}: all images fall into one of {FOLDS} folds: give more")
        curves = fit(before.scores[others], widths[others], before.right[others], errors[others])
        scores[held] = curves.probabilities(before.scores[held])
        radii[held] = curves.radii(before.scores[held], widths[held]) * cell[held]
    after = replace(before, scores=scores, radii=radii)
    calibration = Calibration(
        fit(before.scores, widths, before.right, errors),
        before.what,
        f"{data}: {len(before.right)} joints of {len(np.unique(before.people))} people",
        plain.describe(),
        round(before.error(), 4),
        round(after.error(), 4),
        command,
    )
    return Fitted(calibration, replace(before, radii=None), after, len(estimates.samples), estimates.left_out)


def record_calibration(card: Path, calibration: Calibration) -> None:
    """Put a calibration into a card file, over the one that it has."""
    replace(ModelCard.load(card), calibration=calibration).save(card)
