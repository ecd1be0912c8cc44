"""What a joint's score means: the probability that it is right, and how far off it is in pixels.

A heatmap's peak orders joints well, but is no probability. A calibration, fitted on people whom the network was not
trained on (:mod:`leanpose.measure.calibrating`), turns it into the share of such joints that are right, and with the
width of the heatmap into the radius within which 68 % of them lie. Both are of few parameters, for little data: on
LSP's validation people a logistic curve had a lower log loss than isotonic regression, and one for all joints keeps
the order of a person's joints, which one for each kind of joint would not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from leanpose.core.errors import DatasetError, MissingExtraError, ModelError
from leanpose.engines.card_file import check_fields, is_number, is_positive, is_text

COVERAGE = 0.68  # share of joints that lie within their radius
NEARLY = 1e-3  # peaks this close to 0 or 1 are taken as that far from them
STEEPEST = 1000  # of the curves; fitted ones are below 10, and beyond this floats overflow
FINEST = 0.05  # cells; labels say nothing about smaller errors


@dataclass(frozen=True)
class Curves:
    """From a heatmap's peak, and its spread in cells, to a probability and a radius in cells.

    ``probability = 1 / (1 + exp(-intercept - slope * log(peak / (1 - peak))))``,
    ``radius = scale * peak^-peak_power * spread^spread_power``.
    """

    intercept: float
    slope: float
    scale: float
    peak_power: float
    spread_power: float

    def probabilities(self, peaks: np.ndarray) -> np.ndarray:
        """Of peaks in [0, 1], any shape; a peak of 0 is a joint that was not found, and stays 0."""
        odds = self.intercept + self.slope * _log_odds(peaks)
        return np.where(peaks > 0, 1 / (1 + np.exp(-odds)), 0)

    def radii(self, peaks: np.ndarray, spreads: np.ndarray) -> np.ndarray:
        """In the unit of the spreads; NaN for a joint that was not found."""
        with np.errstate(invalid="ignore"):
            radii = self.scale * np.maximum(peaks, NEARLY) ** -self.peak_power * spreads**self.spread_power
        return np.where(peaks > 0, radii, np.nan)


@dataclass(frozen=True)
class Calibration:
    """A card's calibration: the curves and where they come from.

    Attributes:
        curves: from heatmaps to probabilities and radii.
        right: what the probability is of, such as ``"PCK@0.2 of the torso"``.
        data: the part of which datasets it was fitted on, and how many joints these are.
        protocol: how the model answered.
        ece_before, ece_after: expected calibration error on that data, from 0 to 1, of the peaks themselves and of
            probabilities for people that the curves were not fitted on.
        command: fits it again.

    Raises:
        ModelError: when a field does not hold what it should; the message names it.
    """

    curves: Curves
    right: str
    data: str
    protocol: str
    ece_before: float
    ece_after: float
    command: str

    def __post_init__(self) -> None:
        curves = {f"curves.{name}": value for name, value in vars(self.curves).items()}
        for name, value in {**vars(self), **curves}.items():
            if name == "curves":
                continue
            if name in ("right", "data", "protocol", "command"):
                holds, expected = is_text(value), "text"
            elif name in ("ece_before", "ece_after"):
                holds, expected = is_number(value) and 0 <= value <= 1, "a number from 0 to 1"
            elif name == "curves.intercept":
                holds, expected = is_number(value) and abs(value) <= STEEPEST, f"a number within {STEEPEST} of 0"
            elif name == "curves.scale":
                holds, expected = is_positive(value) and value <= STEEPEST, f"a number above 0, up to {STEEPEST}"
            else:  # so that neither a higher peak nor a narrower heatmap ever means less
                holds, expected = is_number(value) and 0 <= value <= STEEPEST, f"a number from 0 to {STEEPEST}"
            if not holds:
                raise ModelError(f"model card: field 'calibration.{name}' must be {expected}, not {value!r}")

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Of its fields as JSON holds them.

        Raises:
            ModelError: when a field is missing, unknown or of the wrong kind.
        """
        check_fields("calibration.", cls, values)
        assert isinstance(values, Mapping)
        check_fields("calibration.curves.", Curves, values["curves"])
        return cls(**{**values, "curves": Curves(**values["curves"])})


def spreads(heatmaps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """How wide heatmaps (N, K, H, W) are about the decoded positions (N, K, 2): (N, K), in cells.

    The root mean squared distance from there under the map's square, its sum made 1: squares silence the background,
    which would outweigh the peak. A Gaussian of one sigma gives that sigma; NaN without a position or a map.
    """
    people, joints, height, width = heatmaps.shape
    weights = np.square(heatmaps, dtype=np.float32).reshape(people * joints, height * width)
    mass, *mean, square = (weights @ _moments(height, width)).astype(float).T.reshape(4, people, joints)
    at = cells - ((width - 1) / 2, (height - 1) / 2)
    with np.errstate(invalid="ignore"):  # maps without a value
        variance = (square - 2 * (at[..., 0] * mean[0] + at[..., 1] * mean[1])) / mass + (at**2).sum(axis=-1)
    return np.sqrt(np.maximum(variance, 0))


def fit(peaks: np.ndarray, widths: np.ndarray, right: np.ndarray, errors: np.ndarray) -> Curves:
    """The curves of M joints that were found.

    The probability is fitted by maximum likelihood, with Platt's targets (1999), which lie inside [0, 1] by as much as
    the number of joints leaves open; the radius by quantile regression of log errors (Koenker & Bassett 1978), which
    few joints that are far off do not move. Neither may fall where the peak or the width say otherwise.

    Args:
        peaks: (M,) in (0, 1].
        widths: (M,) of the heatmaps, as :func:`spreads` gives them.
        right: (M,) bool.
        errors: (M,) distances from the true positions, in the unit of the widths.

    Raises:
        DatasetError: for fewer than 10 joints.
        MissingExtraError: without scipy.
    """
    if len(peaks) < 10:
        raise DatasetError(f"{len(peaks)} joints are too few to calibrate by: give more people")
    try:
        from scipy.optimize import linprog, minimize
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "train") from error
    hits, count, found = int(right.sum()), len(right), np.asarray(peaks, dtype=float)
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (count - hits + 2))
    odds = _log_odds(found)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = line[0] + line[1] * odds
        off = 1 / (1 + np.exp(-z)) - target
        return float((np.logaddexp(0, z) - target * z).mean()), np.array([off.mean(), (off * odds).mean()])

    line = minimize(loss, [0.0, 1.0], jac=True, method="L-BFGS-B", bounds=[(None, None), (0, None)]).x
    logs = np.log(np.maximum(errors, FINEST))
    columns = np.column_stack([np.ones(count), -np.log(np.maximum(found, NEARLY)), np.log(np.maximum(widths, FINEST))])
    # The dual of the linear programme, which is the smaller one: a weight in [0, 1] for each joint.
    balance = (1 - COVERAGE) * columns.sum(axis=0)
    solved = linprog(
        -logs, A_eq=columns[:, :1].T, b_eq=balance[:1], A_ub=columns[:, 1:].T, b_ub=balance[1:], bounds=(0, 1),
        method="highs",
    )  # fmt: skip
    if solved.status != 0:
        raise DatasetError(f"these joints cannot be calibrated by: {solved.message}")
    scale = float(np.exp(-solved.eqlin.marginals[0]))
    peak_power, spread_power = (float(max(-value, 0.0)) for value in solved.ineqlin.marginals)
    return Curves(float(line[0]), float(line[1]), scale, peak_power, spread_power)


@lru_cache
def _moments(height: int, width: int) -> np.ndarray:
    """(H * W, 4) of each cell 1, x, y and x^2 + y^2 from the middle of the map, where float32 loses least."""
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height)[:, None] - (height - 1) / 2
    terms = np.stack([np.broadcast_to(term, (height, width)) for term in (1.0, x, y, x**2 + y**2)], axis=-1)
    return terms.reshape(-1, 4).astype(np.float32)


def _log_odds(peaks: np.ndarray) -> np.ndarray:
    inside = np.clip(peaks, NEARLY, 1 - NEARLY).astype(float)
    return np.log(inside / (1 - inside))
