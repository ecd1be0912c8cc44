"""A teacher and pictures whose truth is known."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.pose.skeleton import COCO17

PLACES = np.linspace(0.1, 0.9, 17)  # joint k lies at this share of the box's width and height


class Shares:
    """A teacher that finds joint k at a share of the box, with confidences that fall from joint to joint."""

    name = "shares"
    skeleton = COCO17

    def __init__(self):
        self.asked = []

    def __call__(self, image, boxes):
        self.asked.append(boxes.copy())
        low, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
        keypoints = low + size * np.stack((PLACES, PLACES[::-1]), axis=1)
        return keypoints, np.broadcast_to(np.linspace(0.96, 0.0, 17), keypoints.shape[:2]).copy()

    def describe(self):
        return "model shares"


@pytest.fixture
def teacher():
    return Shares()


@pytest.fixture
def album(tmp_path) -> Path:
    """Six pictures in two folders, and a file that is none; a bright rectangle in each is its person."""
    root = tmp_path / "album"
    for number in range(6):
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[20:110, 10 + 10 * number : 70 + 10 * number] = 255
        path = root / ("" if number < 3 else "more") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (root / "notes.txt").write_text("no picture")
    (root / ".hidden").mkdir()
    cv2.imwrite(str(root / ".hidden" / "h.png"), np.zeros((9, 9, 3), np.uint8))
    return root


def rectangle(image):
    """Finds that person."""
    rows, columns = np.nonzero(image[..., 0] > 128)
    return np.array([[columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5, 0.8]])
