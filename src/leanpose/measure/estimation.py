"""A model's answers for annotated or detected people, one box each, in the joints of the data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import BoxError, DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure.interface import Estimator
from leanpose.measure.protocols import BoxSource, joint_mapping
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import map_joints

# Side of the region about the image centre that stands for "a person" in LSP: the scale 0.89, in units of 200 px, of
# the evaluation code of Bulat & Tzimiropoulos (ECCV 2016), whose authors wrote the soft-gated paper.
CENTRE_REGION_PX = 0.89 * 200

Progress = Callable[[Sequence[Sample]], Any]


@dataclass(frozen=True, eq=False)
class Estimates:
    """What a model says about N people.

    Attributes:
        samples: the N people whose image and box could be used.
        poses: the N results as the model gives them, one person each.
        predicted: (N, K, 2) image pixels in the joints of the data; NaN where not predicted.
        scores: (N, K); 0 where not predicted.
        judged: (K,) which joints of the data the model knows.
        left_out: a message for each person whose image or box cannot be used.
        unreadable: images that cannot be read: the dataset's own number by key (:func:`image_key`).
    """

    samples: Sequence[Sample]
    poses: Sequence[Poses]
    predicted: np.ndarray
    scores: np.ndarray
    judged: np.ndarray
    left_out: Sequence[str]
    unreadable: Mapping[Any, int | str | None]

    def select(self, people: Sequence[int] | np.ndarray) -> "Estimates":
        """Some of the people, by number."""
        return Estimates(
            [self.samples[i] for i in people], [self.poses[i] for i in people],
            self.predicted[people], self.scores[people], self.judged, self.left_out, self.unreadable,
        )  # fmt: skip


def image_key(sample: Sample) -> Any:
    """What tells images apart: the file, or for crops in memory the sample's name."""
    return sample.image if isinstance(sample.image, Path) else sample.name


def estimate(
    estimator: Estimator, samples: Sequence[Sample], boxes: BoxSource = "labels", progress: Progress | None = None
) -> Estimates:
    """Run an estimator over people, one box each. Images are read once, whatever the order of the people.

    Raises:
        DatasetError: when there are no people, no image or box of theirs can be used, or the model and the data have
            no joint in common.
    """
    if not samples:
        raise DatasetError("nothing to evaluate: this part of the dataset is empty")
    weights = joint_mapping(estimator.skeleton, samples[0].skeleton)
    first_seen = {key: i for i, key in reversed(list(enumerate(map(image_key, samples))))}
    order = sorted(range(len(samples)), key=lambda i: first_seen[image_key(samples[i])])
    kept: list[int] = []
    left_out: list[str] = []
    unreadable: dict[Any, int | str | None] = {}

    def images_and_boxes():
        seen: tuple[Any, Any] = (None, None)  # the last image, or why there is none
        by_image = [samples[i] for i in order]
        for i, sample in zip(order, progress(by_image) if progress else by_image, strict=True):
            if seen[0] != image_key(sample):
                try:
                    seen = image_key(sample), sample.load_image()
                except DatasetError as error:
                    seen = image_key(sample), error
            image = seen[1]
            if isinstance(image, DatasetError):
                left_out.append(str(image) if sample.name in str(image) else f"{sample.name}: {image}")
                unreadable[seen[0]] = sample.image_id
                continue
            box = sample.box if boxes == "labels" else _centre_box(image, estimator.card.padding)
            try:
                check_boxes(box, image.shape[:2], sample.name)
            except BoxError as error:
                left_out.append(str(error))
                continue
            kept.append(i)
            yield image, box[None]

    found = list(estimator.estimate_pairs(images_and_boxes()))
    if not kept:
        raise DatasetError(f"nothing to evaluate: not one of {len(samples)} people can be used: {left_out[0]}")
    poses = [pose for _, pose in sorted(zip(kept, found, strict=True), key=lambda pair: pair[0])]
    predicted, scores = map_joints(
        weights, np.concatenate([p.keypoints for p in poses]), np.concatenate([p.scores for p in poses])
    )
    return Estimates(
        [samples[i] for i in sorted(kept)],
        poses,
        predicted,
        scores,
        np.asarray(weights.any(axis=1)),
        left_out,
        unreadable,
    )


def _centre_box(image: np.ndarray, padding: float) -> np.ndarray:
    whole = geometry.image_box(*image.shape[:2])
    centre = (whole[:2] + whole[2:]) / 2
    half = CENTRE_REGION_PX / padding / 2
    return np.concatenate((centre - half, centre + half))
