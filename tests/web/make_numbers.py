"""Makes numbers.json: what Python gives for inputs of which the page's modules have to give the same.

``python tests/web/make_numbers.py`` writes the file anew; it needs nothing but leanpose and scipy.
"""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.engines.calibration import Curves, spreads
from leanpose.engines.detector_card import DetectorCard
from leanpose.estimate.association import assign, without_doubles, without_taken
from leanpose.estimate.detector import PersonDetector, nms
from leanpose.estimate.smoothing import OneEuroSmoother
from leanpose.estimate.tracker import Tracker
from leanpose.pose.poses import Poses
from leanpose.pose.sigmas import oks_sigmas
from leanpose.pose.skeleton import BODY19, COCO17, INTERPOLATED, LSP14, MPII16, map_joints, view_weights

FILE = Path(__file__).with_name("numbers.json")
SIGMA = 1.5


def _coded(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _rounded(array: Any) -> Any:
    """Nested lists with 7 significant digits, and None for NaN."""
    if isinstance(array, (list, tuple)) or (isinstance(array, np.ndarray) and array.ndim):
        return [_rounded(value) for value in array]
    value = float(array)
    return None if np.isnan(value) else float(f"{value:.7g}")


def _scales(transform: np.ndarray) -> list[Any]:
    return _rounded([transform[0, 0], transform[1, 1], transform[0, 2], transform[1, 2]])


def warps(rng: np.random.Generator) -> dict[str, Any]:
    """Crops of a picture: enlarged, shrunk by up to eight, over each edge."""
    image = rng.integers(0, 256, (61, 83, 3), dtype=np.uint8)
    boxes = [
        [10, 5, 50, 55],
        [-20, -10, 30, 40],
        [60, 30, 110, 90],
        [30, 20, 42, 33],
        [0, 0, 82, 60],
        [-300, -200, 400, 300],
    ]
    cases = []
    for box in boxes:
        for input_hw in ((24, 16), (8, 8)):
            transform = geometry.crop_transform(np.array(box, float), input_hw)
            crop = geometry.warp(image, transform, input_hw)
            cases.append({
                "box": box, "input_hw": input_hw, "transform": _scales(transform),
                "rgb": _coded(crop[..., ::-1].transpose(2, 0, 1)),
            })  # fmt: skip
    return {"height": 61, "width": 83, "rgba": _coded(_rgba(image)), "cases": cases}


def _rgba(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)


def heatmaps(rng: np.random.Generator) -> dict[str, Any]:
    """Gaussians everywhere, also beside the border, with noise; noise alone; a flat map."""
    height, width = 20, 15
    y, x = np.mgrid[:height, :width]
    maps = []
    for _ in range(24):
        at = rng.uniform((-1, -1), (width, height))
        sigma = rng.uniform(1, 2.5)
        maps.append(rng.uniform(0.2, 1.1) * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2)))
        if len(maps) % 3 == 0:
            maps[-1] += rng.normal(0, 0.03, (height, width))
    maps += [rng.normal(0, 1, (height, width)) for _ in range(4)] + [np.full((height, width), 0.25)]
    given = np.array(maps, np.float32)[None]
    cells, scores = decode(given, "taylor", sigma=SIGMA)
    curves = Curves(0.62, 0.97, 0.74, 0.17, 1.2)
    widths = spreads(given, cells)
    return {
        "height": height, "width": width, "sigma": SIGMA, "maps": _coded(given), "cells": _rounded(cells[0]),
        "scores": _rounded(scores[0]), "spreads": _rounded(widths[0]), "curves": vars(curves),
        "probabilities": _rounded(curves.probabilities(scores[0])),
        "radii": _rounded(curves.radii(scores[0], widths[0])),
    }  # fmt: skip


def detections(rng: np.random.Generator) -> dict[str, Any]:
    """The detector's frame around pictures of several shapes, and its boxes without overlaps."""
    detector = PersonDetector(engine="onnxruntime", threads=1)
    card: DetectorCard = detector.card
    inputs = []
    for height, width in ((37, 50), (50, 37), (480, 640), (201, 333)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        batch, transform = detector.preprocess(image)
        case: dict[str, Any] = {
            "height": height,
            "width": width,
            "input_hw": batch.shape[2:],
            "transform": _scales(transform),
        }
        if height < 100:
            inner = batch[0, :, 40:200:20, 40:200:20]
            case |= {"rgba": _coded(_rgba(image)), "inner": _rounded(inner.astype(float))}
        inputs.append(case)
    corner = rng.uniform(0, 60, (40, 2))
    boxes = np.column_stack((corner, corner + rng.uniform(5, 40, (40, 2))))
    scores = np.round(rng.uniform(0, 1, 40), 1)
    kept = nms(boxes[scores >= 0.4], scores[scores >= 0.4], 0.5)
    fields = ("input_side", "input_multiple", "margin", "color", "mean", "std", "threshold", "nms_iou")
    return {
        "card": {name: getattr(card, name) for name in fields}, "inputs": inputs,
        "candidates": _rounded(np.column_stack((boxes, scores))),
        "kept": _rounded(np.column_stack((boxes, scores))[scores >= 0.4][kept]),
    }  # fmt: skip


def assignments(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Likenesses of all shapes with the best sums, by SciPy."""
    cases = []
    for rows, columns in ((1, 1), (1, 4), (3, 3), (5, 2), (4, 7), (8, 8)):
        likeness = rng.uniform(0, 1, (rows, columns))
        cases.append({"likeness": _rounded(likeness), "least": 0.3, "pairs": assign(np.array(_rounded(likeness)), 0.3)})
    return cases


def people(rng: np.random.Generator, shape: np.ndarray, at: np.ndarray, size: float) -> tuple[np.ndarray, ...]:
    """Keypoints, scores and box of somebody of that shape."""
    keypoints = np.round(at + size * shape + rng.normal(0, 0.01 * size, shape.shape), 1)
    scores = np.round(rng.uniform(0.35, 1, len(shape)), 2)
    scores[rng.uniform(size=len(shape)) < 0.1] = 0.1
    box = np.concatenate((keypoints.min(axis=0), keypoints.max(axis=0)))
    return keypoints, scores, box


def video(rng: np.random.Generator) -> dict[str, Any]:
    """People who walk, cross and are away for a while, tracked and smoothed."""
    shapes = rng.uniform(0, 1, (3, 19, 2)) * (0.4, 1)
    tracker, smoother, frames = Tracker(), OneEuroSmoother(), []
    time = 0.0
    for frame in range(45):
        time += float(np.round(rng.uniform(0.02, 0.05), 4))
        ways = ([20 + 4 * frame, 30], [200 - 3 * frame, 40], [120, 60 + frame])
        seen = [frame < 20 or frame > 27, True, 5 <= frame < 33]
        run = tracker.needs_detection()
        bodies = [
            people(rng, shape, np.array(at), 90) for shape, at, there in zip(shapes, ways, seen, strict=True) if there
        ]
        if frame % 7 == 3:  # the detector misses somebody
            bodies = bodies[1:]
        boxes = np.array([box for *_, box in bodies]).reshape(-1, 4)
        found = np.column_stack((boxes, np.full(len(boxes), 0.9))) if run else np.zeros((0, 5))
        looked = tracker.predicted_boxes(time, found)
        rows = list(bodies) if run else []
        for box in looked:  # a network finds who is nearest to the box, or noise
            middle = (box[:2] + box[2:4]) / 2
            near = sorted(bodies, key=lambda body: float(np.abs((body[2][:2] + body[2][2:]) / 2 - middle).sum()))
            rows.append((*near[0][:2], box[:4]) if near else people(rng, shapes[0], box[:2], 5))
        given = Poses(
            np.array([row[0] for row in rows]).reshape(-1, 19, 2), np.array([row[1] for row in rows]).reshape(-1, 19),
            np.array([row[2] for row in rows]).reshape(-1, 4), np.full(len(rows), 0.9), BODY19, (240, 320),
        )  # fmt: skip
        tracked = tracker.update(given, time, predicted=len(looked), detector_ran=run)
        smooth = smoother.update(tracked, time)
        frames.append({
            "time": time, "run": run, "found": _rounded(found), "looked": _rounded(looked), "people": _people(given),
            "ids": [] if tracked.ids is None else tracked.ids.tolist(), "scores": _rounded(tracked.scores),
            "smooth": _rounded(smooth.keypoints),
        })  # fmt: skip
    return {"sigmas": _rounded(oks_sigmas(BODY19)[0]), "height": 240, "width": 320, "frames": frames}


def doubles(rng: np.random.Generator) -> list[dict[str, Any]]:
    """People found twice, and people who have been given another's limb."""
    cases = []
    for shared in (0, 2, 5, 12, 19):
        shape = rng.uniform(0, 1, (19, 2)) * (0.4, 1)
        one = people(rng, shape, np.array([40, 30]), 100)
        other = people(rng, rng.uniform(0, 1, (19, 2)) * (0.4, 1), np.array([70, 35]), 100)
        other[0][:shared] = one[0][:shared] + 0.2
        found = [one, other]
        poses = Poses(*(np.array(part) for part in zip(*found, strict=True)), np.array([0.8, 0.9]), BODY19, (240, 320))
        stay = without_doubles(poses)
        cases.append(
            {"people": _people(poses), "stay": stay.tolist(), "scores": _rounded(without_taken(poses[stay]).scores)}
        )
    return cases


def views(rng: np.random.Generator) -> dict[str, Any]:
    """Body19's joints as those of other skeletons."""
    keypoints, scores = rng.uniform(0, 100, (19, 2)), rng.uniform(0, 1, 19)
    keypoints[3] = np.nan
    cases = {}
    for target in (LSP14, COCO17, MPII16):
        places, found = map_joints(view_weights(BODY19, target), keypoints, scores)
        cases[target.name] = {"joints": target.joints, "keypoints": _rounded(places), "scores": _rounded(found)}
    return {"joints": BODY19.joints, "keypoints": _rounded(keypoints), "scores": _rounded(scores), "views": cases}


def _people(poses: Poses) -> list[dict[str, Any]]:
    return [
        {"keypoints": _rounded(one.keypoints[0]), "scores": _rounded(one.scores[0]), "box": _rounded(one.boxes[0]),
         "boxScore": _rounded(one.box_scores[0])}
        for one in (replace(poses, ids=None)[[i]] for i in range(len(poses)))
    ]  # fmt: skip


def numbers() -> dict[str, Any]:
    """All of the file, the same in every run."""
    makers = (warps, heatmaps, detections, assignments, video, doubles, views)
    made = {maker.__name__: maker(np.random.default_rng(7)) for maker in makers}
    return made | {"parts": INTERPOLATED}


if __name__ == "__main__":
    FILE.write_text(json.dumps(numbers(), separators=(",", ":")) + "\n")
    print(f"{FILE}: {FILE.stat().st_size / 1000:.0f} kB")
