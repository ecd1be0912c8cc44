"""The frames that everybody looks at."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.benchmark.scene import HEIGHT, PERIOD, WIDTH, open_scene
from leanpose.core.errors import BenchmarkError, BoxError, ImageError


def _centroid(image: np.ndarray) -> np.ndarray:
    """Of the brightness, x and y."""
    weights = image.astype(float).sum(axis=2)
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array(((weights * x).sum(), (weights * y).sum())) / weights.sum()


@pytest.fixture(scope="module")
def dot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture, black but for a soft dot at (30, 70)."""
    y, x = np.mgrid[:120, :80]
    spot = 255 * np.exp(-((x - 30) ** 2 + (y - 70) ** 2) / 50)
    path = tmp_path_factory.mktemp("scene") / "dot.png"
    cv2.imwrite(str(path), np.repeat(spot[..., None], 3, axis=2).astype(np.uint8))
    return path


@pytest.mark.parametrize("number", [0, 7, 20, 44, 1000])
def test_the_box_stays_with_the_person(dot: Path, number: int) -> None:
    """A dot in the middle of its box stays there in every frame, and the whole box in the image."""
    scene = open_scene(dot, (20, 55, 40, 85))
    image, box = scene.frame(number)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    assert _centroid(image) == pytest.approx((box[:2] + box[2:]) / 2, abs=0.6)
    assert (box[:2] >= -0.5).all()
    assert (box[2:] <= (WIDTH - 0.5, HEIGHT - 0.5)).all()


def test_frames_move_and_come_back(dot: Path) -> None:
    scene = open_scene(dot)
    images, boxes = scene.frames(8)
    image, box = scene.frame(PERIOD + 3)
    assert np.array_equal(images[3], image)
    assert boxes[3] == pytest.approx(box)
    steps = np.linalg.norm(np.diff(boxes[:, :2], axis=0), axis=1)
    assert steps.min() > 0
    assert steps.max() < 10  # as somebody walks, not jumps


def test_the_drawn_figure_fills_its_box() -> None:
    scene = open_scene()
    x1, y1, x2, y2 = scene.box.round().astype(int)
    shirt = (scene.image == (120, 60, 30)).all(axis=2)
    ys, xs = np.nonzero(shirt)
    assert x1 < xs.min() < xs.max() < x2
    assert y1 < ys.min() < ys.max() < y2
    assert shirt.sum() > 10_000


def test_what_cannot_be_looked_at_is_refused(dot: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nowhere"):
        open_scene(tmp_path / "nowhere.jpg")
    with pytest.raises(BoxError):
        open_scene(dot, (200, 200, 300, 300))
    with pytest.raises(BenchmarkError, match="give the picture"):
        open_scene(None, (0, 0, 1, 1))
