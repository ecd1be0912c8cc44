"""A picture of what each distortion is, and of what a model makes of it: one person under all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lab.robustness.distortions import Distortion, View, view
from lab.robustness.robustness import figure_for
from leanpose.core import geometry
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.measure.estimation import estimate
from leanpose.measure.evaluation import measure_distances
from leanpose.media import load_image, save_image
from leanpose.pose.drawing import contact_sheet
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

TILE = (200, 200)  # pixels
COLUMNS = 7
SURROUNDINGS = 1.5  # side of what a tile shows over that of the person's box
TRIED = 200  # people who are looked at to find one to show


def draw_robustness(estimator: "PoseEstimator", person: Sample, distortions: Sequence[Distortion], path: Path) -> None:
    """One person as they are and under each distortion, with the box that the model is given and the joints it finds.

    Tiles show the same part of the scene at the same size; of labelled people the captions count the joints that are
    right by the figure of their benchmark.

    Raises:
        DatasetError: when the person's image cannot be read.
        BoxError: when the box cannot be used.
    """
    clean = view(person)
    check_boxes(clean.box, clean.pixels.shape[:2], person.name)
    names = {shown.name: (name, shown) for name, shown in _conditions(clean, distortions)}
    found = estimate(estimator, [shown for _, shown in names.values()])  # without those that leave nobody in the box
    tiles, captions = [], []
    for sample, pose, predicted in zip(found.samples, found.poses, found.predicted, strict=True):
        name, shown = names[sample.name]
        tiles.append(_tile(pose, clean.box, shown))
        captions.append(name)
        if clean.labelled.any():
            back = geometry.apply(geometry.invert(shown.transform), predicted)
            measured = measure_distances([clean], back[None], found.judged, figure_for([clean]))
            counted = shown.labelled & ~np.isnan(measured.values[0])
            captions[-1] += f"  {(measured.values[0, counted] <= measured.threshold).sum()} of {counted.sum()}"
    save_image(path, contact_sheet(tiles, COLUMNS, captions))


def example(estimator: "PoseEstimator", samples: Sequence[Sample]) -> Sample:
    """The first person whom the model gets all right, or nearly so, in the picture as it is.

    Raises:
        DatasetError: when there is nobody with a labelled joint whose image can be read.
    """
    people = [s for s in samples if s.labelled.any() and not s.crowd][:TRIED]
    if not people:
        raise DatasetError("nobody to draw: not one joint of these people is labelled")
    found = estimate(estimator, people)
    measured = measure_distances(found.samples, found.predicted, found.judged, figure_for(people))
    right = (measured.values <= measured.threshold).sum(axis=1)
    return found.samples[int(right.argmax())]


def photo(path: Path, box: Sequence[float] | None, skeleton: Skeleton) -> Sample:
    """The person in a box (4,) of a photo, or who fills it, without labels.

    Raises:
        ImageError: when it cannot be used.
    """
    extent = geometry.image_box(*load_image(path).shape[:2]) if box is None else np.array(box)
    joints = len(skeleton)
    return Sample("photo", path.name, path, np.full((joints, 2), np.nan), np.zeros(joints, bool), extent, skeleton)


def _conditions(clean: View, distortions: Sequence[Distortion]) -> Iterator[tuple[str, View]]:
    yield "as it is", clean
    for distort in distortions:
        yield distort.name, distort(clean)


def _tile(pose: Poses, box: np.ndarray, shown: View) -> np.ndarray:
    """The region about the person's box as it was, wherever that is now, enlarged before joints are drawn."""
    corners = geometry.apply(shown.transform, box.reshape(2, 2))
    region = np.concatenate((corners.min(axis=0), corners.max(axis=0)))
    transform = geometry.crop_transform(region, TILE, SURROUNDINGS)
    moved = replace(
        pose,
        keypoints=geometry.apply(transform, pose.keypoints.astype(float)),
        boxes=geometry.apply(transform, pose.boxes.reshape(-1, 2, 2).astype(float)).reshape(-1, 4),
        image_hw=TILE,
    )
    beyond = 255 - geometry.warp(
        np.full_like(shown.pixels, 255), transform, TILE
    )  # white, or black pictures had no end
    return moved.draw(cv2.add(geometry.warp(shown.pixels, transform, TILE), beyond), min_score=0, boxes=True)
