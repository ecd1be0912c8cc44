"""What distorted pictures and boxes cost a model: its figure on each, and the difference over the same people."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.robustness.distortions import Distortion, View, view
from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import BenchmarkError, BoxError, DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure.estimation import Progress, estimate
from leanpose.measure.evaluation import measure_distances
from leanpose.measure.figures import Distances
from leanpose.measure.intervals import percentile_interval, resampled_pck
from leanpose.measure.protocols import Metric, describe_boxes, joint_mapping, metric_for
from leanpose.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

SCHEMA = 1
TOGETHER = 16  # pictures of a person in memory


@dataclass(frozen=True)
class Effect:
    """What one distortion does to one model, in percent.

    Attributes:
        name: of the distortion, with what part of the joints is meant where it is not all.
        people: those with a joint that counts.
        joints: that count: a joint outside what is left of the picture does not.
        clean: the figure on the pictures as they are, over the same joints of the same people.
        score: on the distorted ones.
        low, high: 95 % interval of the difference, by a bootstrap over people.
    """

    name: str
    people: int
    joints: int
    clean: float
    score: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """What the distortion adds to the figure: negative where it costs accuracy."""
        return self.score - self.clean


@dataclass(frozen=True)
class Subject:
    """A model, its figure on the pictures as they are with its 95 % interval, and what each distortion does to it."""

    model: str
    protocol: str
    clean: float
    low: float
    high: float
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Robustness:
    """Models side by side on the same distorted people.

    Attributes:
        metric: the figure and what its distances are counted in, such as ``"PCK@0.2 of the torso, mean of joints"``.
        boxes: where those come from that are then distorted.
        people: how many were measured.
        joints: how many of theirs count, being labelled and known to every model.
        subjects: the models.
        data: what was measured on, in words.
        command: that measures it again.
        left_out: a message for each person who could not be used.
    """

    metric: str
    boxes: str
    people: int
    joints: int
    subjects: tuple[Subject, ...]
    data: str = ""
    command: str = ""
    left_out: Sequence[str] = field(default_factory=tuple)

    def to_json(self) -> str:
        """All of it as JSON text; a figure that is not defined is null."""
        return json.dumps({"schema": SCHEMA} | asdict(self, dict_factory=_plain), indent=1, allow_nan=False) + "\n"

    @classmethod
    def load(cls, path: Path) -> "Robustness":
        """What was written before.

        Raises:
            BenchmarkError: when the file is missing or holds something else.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("schema") != SCHEMA:
                raise ValueError(f"its schema is not {SCHEMA}")
            subjects = []
            for subject in content.pop("subjects"):
                effects = tuple(Effect(**_figures(effect)) for effect in subject.pop("effects"))
                subjects.append(Subject(**_figures(subject), effects=effects))
            return cls(**content, subjects=tuple(subjects))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BenchmarkError(f"{path} is not what 'leanpose robustness --out' wrote: {error}") from error


def _plain(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in fields}


def _figures(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in stored.items()}


def measure_robustness(
    estimators: Sequence["PoseEstimator"],
    samples: Sequence[Sample],
    distortions: Sequence[Distortion],
    progress: Progress | None = None,
) -> Robustness:
    """Run estimators over people as they are and under each distortion; every picture is read and distorted once.

    The figure is PCK of the benchmark's threshold and reference: PCKh@0.5 where heads are measured, PCK@0.2 of the
    torso for LSP, and else PCK@0.05 of the box's longer side. Answers are carried back to the picture as it was, and
    held against its labels in its reference lengths, so a smaller picture or box makes the figure no easier. Joints
    that one of the models does not know are not compared.

    Args:
        progress: wraps the people to show how far it is, such as ``rich.progress.track``.

    Raises:
        DatasetError: when there is nobody to measure, no image can be read, or the models have no joint
            of the data in common.
    """
    people = [sample for sample in samples if sample.labelled.any() and not sample.crowd]
    if not people:
        raise DatasetError(
            "nothing to measure: nobody here has a labelled joint; boxes of a detections file cannot be used either, "
            "for it is the annotated ones that are distorted"
        )
    metric, judged = figure_for(people), _known_to_all(estimators, people[0].skeleton)
    conditions = [_unchanged, *distortions]
    answers = _Answers.empty(len(estimators), len(conditions), len(people), len(people[0].skeleton))
    left_out: list[str] = []
    for number, person in enumerate(progress(people) if progress else people):
        try:
            clean = view(person)
            check_boxes(clean.box, clean.pixels.shape[:2], person.name)
        except (DatasetError, BoxError) as error:
            left_out.append(str(error))
            continue
        for start in range(0, len(conditions), TOGETHER):
            views = {row: conditions[row](clean) for row in range(start, min(start + TOGETHER, len(conditions)))}
            answers.add(number, views, estimators)
    if len(left_out) == len(people):
        raise DatasetError(f"nothing to measure: not one of {len(people)} people can be used: {left_out[0]}")
    names = [distortion.name for distortion in distortions]
    measured = [
        [measure_distances(people, predicted, judged, metric) for predicted in of_model]
        for of_model in answers.predicted
    ]
    first = measured[0][0]
    words = f"{first.name} of the {first.reference}, mean of {'all joints' if metric == 'pckh' else 'joints'}"
    if not judged.all():
        words += f", {judged.sum()} of the {len(judged)} of {first.skeleton.name}"
    return Robustness(
        words,
        describe_boxes(people, "labels").removeprefix("boxes "),
        len(people) - len(left_out),
        int((answers.counted[0] & ~np.isnan(first.values)).sum()),
        tuple(_subject(e, distances, names, answers) for e, distances in zip(estimators, measured, strict=True)),
        left_out=tuple(left_out),
    )


def _known_to_all(estimators: Sequence["PoseEstimator"], skeleton: Skeleton) -> np.ndarray:
    """Which joints (K,) of the data every model answers: only these are compared.

    Raises:
        DatasetError: when there is none.
    """
    weights = [joint_mapping(estimator.skeleton, skeleton) for estimator in estimators]
    known = np.array([all(each[joint].any() for each in weights) for joint in range(len(skeleton))])
    if not known.any():
        raise DatasetError(f"these models have no joint of {skeleton.name} in common: measure them one by one")
    return known


def figure_for(people: Sequence[Sample]) -> Metric:
    """PCKh where heads are measured, PCK of the torso for LSP, ``"oks"`` for PCK of the box's longer side."""
    metric = metric_for(people)
    return "pck" if metric == "pckh" and all(sample.head_size is None for sample in people) else metric


def _unchanged(person: View) -> View:
    return person


@dataclass(frozen=True, eq=False)
class _Answers:
    """What M models answer under C conditions, the first of them clean, for N people with K joints.

    Attributes:
        predicted: (M, C, N, K, 2) pixels of the picture as it was.
        counted: (C, N, K) joints that are labelled and left in the picture of a person who can be used.
        covered: (C, N, K) those behind something.
    """

    predicted: np.ndarray
    counted: np.ndarray
    covered: np.ndarray

    @classmethod
    def empty(cls, models: int, conditions: int, people: int, joints: int) -> "_Answers":
        places = (conditions, people, joints)
        return cls(
            np.full((models, *places, 2), np.nan, np.float32),
            np.zeros(places, bool),
            np.zeros(places, bool),
        )

    def add(self, person: int, views: dict[int, View], estimators: Sequence["PoseEstimator"]) -> None:
        """The answers for one person, seen as each of the conditions that these views show."""
        usable = {row: shown for row, shown in views.items() if _usable(shown)}
        if not usable:
            return
        for row, shown in usable.items():
            self.counted[row, person], self.covered[row, person] = shown.labelled, shown.covered
        for model, estimator in enumerate(estimators):
            found = estimate(estimator, list(usable.values()))
            back = geometry.invert(np.stack([shown.transform for shown in usable.values()]))
            self.predicted[model, list(usable), person] = geometry.apply(back, found.predicted)


def _usable(shown: View) -> bool:
    """Whether there is a person left to look at."""
    try:
        check_boxes(shown.box, shown.pixels.shape[:2])
    except BoxError:
        return False
    return bool(shown.labelled.any())


def _subject(
    estimator: "PoseEstimator", measured: Sequence[Distances], names: Sequence[str], answers: _Answers
) -> Subject:
    clean, *changed = measured
    effects = []
    for name, distances, counted, covered in zip(names, changed, answers.counted[1:], answers.covered[1:], strict=True):
        effects.append(_effect(name, clean, distances, counted))
        if covered.any():
            effects.append(_effect(f"{name}, joints behind it", clean, distances, covered))
    whole = replace(clean, values=np.where(answers.counted[0], clean.values, np.nan))
    return Subject(
        estimator.card.name, estimator.describe(), whole.mean(), *percentile_interval(_resampled(whole)), tuple(effects)
    )


def _effect(name: str, clean: Distances, changed: Distances, counted: np.ndarray) -> Effect:
    before, after = (replace(d, values=np.where(counted, d.values, np.nan)) for d in (clean, changed))
    judged = ~np.isnan(after.values)
    low, high = percentile_interval(_resampled(after) - _resampled(before))
    return Effect(name, int(judged.any(axis=1).sum()), int(judged.sum()), before.mean(), after.mean(), low, high)


def _resampled(measured: Distances) -> np.ndarray:
    return 100 * resampled_pck(measured.counted, measured.threshold, pooled=measured.reference == "head")
