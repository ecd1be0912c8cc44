"""What a network that never saw a person says about its labels: how much of a joint's heatmap lies around them.

A heatmap, cut off below 0 and divided by its sum, is taken for the probability of where the joint is. The *support* of
a place is the probability within a radius of it, of half a torso. Where a network hesitates between two places, both
have support, and neither can be called wrong.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leanpose import geometry
from leanpose.errors import DatasetError
from leanpose.readers import Sample
from leanpose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.estimator import PoseEstimator

RADIUS = 0.5  # of a torso
# A torso is about a third of a standing person's box. Seen from above or the side it is short, and its length no
# measure of the person: it is not taken for shorter than a sixth of the box.
SHORTEST = 1 / 6
TOGETHER = 0.2  # torsos from their mean, within which networks mean the same place

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass(frozen=True, eq=False)
class Support:
    """Of N people with K joints each.

    Attributes:
        shares: (N, K, K) support of each label for each joint, its own on the diagonal; NaN in the rows of joints
            that are not labelled.
        predicted: (N, K, 2) image pixels, the network's own places.
        confidence: (N, K) support of these.
        torsos: (N,) pixels, :func:`torso_length` of the network's places: the measure of distances.
    """

    shares: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    torsos: np.ndarray

    def __len__(self) -> int:
        return len(self.shares)

    def select(self, people: Sequence[int] | np.ndarray) -> "Support":
        """Of some of the people, by number or mask."""
        return Support(*(values[people] for values in vars(self).values()))


def joined(supports: Sequence[tuple[np.ndarray, Support]]) -> Support:
    """One support of several of other people each, in the order of their numbers, which come first."""
    order = np.argsort(np.concatenate([people for people, _ in supports]))
    columns = zip(*(vars(support).values() for _, support in supports), strict=True)
    return Support(*(np.concatenate(column)[order] for column in columns))


def agreed(supports: Sequence[Support]) -> Support:
    """What all of several networks say about the same people: no doubt of one is outvoted by the others.

    A label has the support of whoever believes in it most; for another joint than its own, and of a network's own
    place, of whoever believes in it least. Places further apart than :data:`TOGETHER` have none.
    """
    predicted = np.stack([support.predicted for support in supports])
    mean = predicted.mean(axis=0)
    torsos = np.mean([support.torsos for support in supports], axis=0)
    apart = np.linalg.norm(predicted - mean, axis=-1).max(axis=0) / torsos[:, None]
    confidence = np.min([support.confidence for support in supports], axis=0)
    shares = np.stack([support.shares for support in supports])
    own = np.eye(shares.shape[-1], dtype=bool)
    return Support(
        np.where(own, shares.max(axis=0), shares.min(axis=0)),
        mean,
        np.where(apart <= TOGETHER, confidence, 0.0),
        torsos,
    )


def support_of(estimator: "PoseEstimator", samples: Sequence[Sample], progress: Progress | None = None) -> Support:
    """What an estimator says about people whose labels it has not learned from, each in its own box.

    Raises:
        DatasetError: when the estimator's joints are not those of the people, or an image or box cannot be used.
    """
    skeleton = estimator.card.skeleton
    for sample in samples:
        if sample.skeleton.joints != skeleton.joints:
            raise DatasetError(
                f"{sample.name} has the joints of {sample.skeleton.name}, model '{estimator.card.name}' those of "
                f"{skeleton.name}: the two must be the same"
            )
    rows: list[tuple[np.ndarray, ...]] = []
    crops: list[np.ndarray] = []
    transforms: list[np.ndarray] = []
    waiting: list[Sample] = []

    def finish() -> None:
        heatmaps = estimator.infer(np.stack(crops))
        stacked = np.stack(transforms)
        predicted, *_ = estimator.postprocess(heatmaps, stacked)
        for i, sample in enumerate(waiting):
            to_cells = lambda points, t=stacked[i]: geometry.crop_to_cells(  # noqa: E731
                geometry.apply(t, points), estimator.card.stride, estimator.card.cell_offset
            )
            torso = torso_length(sample.box, predicted[i], skeleton)
            cells_per_px = np.sqrt(abs(np.linalg.det(stacked[i][:, :2]))) / estimator.card.stride
            rows.append(_row(sample, heatmaps[i], predicted[i], to_cells, torso, RADIUS * torso * cells_per_px))
        for pile in (crops, transforms, waiting):
            pile.clear()

    for sample in progress(samples) if progress else samples:
        try:
            (crop,), (transform,) = estimator.preprocess(sample.load_image(), sample.box[None])
        except ValueError as error:
            raise DatasetError(f"{sample.name}: its box cannot be used: {error}") from error
        crops.append(crop)
        transforms.append(transform)
        waiting.append(sample)
        if len(crops) == estimator.batch_size:
            finish()
    if crops:
        finish()
    if not rows:
        raise DatasetError("nothing to clean: there is nobody in the data")
    return Support(*(np.stack(column) for column in zip(*rows, strict=True)))


def torso_length(box: np.ndarray, keypoints: np.ndarray, skeleton: Skeleton) -> float:
    """Pixels of a torso of keypoints (K, 2), at least :data:`SHORTEST` of the box (4,); twice that without a torso."""
    least = SHORTEST * float((box[2:] - box[:2]).max())
    if not set(skeleton.torso) <= set(skeleton.joints):
        return 2 * least
    a, b = (keypoints[skeleton.index(joint)] for joint in skeleton.torso)
    return max(least, float(np.linalg.norm(a - b)))


def support_at(heatmaps: np.ndarray, cells: np.ndarray, radius: float) -> np.ndarray:
    """Support (M, K) of places (M, 2) in cells under heatmaps (K, H, W): the share within ``radius`` cells of them.

    A map without anything above 0 supports nothing.
    """
    maps = np.maximum(heatmaps, 0).reshape(len(heatmaps), -1).astype(float)
    total = maps.sum(axis=1)
    rows, columns = np.indices(heatmaps.shape[1:]).reshape(2, -1)
    near = np.hypot(columns - cells[:, :1], rows - cells[:, 1:]) <= radius
    return near.astype(float) @ maps.T / np.where(total > 0, total, 1)


def _row(
    sample: Sample, heatmaps: np.ndarray, predicted: np.ndarray, to_cells: Any, torso: float, radius: float
) -> tuple[np.ndarray, ...]:
    """One person's entries of :class:`Support`, in its order."""
    known = sample.labelled
    labels = np.where(known[:, None], sample.keypoints, 0.0)
    return (
        np.where(known[:, None], support_at(heatmaps, to_cells(labels), radius), np.nan),
        predicted,
        np.diagonal(support_at(heatmaps, to_cells(predicted), radius)),
        np.array(torso),
    )
