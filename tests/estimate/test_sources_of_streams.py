"""What is no source of frames is refused at once, with what to give instead."""

import cv2
import numpy as np
import pytest

from leanpose.core.errors import ImageError, VideoError
from leanpose.estimate.estimator import PoseEstimator

from ..videos import FindDots, picture

CASES = [
    (np.zeros((48, 64, 3), np.uint8), ImageError, r"shape \(48, 64, 3\) is one image, no stream.*give \[image\]"),
    (np.zeros((48, 64), np.uint8), ImageError, "is one image"),
    (np.zeros((48, 64, 4), np.uint8), ImageError, "is one image"),
    (cv2.VideoCapture(), VideoError, "VideoCapture is no source: give the name of its file"),
    (None, VideoError, "NoneType is no source of frames"),
    (3.5, VideoError, "float is no source"),
    (object(), VideoError, "object is no source"),
]


@pytest.mark.parametrize(("source", "error", "message"), CASES)
def test_refused_at_once(dot_model, source, error, message):
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=FindDots())
    for options in ({}, {"two_pass": True}):
        with pytest.raises(error, match=message):
            estimator.stream(source, **options)


def test_many_images_in_one_array_are_frames(dot_model):
    pytest.importorskip("scipy")
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=FindDots())
    frames = np.stack([picture(number) for number in range(4)])
    assert [len(poses) for poses in estimator.stream(frames)] == [2, 2, 2, 2]
