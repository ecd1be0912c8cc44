"""Measuring a model on people, by the figure of their benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure.average_precision import MATCHING_OKS, Precision, box_scores, match_people, measure_precision
from leanpose.measure.estimation import Estimates, Progress, estimate, image_key
from leanpose.measure.figures import Distances, Figure, pck_figures
from leanpose.measure.groups import JointGroup, joint_groups
from leanpose.measure.interface import Estimator
from leanpose.measure.intervals import percentile_interval, resampled_pck
from leanpose.measure.metrics.pck import normalised_distances
from leanpose.measure.metrics.reference import box_lengths, reference_lengths, reference_of
from leanpose.measure.protocols import BoxSource, Metric, are_detections, describe_boxes, describe_mapping, metric_for
from leanpose.measure.reliability import Reliability, measure_reliability
from leanpose.pose.oks import rescored
from leanpose.pose.poses import Poses

REFERENCES = ("head", "torso", "box")  # that figures of groups are taken in


@dataclass(frozen=True)
class Options:
    """How answers become figures.

    Attributes:
        metric: the figure; None for that of the samples' benchmark.
        nms: OKS above which the weaker of two answers from detected boxes is dropped; 1 drops none.
        min_joint_score: joints that score less do not enter a person's score.
        hrnet_pckh01: also print PCKh at 0.11, which the HRNet line calls Mean@0.1.
    """

    metric: Metric | None = None
    nms: float = 0.9
    min_joint_score: float = 0.2
    hrnet_pckh01: bool = False


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model predicted for people, and how far off it was.

    Attributes:
        protocol: boxes, joints, flip test, decode method and engine in words.
        metric: ``"pck"``, ``"pckh"`` or ``"oks"``.
        samples: the N annotated people.
        predicted: (N, K, 2) image pixels in the joints of the data; NaN where not predicted.
        poses: the N answers in the joints of the model, one person each; None where no box led to the person.
        measured: their distances.
        figures: all figures, the main one first.
        resampled: the main figure of each resample of people (of images for AP), the same ones for every model.
        answers: what goes into a submission: for detected boxes those that are left after OKS NMS.
        person_scores: of the answers.
        left_out: a message for each person who could not be used.
        reliability: what the scores and uncertainties of the answers were worth; None where no joint can be judged.
    """

    protocol: str
    metric: Metric
    samples: Sequence[Sample]
    predicted: np.ndarray
    poses: Sequence[Poses | None]
    measured: Distances
    figures: tuple[Figure, ...]
    resampled: np.ndarray
    answers: Estimates
    person_scores: np.ndarray
    left_out: Sequence[str] = field(default_factory=tuple)
    reliability: Reliability | None = None

    @property
    def distances(self) -> np.ndarray:
        """(N, K) in reference lengths; NaN where not judged, infinite where not answered."""
        return self.measured.values

    @cached_property
    def per_joint(self) -> np.ndarray:
        """PCK (K,) in percent, at the metric's threshold."""
        return self.measured.per_joint()

    @property
    def mean(self) -> float:
        """The main figure in percent."""
        return self.figures[0].value

    @property
    def limb_mean(self) -> float:
        """PCK in percent, mean over the limb joints, which every human skeleton has; NaN where there are none."""
        found = [figure.value for figure in self.figures if figure.key.endswith(" limbs")]
        return found[0] if found else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the main figure."""
        return percentile_interval(self.resampled)

    @cached_property
    def joint_groups(self) -> dict[str, JointGroup]:
        """Face, limbs, head and neck, as far as there are such joints: by the metric's reference, torso, and box."""
        ways: tuple[Metric, ...] = (self.metric, "pck", "oks")
        measured = [measure_distances(self.samples, self.predicted, self.answers.judged, way) for way in ways]
        by_reference = {distances.reference: distances for distances in reversed(measured)}
        return joint_groups(
            self.samples, self.predicted, self.answers.judged,
            [by_reference[name] for name in REFERENCES if name in by_reference],
        )  # fmt: skip

    @property
    def spread(self) -> float:
        """Half the width of the interval, in percent."""
        return (self.interval[1] - self.interval[0]) / 2

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data; None for those that are not defined here."""
        joints = dict(zip(self.measured.skeleton.joints, self.per_joint.tolist(), strict=True))
        main = {"figure": self.figures[0].key, "low": self.interval[0], "high": self.interval[1]}
        return _plain(
            {
                "protocol": self.protocol,
                "people": len(self.samples),
                "left out": list(self.left_out),
                **{figure.key: figure.value for figure in self.figures},
                "interval 95 %": main,
                "groups": self.measured.rows(),
                "joint groups": {name: group.to_dict() for name, group in self.joint_groups.items()},
                "joints": joints,
                "reliability": None if self.reliability is None else self.reliability.to_dict(),
            }
        )


def evaluate(
    estimator: Estimator,
    samples: Sequence[Sample],
    boxes: BoxSource = "labels",
    progress: Progress | None = None,
    options: Options | None = None,
    ground_truth: Mapping[str, Any] | None = None,
    people: Sequence[Sample] | None = None,
) -> Evaluation:
    """Run an estimator over people, one box each, and compare with their labels.

    People whose image cannot be read, or whose box makes no sense, are left out of every figure and named in the
    result. Joints that the model does not know are not judged.

    Args:
        estimator: model, engine, flip test and decode method as they are to be measured.
        samples: annotated people, or a detector's boxes: samples without a labelled joint.
        boxes: ``"labels"`` for the samples' own, ``"centre"`` for one size about the image centre (LSP).
        progress: wraps the samples to show how far it is, such as ``rich.progress.track``.
        options: how answers become figures.
        ground_truth: COCO annotations as a dict, which AP is measured against; the samples' labels if not given.
        people: the annotated people, where the samples are a detector's boxes.

    Raises:
        DatasetError: when there is nobody to evaluate, no image can be read, the model has no joint of the data, or the
            labels lack what the metric needs.
    """
    options = options or Options()
    metric = options.metric or metric_for(samples)
    detected = bool(samples) and are_detections(samples)
    if detected and (metric != "oks" or ground_truth is None or not people):
        raise DatasetError(
            "not one joint of these people is labelled: detected boxes are measured by OKS, against the annotations "
            "of the same images"
        )
    if metric == "pckh" and all(sample.head_size is None for sample in samples):
        raise DatasetError(
            f"{samples[0].name}: PCKh needs head sizes, which these labels lack: give MPII's gt_valid.mat with "
            "--data mpii:DIR,heads=FILE, or take --metric pck"
        )
    estimates = estimate(estimator, samples, boxes, progress)
    scores = rescored(estimates.scores, box_scores(estimates), options.min_joint_score)
    parts = [describe_boxes(samples, boxes)]
    skeleton = samples[0].skeleton
    precision: Precision | None = None
    if metric == "oks":
        precision = measure_precision(estimates, estimator.card, options.nms, options.min_joint_score, ground_truth)
        parts.append(precision.protocol)
        scores = precision.person_scores
    answers = precision.answers if precision else estimates
    judged_people, predicted, poses = estimates.samples, estimates.predicted, estimates.poses
    if detected and precision:
        shown = [person for person in people or () if image_key(person) not in estimates.unreadable]
        judged_people, predicted, poses = _matched(shown, precision)
        found = sum(pose is not None for pose in poses)
        parts.append(f"{found} of {len(poses)} people found: an answer has an OKS of {MATCHING_OKS} or more")
    measured = measure_distances(judged_people, predicted, estimates.judged, metric)
    if metric != "oks" and measured.reference == "box":
        parts.append(f"reference the box's longer side as {skeleton.name} has no torso")
    unmeasured = sum(s.labelled.any() for s in judged_people) - int((~np.isnan(measured.values)).any(axis=1).sum())
    if unmeasured:
        parts.append(f"{unmeasured} people not judged by {measured.name}")
    parts += [words for words in (describe_mapping(estimator.skeleton, skeleton), estimator.describe()) if words]
    figures = pck_figures(measured, judged_people, predicted, options.hrnet_pckh01)
    if precision:
        figures, resampled = [*precision.figures, *figures], precision.resampled
    else:
        resampled = 100 * resampled_pck(measured.counted, measured.threshold, pooled=metric == "pckh")
    reliability = measure_reliability(judged_people, poses, estimator.skeleton)
    if reliability:
        figures += reliability.figures()
    return Evaluation(
        ", ".join(parts), metric, judged_people, predicted, poses, measured, tuple(figures), resampled, answers, scores,
        tuple(estimates.left_out), reliability,
    )  # fmt: skip


def measure_distances(
    samples: Sequence[Sample], predicted: np.ndarray, judged: np.ndarray, metric: Metric
) -> Distances:
    """Distances of predictions (N, K, 2) in the lengths that the metric refers to.

    OKS is accompanied by PCK of the box's longer side, because half of COCO's people show no torso.

    Args:
        judged: (K,) joints that the model knows; the others are NaN in the result.
    """
    skeleton = samples[0].skeleton
    true = np.stack([s.keypoints for s in samples])
    labelled = np.stack([s.labelled for s in samples])
    sides = box_lengths(np.stack([s.box for s in samples]))
    if metric == "pckh":
        reference = "head"
        lengths = np.array([np.nan if s.head_size is None else s.head_size for s in samples], dtype=float)
    elif metric == "oks":
        reference, lengths = "box", sides
    else:
        reference, lengths = reference_of(skeleton), reference_lengths(true, labelled, skeleton, sides)
    return Distances(normalised_distances(predicted, true, labelled & judged, lengths), reference, skeleton)


def _matched(people: Sequence[Sample], precision: Precision) -> tuple[list[Sample], np.ndarray, list[Poses | None]]:
    """For each labelled person the answer that found it: NaN and None where none did."""
    labelled = [person for person in people if person.labelled.any() and not person.crowd]
    if not labelled:
        raise DatasetError("nothing to evaluate: not one person with a labelled joint is in images that can be read")
    predicted = np.full((len(labelled), len(labelled[0].skeleton), 2), np.nan)
    poses: list[Poses | None] = [None] * len(labelled)
    for i, answer in enumerate(match_people(labelled, precision.answers, precision.person_scores)):
        if answer is not None:
            predicted[i], poses[i] = precision.answers.predicted[answer], precision.answers.poses[answer]
    return labelled, predicted, poses


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
