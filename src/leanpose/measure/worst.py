"""A picture of what went wrong: the worst people, prediction beside labels."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.datasets.readers import Sample
from leanpose.measure.evaluation import Evaluation
from leanpose.media import save_image
from leanpose.pose.drawing import contact_sheet
from leanpose.pose.poses import Poses

WORST = 16
TILE = (320, 320)  # pixels


def draw_worst(evaluation: Evaluation, path: Path) -> None:
    """The people with the largest mean distance: prediction on the left, labels on the right.

    People whom no detected box led to come last: they are the detector's fault.
    """
    measured = evaluation.measured
    judged = ~np.isnan(measured.values)
    # beyond that a joint is as wrong as can be: one that is nowhere does not outweigh all others
    missed = np.where(judged, np.minimum(measured.values, max(1, 5 * measured.threshold)), 0).sum(axis=1)
    badness = missed / np.maximum(judged.sum(axis=1), 1)
    badness[[pose is None for pose in evaluation.poses]] = -1
    tiles, captions = [], []
    for i in np.argsort(-badness, kind="stable")[:WORST]:
        sample, poses = evaluation.samples[i], evaluation.poses[i]
        # enlarged before drawing, so that thin lines stay readable on pictures of 100 px
        transform = geometry.crop_transform(sample.box, TILE, 1.5)
        image = geometry.warp(sample.load_image(), transform, TILE)
        answer = image if poses is None else _drawn(poses, image, transform)
        tiles.append(cv2.hconcat([answer, _drawn(_truth(sample), image, transform)]))
        right = (measured.values[i] <= measured.threshold).sum()
        captions.append(f"{sample.name}  {right} of {judged[i].sum()} right" + ", not found" * (poses is None))
    save_image(path, contact_sheet(tiles, columns=4, captions=captions))


def _truth(sample: Sample) -> Poses:
    points = np.where(sample.labelled[:, None], sample.keypoints, np.nan)[None].astype(np.float32)
    scores = sample.labelled[None].astype(np.float32)
    return Poses(points, scores, sample.box[None], np.ones(1), skeleton=sample.skeleton, image_hw=TILE)


def _drawn(poses: Poses, image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    keypoints = geometry.apply(transform, poses.keypoints.astype(float)).astype(np.float32)
    corners = geometry.apply(transform, poses.boxes.reshape(-1, 2, 2).astype(float)).reshape(-1, 4)
    moved = replace(poses, keypoints=keypoints, boxes=corners, image_hw=image.shape[:2])
    return moved.draw(image, min_score=0)  # what a low score hides is just what went wrong
