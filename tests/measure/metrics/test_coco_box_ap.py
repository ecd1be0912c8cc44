"""Box AP against pycocotools."""

import contextlib
import io
import math

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.measure.metrics.coco_box_ap import FIGURES, coco_box_ap


def by_pycocotools(people, ignored, answers):
    """The figures of the reference implementation; NaN for its -1."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    annotations, results = [], []
    for image in range(len(people)):
        for boxes, crowd in ((people[image], 0), (ignored[image], 1)):
            for x1, y1, x2, y2 in boxes:
                size = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
                head = {"id": len(annotations) + 1, "image_id": image + 7, "category_id": 1}
                annotations.append(head | size | {"iscrowd": crowd})
        for x1, y1, x2, y2, score in answers[image]:
            box = [x1, y1, x2 - x1, y2 - y1]
            results.append({"image_id": image + 7, "category_id": 1, "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        images = [{"id": image + 7} for image in range(len(people))]
        truth.dataset = {"images": images, "categories": [{"id": 1}], "annotations": annotations}
        truth.createIndex()
        measured = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return {name: value if value >= 0 else math.nan for name, value in zip(FIGURES, measured.stats, strict=True)}


def drawn(seed, images=12):
    """Images without people, crowds, sizes on both sides of every limit, and answers good, bad, twice and missing."""
    rng = np.random.default_rng(seed)
    people, ignored, answers = [], [], []
    for _ in range(images):
        size = np.exp(rng.uniform(np.log(10), np.log(300), (rng.integers(0, 6), 2)))
        corner = rng.uniform(0, 300, size.shape)
        boxes = np.hstack((corner, corner + size))
        crowd = rng.random(len(boxes)) < 0.15
        people.append(boxes[~crowd])
        ignored.append(boxes[crowd])
        found = np.repeat(boxes, rng.choice([0, 1, 2, 8], len(boxes), p=[0.2, 0.5, 0.2, 0.1]), axis=0)
        found = found + rng.normal(0, rng.choice([0.01, 0.1, 0.5], (len(found), 1)), found.shape) * 20
        stray = rng.uniform(0, 300, (rng.integers(0, 4), 4))
        found = np.vstack((found, stray[:, [0, 1, 0, 1]] + np.hstack((np.zeros((len(stray), 2)), stray[:, 2:]))))
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        answers.append(np.column_stack((found, rng.random(len(found)).round(1))))  # many scores are equal
    return people, ignored, answers


@pytest.mark.parametrize("seed", range(8))
def test_equals_pycocotools(seed):
    sets = drawn(seed)
    found = coco_box_ap(*sets)
    assert found == pytest.approx(by_pycocotools(*sets), rel=0, abs=1e-12, nan_ok=True)
    assert 0.05 < found["AP"] < 0.95  # the case decides something


def test_equals_pycocotools_with_more_than_a_hundred_answers():
    people, ignored, answers = drawn(3, images=3)
    rng = np.random.default_rng(0)
    many = [np.vstack([a] * 40) for a in answers]
    many = [np.column_stack((a[:, :4], rng.random(len(a)))) for a in many]
    assert max(map(len, many)) > 200
    expected = by_pycocotools(people, ignored, many)
    assert coco_box_ap(people, ignored, many) == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)


def test_perfect_answers_and_none():
    people, ignored, _ = drawn(1)
    perfect = [np.column_stack((boxes, np.ones(len(boxes)))) for boxes in people]
    found = coco_box_ap(people, ignored, perfect)
    assert [found[name] for name in ("AP", "AP50", "AR100", "APS", "APM", "APL")] == [pytest.approx(1)] * 6
    nothing = [np.zeros((0, 5))] * len(people)
    assert coco_box_ap(people, ignored, nothing)["AP"] == 0
    nobody = [np.zeros((0, 4))] * len(people)
    assert all(map(math.isnan, coco_box_ap(nobody, ignored, perfect).values()))


def test_sets_of_different_images_are_refused():
    people, ignored, answers = drawn(1)
    with pytest.raises(DatasetError, match="12, 12 and 11 images"):
        coco_box_ap(people, ignored, answers[:-1])
