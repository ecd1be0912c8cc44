"""Fixtures for inspections: people without faults, to plant faults in."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14

# A person who stands and looks at the camera, in an image of 200 by 260 pixels.
STANDING = np.array(
    [
        (85, 230), (87, 185), (90, 140), (110, 140), (113, 185), (115, 230),
        (60, 140), (65, 105), (80, 70), (120, 70), (135, 105), (140, 140),
        (100, 62), (100, 30),
    ],
    dtype=float,
)  # fmt: skip


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    """Makes a picture of its own for every seed: soft blobs, as photographs have."""

    def make(seed: int, width: int = 200, height: int = 260) -> np.ndarray:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

    return make


@pytest.fixture(scope="session")
def person(picture: Callable[..., np.ndarray]) -> Callable[..., Sample]:
    """Makes a person without faults, who stands a little differently for every seed, in a picture of that seed."""

    def make(seed: int, **fields: Any) -> Sample:
        rng = np.random.default_rng(seed)
        keypoints = STANDING + rng.normal(0, 2, STANDING.shape)
        low, high = keypoints.min(axis=0) - 5, keypoints.max(axis=0) + 5
        image = fields.pop("image", None)
        if image is None:
            image = cv2.imencode(".png", picture(seed))[1].tobytes()
        given = {
            "dataset": "lsp",
            "name": f"lsp/{seed}.png",
            "keypoints": keypoints,
            "labelled": np.ones(14, dtype=bool),
            "box": np.concatenate((low, high)),
            "skeleton": LSP14,
            "area": 9000.0,
        }
        return Sample(image=image, **(given | fields))

    return make


@pytest.fixture(scope="session")
def crowd(person: Callable[..., Sample]) -> list[Sample]:
    """Sixty people without faults."""
    return [person(seed) for seed in range(60)]
