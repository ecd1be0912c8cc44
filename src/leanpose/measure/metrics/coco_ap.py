"""Average precision and recall of keypoints as COCO measures them, for any skeleton.

The counting is faster-coco-eval's, which equals pycocotools. What COCO's rules are here: thresholds of OKS from 0.50
to 0.95 in steps of 0.05, the 20 best answers of an image, crowds and people without labelled joints neither found nor
missed. Sizes go by the annotation's ``area``: medium is 32^2 to 96^2 square pixels, large is above.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError, MissingExtraError, SkeletonError
from leanpose.datasets.readers.coco import AREA_OF_BOX

FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def coco_ap(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], sigmas: Sequence[float] | np.ndarray
) -> dict[str, float]:
    """The ten figures of :data:`FIGURES`, from 0 to 1; NaN for those that have nobody to find.

    Args:
        ground_truth: COCO annotations: ``images``, ``categories``, and ``annotations`` with ``image_id``,
            ``category_id``, ``bbox`` (xywh), and as far as they have them ``id``, ``keypoints`` (x, y, visibility of K
            joints), ``num_keypoints``, ``area`` (0.53 of the box where missing) and ``iscrowd``.
        results: COCO keypoint results: ``image_id``, ``category_id``, ``keypoints`` (x, y, anything), ``score``. A
            result's own size, which decides whether a false one counts as medium or large, is that of its ``bbox``
            where it has one, and else that of the box around all its joints, as COCO's files for submission have it.
        sigmas: (K,) constants of the joints.

    Raises:
        DatasetError: for entries of another form, unknown or repeated images and ids, keypoints that are not K, and
            numbers that are not finite.
        SkeletonError: when sigmas are not positive numbers.
        MissingExtraError: when faster-coco-eval is not installed.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ModuleNotFoundError as error:
        raise MissingExtraError("faster-coco-eval", "train") from error
    constants = np.asarray(sigmas, dtype=float)
    if constants.ndim != 1 or not constants.size or not (np.isfinite(constants) & (constants > 0)).all():
        raise SkeletonError(f"sigmas must be one positive number a joint, not {sigmas!r}")
    images, categories = (_numbered(ground_truth, name) for name in ("images", "categories"))
    heads = {
        "images": [{"id": number} for number in images.values()],
        "categories": [{"id": number} for number in categories.values()],
    }
    people = _people(ground_truth, images, categories, len(constants))
    answers = _answers(results, images, categories, len(constants))
    if not any(person["num_keypoints"] and not person["iscrowd"] for person in people):
        return dict.fromkeys(FIGURES, math.nan)
    measured = COCOeval_faster(
        COCO({**heads, "annotations": people}),
        COCO({**heads, "annotations": answers}),
        "keypoints",
        kpt_oks_sigmas=constants.tolist(),
    )
    measured.run()
    values = (float(value) for value in measured.all_stats)
    return {name: value if value >= 0 else math.nan for name, value in zip(FIGURES, values, strict=True)}


def _numbered(ground_truth: Mapping[str, Any], name: str) -> dict[Any, int]:
    """Numbers from 1 for ids, which may be texts. Integers keep their order: it decides between equal scores."""
    entries = ground_truth.get(name) if isinstance(ground_truth, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise DatasetError(f"not COCO annotations: '{name}' must be a list of objects")
    ids = [entry.get("id") for entry in entries]
    if not all(isinstance(identity, int | str) for identity in ids):
        raise DatasetError(f"not COCO annotations: an id in '{name}' is neither a number nor a text")
    repeated = [identity for identity, times in Counter(ids).items() if times > 1]
    if repeated:
        raise DatasetError(f"COCO annotations: '{name}' has the id {repeated[0]!r} twice: give each entry its own")
    if all(isinstance(identity, int) for identity in ids):
        ids.sort()
    return {identity: number for number, identity in enumerate(ids, start=1)}


def _people(
    ground_truth: Mapping[str, Any], images: Mapping[Any, int], categories: Mapping[Any, int], joints: int
) -> list[dict[str, Any]]:
    entries = ground_truth.get("annotations")
    if not isinstance(entries, list):
        raise DatasetError("not COCO annotations: 'annotations' must be a list")
    people, seen = [], set()
    for number, entry in enumerate(entries, start=1):
        name = str(entry.get("id", f"number {number}")) if isinstance(entry, Mapping) else f"number {number}"
        who = f"annotation {name}"
        person = _placed(entry, number, images, categories, who)
        if name in seen:
            raise DatasetError(f"{who}: its id is there twice: give each annotation its own")
        seen.add(name)
        keypoints = _numbers(entry.get("keypoints") or [0] * 3 * joints, 3 * joints, f"{who}: keypoints")
        box = _numbers(entry.get("bbox"), 4, f"{who}: bbox")
        labelled = sum(visibility > 0 for visibility in keypoints[2::3])
        area, count = (
            default if entry.get(field) is None else _numbers([entry[field]], 1, f"{who}: {field}")[0]
            for field, default in (("area", AREA_OF_BOX * box[2] * box[3]), ("num_keypoints", labelled))
        )
        if area < 0:
            raise DatasetError(f"{who}: an area of {area:g}: it is in square pixels and cannot be negative")
        crowd = int(bool(entry.get("iscrowd")))
        people.append(
            person | {"keypoints": keypoints, "num_keypoints": count, "bbox": box, "area": area, "iscrowd": crowd}
        )
    return people


def _answers(
    results: Sequence[Mapping[str, Any]], images: Mapping[Any, int], categories: Mapping[Any, int], joints: int
) -> list[dict[str, Any]]:
    answers = []
    for number, entry in enumerate(results, start=1):
        who = f"result {number}"
        answer = _placed(entry, number, images, categories, who)
        keypoints = _numbers(entry.get("keypoints"), 3 * joints, f"{who}: keypoints")
        (score,) = _numbers([entry.get("score")], 1, f"{who}: score")
        x, y = keypoints[::3], keypoints[1::3]
        hull = [min(x), min(y), max(x) - min(x), max(y) - min(y)]
        box = _numbers(entry["bbox"], 4, f"{who}: bbox") if entry.get("bbox") else hull
        answers.append(
            answer | {"keypoints": keypoints, "score": score, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        )
    return answers


def _placed(
    entry: Any, number: int, images: Mapping[Any, int], categories: Mapping[Any, int], who: str
) -> dict[str, Any]:
    """Ids of an entry, as numbers."""
    if not isinstance(entry, Mapping):
        raise DatasetError(f"{who}: an object with image_id, category_id and keypoints is needed, not {entry!r:.80}")
    for name, known in (("image_id", images), ("category_id", categories)):
        identity = entry.get(name)
        if not isinstance(identity, int | str) or identity not in known:
            raise DatasetError(
                f"{who}: {name} {identity!r} is not in the annotations: do the two files belong together?"
            )
    return {"id": number, "image_id": images[entry["image_id"]], "category_id": categories[entry["category_id"]]}


def _numbers(values: Any, count: int, what: str) -> list[float]:
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise DatasetError(f"{what}: {count} numbers are needed, not {values!r:.80}") from None
    if numbers.shape != (count,):
        raise DatasetError(f"{what}: {count} numbers are needed, not {numbers.size}: is it the right skeleton?")
    if not np.isfinite(numbers).all():
        raise DatasetError(f"{what}: not finite: leave the entry out, or write 0, 0, 0 for a joint that is not there")
    return numbers.tolist()
