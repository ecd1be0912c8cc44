"""Whether a model's scores and uncertainties mean what they say, on labelled people; and the diagram of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.plotting import new_figure
from leanpose.datasets.readers import Sample
from leanpose.engines.calibration import COVERAGE
from leanpose.measure.figures import Figure
from leanpose.measure.intervals import wilson_interval
from leanpose.measure.metrics.pck import normalised_distances
from leanpose.measure.metrics.reference import MAIN_THRESHOLD, box_lengths, reference_lengths, reference_of
from leanpose.measure.metrics.reliability import (
    Binning,
    brier_score,
    calibration_error,
    coverage,
    rank_correlation,
    reliability_curve,
)
from leanpose.measure.protocols import joint_mapping
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton, map_joints, map_uncertainties


@dataclass(frozen=True, eq=False)
class Reliability:
    """The joints of labelled people that a model answered.

    Attributes:
        what: what makes a joint right, such as ``"PCK@0.2 of the torso"``, whatever the benchmark measures by.
        scores: (M,) in [0, 1].
        right: (M,) bool.
        errors: (M,) distances from the labels in pixels.
        radii: (M,) uncertainties in pixels; None for a model that says nothing about them.
        people: (M,) whose joints they are, by number.
    """

    what: str
    scores: np.ndarray
    right: np.ndarray
    errors: np.ndarray
    radii: np.ndarray | None
    people: np.ndarray

    def error(self, binning: Binning = "mass") -> float:
        """Expected calibration error of the scores, from 0 to 1."""
        return calibration_error(self.scores, self.right, binning=binning)

    def figures(self) -> list[Figure]:
        """All in percent."""
        figures = [
            Figure("ece", "calibration error of scores (ECE), %", 100 * self.error()),
            Figure("ece width", "ECE in bins of equal width, %", 100 * self.error("width")),
            Figure("brier", "Brier score of scores, %", 100 * brier_score(self.scores, self.right)),
        ]
        if self.radii is not None:
            figures += [
                Figure("within 1", "joints within their uncertainty, %", 100 * coverage(self.errors, self.radii)),
                Figure("within 2", "joints within twice of it, %", 100 * coverage(self.errors, self.radii, 2)),
                Figure(
                    "uncertainty rank",
                    "rank correlation of it and error, %",
                    100 * rank_correlation(self.radii, self.errors),
                ),
            ]
        return figures

    def to_dict(self) -> dict[str, Any]:
        """The diagram's data."""
        bins = [
            {
                "joints": held.count,
                "score": held.predicted,
                "right": held.observed,
                "interval 95 %": wilson_interval(held.right, held.count),
            }
            for held in reliability_curve(self.scores, self.right)
        ]
        radii = [
            {"joints": count, "uncertainty px": radius, f"{COVERAGE:.0%} within px": reached}
            for count, radius, reached in self.radius_curve()
        ]
        return {"right": self.what, "bins": bins} | ({"uncertainty": radii} if radii else {})

    def radius_curve(self, bins: int = 10) -> list[tuple[int, float, float]]:
        """Bins of as many joints each, by rising uncertainty: how many, the middle one, within how far 68 % lie."""
        if self.radii is None:
            return []
        parts = np.array_split(np.argsort(self.radii, kind="stable"), bins)
        return [
            (len(part), float(np.median(self.radii[part])), float(np.quantile(self.errors[part], COVERAGE)))
            for part in parts
            if len(part)
        ]


def measure_reliability(people: Sequence[Sample], poses: Sequence[Poses | None], model: Skeleton) -> Reliability | None:
    """What became of the answers for labelled people; None where not one joint can be judged.

    A joint is judged where it is labelled, answered, and its person has a reference length.

    Args:
        people: N annotated people of one skeleton.
        poses: N answers of one person each; None for people who were not found.
        model: the skeleton of the answers.
    """
    found = [i for i, pose in enumerate(poses) if pose is not None]
    if not found:
        return None
    answers = [pose for pose in poses if pose is not None]
    seen, skeleton = [people[i] for i in found], people[0].skeleton
    weights = joint_mapping(model, skeleton)
    points, scores = (np.concatenate([getattr(p, name) for p in answers]) for name in ("keypoints", "scores"))
    predicted, probabilities = map_joints(weights, points, scores)
    known = [pose.uncertainties for pose in answers if pose.uncertainties is not None]
    radii = map_uncertainties(weights, np.concatenate(known)) if len(known) == len(answers) else None
    true, labelled = np.stack([s.keypoints for s in seen]), np.stack([s.labelled for s in seen])
    reference = reference_of(skeleton)
    lengths = reference_lengths(true, labelled, skeleton, box_lengths(np.stack([s.box for s in seen])))
    distances = normalised_distances(predicted, true, labelled & weights.any(axis=1), lengths)
    judged = np.isfinite(distances)
    if not judged.any():
        return None
    threshold = MAIN_THRESHOLD[reference]
    errors = np.linalg.norm(predicted - true, axis=-1)
    return Reliability(
        f"PCK@{threshold:g} of the {reference}",
        probabilities[judged].clip(0, 1),
        distances[judged] <= threshold,
        errors[judged],
        None if radii is None else radii[judged],
        np.broadcast_to(np.array(found)[:, None], judged.shape)[judged],
    )


def draw_reliability(measured: Sequence[tuple[str, Reliability]], path: Path, title: str) -> None:
    """Draw the share of right joints over the score, and, where it is known, how far off joints are over uncertainty.

    Args:
        measured: names and what was measured, one curve each.
    """
    known = [(f"C{i}", name, one.radius_curve()) for i, (name, one) in enumerate(measured) if one.radii is not None]
    figure = new_figure(11 if known else 5.5, 5)
    figure.suptitle(title)
    axes = figure.subplots(1, 2 if known else 1, squeeze=False)[0]
    left = axes[0]
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for color, (name, one) in enumerate(measured):
        bins = reliability_curve(one.scores, one.right)
        x, y = [b.predicted for b in bins], [b.observed for b in bins]
        ends = [wilson_interval(b.right, b.count) for b in bins]
        bars = [
            [at - low for at, (low, _) in zip(y, ends, strict=True)],
            [high - at for at, (_, high) in zip(y, ends, strict=True)],
        ]
        left.errorbar(
            x,
            y,
            yerr=bars,
            marker="o",
            markersize=4,
            capsize=2,
            color=f"C{color}",
            label=f"{name}: ECE {one.error():.3f}",
        )
    left.set(
        xlabel="score, mean of a tenth of the joints", ylabel=f"share that is right: {measured[0][1].what}",
        xlim=(0, 1), ylim=(0, 1), aspect="equal",
    )  # fmt: skip
    left.legend(loc="lower right")
    if known:
        right = axes[1]
        for color, name, curve in known:
            right.plot([c[1] for c in curve], [c[2] for c in curve], marker="o", markersize=4, color=color, label=name)
        ends = [value for *_, curve in known for point in curve for value in point[1:]]
        span = (0.8 * max(min(ends), 0.1), 1.25 * max(ends))
        right.plot(span, span, color="0.6", linewidth=1)
        right.set(
            xscale="log", yscale="log", xlim=span, ylim=span, aspect="equal",
            xlabel="uncertainty in px, of a tenth of the joints", ylabel=f"{COVERAGE:.0%} of them lie within px",
        )  # fmt: skip
        places = [digit * 10.0**power for power in range(-1, 5) for digit in (1, 2, 5)]
        shown = [place for place in places if span[0] <= place <= span[1]]
        for axis in (right.xaxis, right.yaxis):
            axis.set_ticks([], minor=True)
            axis.set_ticks(shown, [f"{place:g}" for place in shown])
        right.legend(loc="upper left")
    for one in axes:
        one.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
