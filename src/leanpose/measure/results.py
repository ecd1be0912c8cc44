"""Answers and labels as COCO writes them, the form in which AP is measured and submitted."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from leanpose.core.geometry import to_corner
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.coco import AREA_OF_BOX
from leanpose.measure.estimation import Estimates, image_key


def person_area(sample: Sample) -> float:
    """Square pixels: the dataset's own area, or 0.53 of the box."""
    return float(np.prod(sample.box[2:] - sample.box[:2]) * AREA_OF_BOX) if sample.area is None else sample.area


def coco_results(
    answers: Estimates, person_scores: np.ndarray, image_ids: Sequence[int | str], category: int = 1
) -> list[dict[str, Any]]:
    """COCO keypoint results, one per answer; a joint that is not predicted is ``0, 0, 0``.

    Keypoints are pixel numbers as ours are; boxes are measured from the image's corner, half a pixel before our zero.
    """
    points_NK3 = np.concatenate((answers.predicted, answers.scores[..., None]), axis=-1)
    points_NK3[np.isnan(points_NK3).any(axis=-1)] = 0
    return [
        {
            "image_id": image_id,
            "category_id": category,
            "keypoints": points.reshape(-1).tolist(),
            "score": float(score),
            "bbox": _xywh(sample.box),
        }
        for image_id, points, score, sample in zip(image_ids, points_NK3, person_scores, answers.samples, strict=True)
    ]


def ground_truth_from(samples: Sequence[Sample]) -> tuple[dict[str, Any], list[int]]:
    """Samples as COCO annotations, for datasets that have none, and the numbers of the samples' images."""
    numbers: dict[Hashable, int] = {}
    of_sample = [numbers.setdefault(image_key(sample), len(numbers) + 1) for sample in samples]
    annotations = []
    for i, (image, sample) in enumerate(zip(of_sample, samples, strict=True), start=1):
        shown = np.where(sample.labelled, 2, 0)
        points_K3 = np.concatenate((np.where(shown[:, None] > 0, sample.keypoints, 0), shown[:, None]), axis=-1)
        annotations.append(
            {
                "id": i,
                "image_id": image,
                "category_id": 1,
                "keypoints": points_K3.reshape(-1).tolist(),
                "num_keypoints": int(sample.labelled.sum()),
                "area": person_area(sample),
                "bbox": _xywh(sample.box),
                "iscrowd": int(sample.crowd),
            }
        )
    skeleton = samples[0].skeleton
    categories = [{"id": 1, "name": "person", "keypoints": list(skeleton.joints), "skeleton": []}]
    images = [{"id": number} for number in numbers.values()]
    return {"images": images, "annotations": annotations, "categories": categories}, of_sample


def judged_part(ground_truth: Mapping[str, Any], judged: np.ndarray, without: frozenset[Any]) -> dict[str, Any]:
    """Annotations of which only some joints (K,) count, without some of the images.

    A person none of whose labelled joints counts becomes one without joints, whom AP ignores.
    """
    annotations = []
    for annotation in ground_truth["annotations"]:
        if annotation["image_id"] in without:
            continue
        points_K3 = np.array(annotation.get("keypoints") or np.zeros(3 * len(judged)), dtype=float).reshape(-1, 3)
        points_K3[~judged] = 0
        count = int((points_K3[:, 2] > 0).sum())
        annotations.append({**annotation, "keypoints": points_K3.reshape(-1).tolist(), "num_keypoints": count})
    images = [image for image in ground_truth["images"] if image["id"] not in without]
    return {**ground_truth, "images": images, "annotations": annotations}


def _xywh(box: np.ndarray) -> list[float]:
    return [*to_corner(box[:2]).tolist(), *(box[2:] - box[:2]).tolist()]
