"""The bootstrap of AP: unweighted it is pycocotools' AP, and a weight of two is an image that is there twice."""

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest

from leanpose.measure.ap_interval import ap_interval, match_images, weighted_ap

JOINTS = 5
SIGMAS = np.array([0.026, 0.05, 0.062, 0.079, 0.107])


def _random_set(seed: int, images: int = 8) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Crowds, people without joints or without answers, answers about nobody, duplicates, more than 20 an image."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        for _ in range(rng.integers(0, 5)):
            keypoints = np.column_stack((rng.uniform(0, 200, (JOINTS, 2)), rng.integers(0, 3, JOINTS)))
            if rng.random() < 0.2:
                keypoints[:, 2] = 0
            x, y = rng.uniform(0, 100, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "keypoints": keypoints.reshape(-1).tolist(),
                    "num_keypoints": int((keypoints[:, 2] > 0).sum()),
                    "area": float(rng.uniform(500, 20000)),
                    "bbox": [float(x), float(y), 90.0, 80.0],
                    "iscrowd": int(rng.random() < 0.15),
                }
            )
            for _ in range(rng.integers(0, 3)):
                noisy = keypoints.copy()
                noisy[:, :2] += rng.normal(0, rng.choice([1, 5, 15, 60]), (JOINTS, 2))
                results.append(_result(image, noisy, rng))
        for _ in range(rng.integers(0, 25)):
            stray = np.column_stack((rng.uniform(0, 200, (JOINTS, 2)), np.ones(JOINTS)))
            results.append(_result(image, stray, rng))
    images_ = [{"id": image} for image in range(1, images + 1)]
    return {"images": images_, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}, results


def _result(image: int, keypoints: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints.reshape(-1).tolist(),
        "score": float(rng.random()),
        "bbox": [0.0, 0.0, 50.0, 50.0],
    }


def _pycocotools_ap(truth: dict[str, Any], results: list[dict[str, Any]]) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        measured = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), "keypoints")
        measured.params.kpt_oks_sigmas = SIGMAS
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return float(measured.stats[0])


@pytest.mark.parametrize("seed", range(12))
def test_without_weights_it_is_pycocotools_ap(seed: int) -> None:
    truth, results = _random_set(seed)
    matches = match_images(truth, results, SIGMAS)
    assert weighted_ap(matches, np.ones(8)) == pytest.approx(_pycocotools_ap(truth, results), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_images_repeated(seed: int) -> None:
    truth, results = _random_set(seed)
    weights = np.random.default_rng(seed + 100).integers(0, 4, 8)
    repeated: dict[str, Any] = {**truth, "images": [], "annotations": []}
    answers = []
    for image, times in enumerate(weights, start=1):
        for copy_ in range(times):
            new = 100 * image + copy_
            repeated["images"].append({"id": new})
            for annotation in truth["annotations"]:
                if annotation["image_id"] == image:
                    id_ = len(repeated["annotations"]) + 1
                    repeated["annotations"].append({**annotation, "image_id": new, "id": id_})
            answers += [{**result, "image_id": new} for result in results if result["image_id"] == image]
    expected = _pycocotools_ap(repeated, answers)
    assert weighted_ap(match_images(truth, results, SIGMAS), weights) == pytest.approx(expected, abs=1e-12)


def test_the_interval_holds_the_figure_and_narrows_with_more_images() -> None:
    widths = []
    for images in (20, 320):
        truth, results = _random_set(5, images)
        low, high = ap_interval(truth, results, SIGMAS, resamples=200)
        assert low < weighted_ap(match_images(truth, results, SIGMAS), np.ones(images)) < high
        widths.append(high - low)
    assert 2 < widths[0] / widths[1] < 8  # a fourth, as sqrt(1 / 16)


def test_without_people_there_is_no_interval() -> None:
    truth, results = _random_set(0)
    assert np.isnan(ap_interval({**truth, "annotations": []}, results, SIGMAS, resamples=5)).all()
