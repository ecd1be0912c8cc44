"""Lists of images, and arguments of other kinds than they should be."""

import io
from itertools import repeat

import numpy as np
import pytest
from PIL import Image

from leanpose.core.errors import BoxError, EngineError, ImageError, ModelError
from leanpose.estimate.estimator import PoseEstimator

from ..videos import FindDots, picture


@pytest.fixture
def estimator(dot_model):
    return PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=FindDots())


def same(a, b):
    for name in ("keypoints", "scores", "boxes", "box_scores"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_list_gives_a_list(estimator):
    images = [picture(0), picture(3, 1), picture(0, 0)]
    found = estimator(images)
    assert [len(poses) for poses in found] == [2, 1, 0]
    for poses, image in zip(found, images, strict=True):
        same(poses, estimator(image))
    for a, b in zip(estimator(tuple(images)), estimator.estimate_many(iter(images)), strict=True):
        same(a, b)
    assert estimator([]) == []
    assert [len(poses) for poses in estimator.estimate_many(np.stack(images))] == [2, 1, 0]


def test_boxes_for_each_of_a_list(estimator):
    boxes = [[0, 0, 80, 80]]
    found = estimator([picture(0), picture(0), picture(0)], [boxes, None, []])
    assert [len(poses) for poses in found] == [1, 2, 0]
    assert [len(poses) for poses in estimator([picture(0)] * 2, whole_image=True)] == [1, 1]
    for wrong in ([boxes], [boxes] * 3):
        with pytest.raises(BoxError, match=f"boxes: {len(wrong)} for 2 images"):
            estimator([picture(0)] * 2, wrong)


def test_images_of_all_kinds_give_the_same(estimator):
    image = picture(0)
    pil, data = Image.fromarray(image[..., ::-1]), io.BytesIO()
    pil.save(data, "png")
    expected = estimator(image)
    for poses in estimator([pil, data.getvalue()]):
        same(poses, expected)


@pytest.mark.parametrize("images", ["a.png", b"x", np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint8), None, 3])
def test_one_image_is_not_many(estimator, images):
    with pytest.raises(ImageError, match="images: "):
        estimator.estimate_many(images)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": None}, ModelError, "unknown model None: give a packaged one"),
        ({"model": 5}, ModelError, "unknown model 5"),
        ({"model": ["small"]}, ModelError, "unknown model .'small'"),
        ({"threads": "2"}, EngineError, "threads: .* not '2'"),
        ({"threads": 0}, EngineError, "threads: .* not 0"),
        ({"threads": True}, EngineError, "not True"),
        ({"threads": 2.0}, EngineError, "not 2.0"),
        ({"detector": False}, ModelError, "detector: .* None for no detector, not False"),
        ({"detector": True}, ModelError, "not True"),
        ({"detector": [[1, 2, 3, 4]]}, ModelError, "not list"),
        ({"batch_size": "4"}, ValueError, "batch_size must be 1 or more, not '4'"),
        ({"batch_size": 0}, ValueError, "not 0"),
    ],
)
def test_arguments_of_another_kind_are_named(dot_model, options, error, message):
    with pytest.raises(error, match=message):
        PoseEstimator(**{"model": dot_model(), "engine": "onnxruntime"} | options)


def test_numpy_numbers_are_numbers(dot_model):
    estimator = PoseEstimator(
        dot_model(), "onnxruntime", threads=int(np.int64(1)), batch_size=np.int64(3), detector=None
    )
    assert estimator.batch_size == 3
    assert len(list(estimator.estimate_many(repeat(picture(0), 2), [[[0, 0, 9, 9]]] * 2))) == 2
