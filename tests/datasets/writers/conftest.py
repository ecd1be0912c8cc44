"""One person for the writers, whose numbers are easy to convert by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.datasets.readers import Sample
from leanpose.datasets.writers import Person, Picture
from leanpose.pose.skeleton import LSP14


@pytest.fixture
def person(tmp_path: Path) -> Callable[..., Person]:
    """Makes a person in an image of 200 by 100 pixels: joints (10 + k, 20 + 2k), the second hidden, the third not
    labelled, in the box from (9.5, 19.5) to (59.5, 79.5).
    """
    (tmp_path / "images").mkdir()
    image = tmp_path / "images" / "a.jpg"
    cv2.imwrite(str(image), np.zeros((100, 200, 3), np.uint8))

    def make(**fields: Any) -> Person:
        keypoints = np.array([[10.0 + k, 20.0 + 2 * k] for k in range(14)])
        labelled, occluded = np.arange(14) != 2, np.arange(14) == 1
        values = {"box": np.array([9.5, 19.5, 59.5, 79.5]), "occluded": occluded, "labelled": labelled} | fields
        sample = Sample("csv", "csv/a.jpg#1", image, keypoints, skeleton=LSP14, **values)  # type: ignore[arg-type]
        return Person(sample, Picture("a.jpg", sample, 100, 200))

    return make
