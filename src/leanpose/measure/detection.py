"""How well a detector finds people: its answers for whole images, and what they are worth.

Answers and people are paired as COCO does it, the best answer first. Because a weaker answer never takes anything from
a better one, one run at a very low threshold tells the figures at every higher one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import DatasetError, LeanposeError
from leanpose.datasets.readers.scenes import HULL_DATASETS, Scene
from leanpose.estimate.detector import Detector
from leanpose.estimate.detector_layouts import GREY
from leanpose.measure.ap_interval import Judged, Matches, collect, weighted_ap
from leanpose.measure.intervals import bootstrap_weights, percentile_interval, wilson_interval
from leanpose.measure.metrics.coco_box_ap import coco_box_ap

LOWEST = 0.01  # threshold of the run; AP hardly changes below
IOU = 0.5  # from which an answer found a person
MAX_ANSWERS = 100  # per image, as COCO counts boxes
PAD = 0.5  # of the image's height and width, on every side
SHOWN_AP = ("AP", "AP50", "AP75", "APS", "APM", "APL", "AR100")
CURVE = np.linspace(0.05, 0.95, 19).round(2)  # thresholds

Progress = Callable[[Sequence[Scene]], Any]


@dataclass(frozen=True, eq=False)
class Detection:
    """A detector's answers for the N scenes of a dataset, and their worth.

    Percentages where not said otherwise; NaN for what is not defined on these scenes.

    Attributes:
        name: of the dataset, and whether its images were padded.
        scenes: the images that can be read.
        people, ignored: by image, boxes (B, 4) and (C, 4) as far as the detector could see them.
        answers: by image, (P, 5) down to the lowest threshold, best first, in pixels of the image without padding.
        threshold: the one whose precision, recall and false persons are given.
        left_out: a message for each image that cannot be read.
    """

    name: str
    scenes: Sequence[Scene]
    people: Sequence[np.ndarray]
    ignored: Sequence[np.ndarray]
    answers: Sequence[np.ndarray]
    threshold: float
    left_out: Sequence[str] = field(default_factory=tuple)

    @property
    def exhaustive(self) -> bool:
        """Whether everybody is labelled; where not, an answer beside the labels may be right: only recall counts."""
        return all(scene.exhaustive for scene in self.scenes)

    @cached_property
    def matches(self) -> Matches:
        """Answers and people of all images paired at an overlap of 0.5."""
        return collect([_judged(*image) for image in zip(self.people, self.ignored, self.answers, strict=True)], [IOU])

    @property
    def count(self) -> int:
        """People to be found."""
        return int(self.matches.people.sum())

    @cached_property
    def average_precision(self) -> dict[str, float]:
        """COCO's AP and AR; empty where not everybody is labelled or nobody is there."""
        if not (self.exhaustive and self.count):
            return {}
        found = coco_box_ap(self.people, self.ignored, self.answers)
        return {name: 100 * found[name] for name in SHOWN_AP}

    @cached_property
    def ap50_interval(self) -> tuple[float, float]:
        """95 % interval of AP50 by bootstrap over images."""
        weights = bootstrap_weights(len(self.scenes)) if self.average_precision else ()
        return percentile_interval(np.array([100 * weighted_ap(self.matches, each) for each in weights]))

    def hits(self, threshold: float | None = None) -> int:
        """How many people are found."""
        return int((self.matches.right[0] & self._sure(threshold)).sum())

    def false(self, threshold: float | None = None) -> int:
        """How many answers are nobody; meaningless where not everybody is labelled."""
        return int((~self.matches.right[0] & self.matches.counted[0] & self._sure(threshold)).sum())

    def recall(self, threshold: float | None = None) -> float:
        """Share of the people who are found."""
        return 100 * self.hits(threshold) / self.count if self.count else math.nan

    @property
    def recall_interval(self) -> tuple[float, float]:
        """95 % interval of the recall (Wilson's)."""
        low, high = wilson_interval(self.hits(), self.count)
        return 100 * low, 100 * high

    @property
    def precision(self) -> float:
        """Share of the answers that are people."""
        answers = self.hits() + self.false()
        return 100 * self.hits() / answers if self.exhaustive and self.count and answers else math.nan

    def false_per_image(self, threshold: float | None = None) -> float:
        """False persons an image, a plain number."""
        return self.false(threshold) / len(self.scenes) if self.exhaustive else math.nan

    @property
    def protocol(self) -> str:
        """What was counted, in words."""
        labelled = "" if self.exhaustive else ", not everybody is labelled: recall only"
        at = f"recall at IoU {IOU:g} and score {self.threshold:g}"
        return f"{self.name}, {len(self.scenes)} images, {self.count} people{labelled}, {at}"

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data; None for those that are not defined here."""
        curve = [
            {"threshold": t, "recall": self.recall(t), "false per image": self.false_per_image(t)}
            for t in CURVE.tolist()
        ]
        figures = {
            "name": self.name,
            "protocol": self.protocol,
            "images": len(self.scenes),
            "people": self.count,
            "left out": list(self.left_out),
            "threshold": self.threshold,
            **self.average_precision,
            "AP50 interval 95 %": self.ap50_interval,
            "recall": self.recall(),
            "recall interval 95 %": self.recall_interval,
            "precision": self.precision,
            "false persons": self.false() if self.exhaustive else None,
            "false per image": self.false_per_image(),
            "curve": curve,
            "worst": [{"image": self.scenes[i].name, "why": why} for i, why in self.worst()],
        }
        return _plain(figures)

    def worst(self) -> list[tuple[int, str]]:
        """The images with something wrong, and what: a false person by its score, or a missed one; worst first."""
        wrong = []
        of_image = [self.matches.image == i for i in range(len(self.scenes))]
        for i, here in enumerate(of_image):
            sure = here & self._sure(None)
            nobody = self.matches.scores[sure & ~self.matches.right[0] & self.matches.counted[0]]
            missed = int(self.matches.people[i] - self.matches.right[0][sure].sum())
            said = [f"false {score:.2f}" for score in nobody] if self.exhaustive else []
            if missed:
                weak = self.matches.scores[here & self.matches.right[0] & ~self._sure(None)]
                said.append(f"missed {missed}" + (f", found at {weak.max():.2f}" if len(weak) else ""))
            if said:
                wrong.append((missed + (nobody.sum() if self.exhaustive else 0), i, ", ".join(said)))
        return [(i, why) for _, i, why in sorted(wrong, key=lambda entry: -entry[0])]

    def _sure(self, threshold: float | None) -> np.ndarray:
        return self.matches.scores >= (self.threshold if threshold is None else threshold)


def evaluate_detector(
    detector: Detector, scenes: Sequence[Scene], threshold: float, progress: Progress | None = None
) -> list[Detection]:
    """Run a detector over scenes, and measure it on each of their datasets by itself.

    LSP and its extension, where a person fills the image, are measured twice: with images padded by half their height
    and width on every side (grey 114), and as they are.

    Args:
        detector: must answer down to :data:`LOWEST`, or all that is below its threshold is missed.
        threshold: see :class:`Detection`.

    Raises:
        DatasetError: when there are no scenes, or no image of a dataset can be read.
    """
    if not scenes:
        raise DatasetError("nothing to evaluate: no images are in this part of the data")
    found = []
    for dataset, exhaustive in dict.fromkeys((scene.dataset, scene.exhaustive) for scene in scenes):
        chosen = [scene for scene in scenes if (scene.dataset, scene.exhaustive) == (dataset, exhaustive)]
        for pad in (PAD, 0) if dataset in HULL_DATASETS else (0,):
            shown = f"{dataset}, padded by half" if pad else dataset
            found.append(_evaluate(detector, chosen, threshold, shown, pad, progress))
    return found


def choose_threshold(detections: Sequence[Detection], false_per_image: float) -> float:
    """The lowest threshold, in hundredths, at which images without people have at most so many false persons each.

    Raises:
        DatasetError: when there are no images without people.
    """
    empty = [d for d in detections if d.exhaustive and not d.count]
    images = sum(len(d.scenes) for d in empty)
    if not images:
        raise DatasetError("choosing a threshold takes images without people: add --data backgrounds:FOLDER")
    for threshold in np.arange(math.ceil(100 * LOWEST), 100) / 100:
        if sum(d.false(threshold) for d in empty) <= false_per_image * images:
            return float(threshold)
    return 1.0


def _evaluate(
    detector: Detector, scenes: Sequence[Scene], threshold: float, name: str, pad: float, progress: Progress | None
) -> Detection:
    readable, people, ignored, answers, left_out = [], [], [], [], []
    for scene in progress(scenes) if progress else scenes:
        try:
            image = scene.load_image()
        except LeanposeError as error:
            left_out.append(str(error))
            continue
        top, left = (round(pad * side) for side in image.shape[:2])
        seen = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))
        x1, y1, x2, y2 = geometry.image_box(*seen.shape[:2])
        reach = np.array([x1 - left, y1 - top, x2 - left, y2 - top])
        found = np.asarray(detector(seen), dtype=float).reshape(-1, 5) - (left, top, left, top, 0)
        answers.append(found[np.argsort(-found[:, 4], kind="stable")][:MAX_ANSWERS])
        readable.append(scene)
        for boxes, kept in ((scene.boxes, people), (scene.ignored, ignored)):
            kept.append(np.clip(boxes, np.tile(reach[:2], 2), np.tile(reach[2:], 2)))
    if not readable:
        raise DatasetError(f"{name}: not one of {len(scenes)} images can be read; the first: {left_out[0]}")
    return Detection(name, readable, people, ignored, answers, threshold, left_out)


def _judged(people: np.ndarray, ignored: np.ndarray, answers: np.ndarray) -> Judged:
    """Overlap with people, and for regions the share of the answer that lies in them."""
    boxes = answers[:, None, :4]
    shared = np.minimum(boxes[..., 2:], ignored[:, 2:]) - np.maximum(boxes[..., :2], ignored[:, :2])
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
    inside = np.maximum(shared, 0).prod(axis=-1) / np.maximum(areas, np.finfo(float).tiny)
    similarity = np.concatenate((geometry.box_iou(boxes, people[None]), inside), axis=1)
    crowd = np.arange(similarity.shape[1]) >= len(people)
    return Judged(answers[:, 4], similarity, crowd, crowd)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
