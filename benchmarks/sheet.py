"""A sheet of pictures with what several models find in them, side by side.

    python benchmarks/sheet.py OUT.jpg MODEL [MODEL...] --pictures PICTURE [PICTURE...]

A MODEL is ``[DETECTOR::]POSE``, such as ``old/person.onnx::old/small.onnx``: a detector as ``leanpose predict
--detector`` takes it, the packaged one if none is named, and a pose network, ours or another project's
(``movenet:thunder.pb``), as ``leanpose evaluate`` takes it. A picture has a tile for each model.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from leanpose import PoseEstimator, Poses
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.teachers import is_teacher, open_teacher
from leanpose.media import load_image, save_image
from leanpose.pose.drawing import contact_sheet, draw_poses

WHITE = (255, 255, 255)


def finder(spec: str) -> Callable[[np.ndarray], Poses]:
    """A function from an image to poses."""
    detector, _, pose = spec.rpartition("::")
    find = PersonDetector(detector or "person")
    if not is_teacher(pose):
        return PoseEstimator(pose, detector=find)
    teacher = open_teacher(pose)

    def poses(image: np.ndarray) -> Poses:
        boxes = find(image)
        keypoints, scores = teacher(image, boxes[:, :4])
        return Poses(keypoints, scores, boxes[:, :4], boxes[:, 4], teacher.skeleton, image.shape[:2])

    return poses


def tile(image: np.ndarray, side: int) -> np.ndarray:
    """A square with the image in its middle."""
    zoom = side / max(image.shape[:2])
    small = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    top, left = ((side - n) // 2 for n in small.shape[:2])
    bottom, right = side - top - small.shape[0], side - left - small.shape[1]
    return cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=WHITE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--pictures", nargs="+", type=Path, required=True)
    parser.add_argument("--side", type=int, default=320, help="pixels of a tile")
    parser.add_argument("--columns", type=int, default=3, help="pictures beside each other")
    arguments = parser.parse_args()
    models = {spec.rpartition("::")[2].rpartition("/")[2]: finder(spec) for spec in arguments.models}
    tiles, captions = [], []
    for picture in arguments.pictures:
        image = load_image(picture)
        for name, find in models.items():
            poses = find(image)
            tiles.append(tile(draw_poses(image, poses, boxes=True), arguments.side))
            captions.append(f"{name}: {len(poses)} found")
    save_image(arguments.out, contact_sheet(tiles, arguments.columns * len(models), captions))


if __name__ == "__main__":
    main()
