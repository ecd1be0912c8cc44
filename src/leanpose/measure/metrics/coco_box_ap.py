"""Average precision and recall of boxes as COCO measures them; the counting is faster-coco-eval's.

Thresholds of overlap from 0.50 to 0.95 in steps of 0.05, the 100 best answers of an image. Sizes go by the box: small
is below 32^2 square pixels, medium up to 96^2, large above.
"""

import math
from collections.abc import Sequence

import numpy as np

from leanpose.core.errors import DatasetError, MissingExtraError

FIGURES = ("AP", "AP50", "AP75", "APS", "APM", "APL", "AR1", "AR10", "AR100", "ARS", "ARM", "ARL")


def coco_box_ap(
    people: Sequence[np.ndarray], ignored: Sequence[np.ndarray], answers: Sequence[np.ndarray]
) -> dict[str, float]:
    """The twelve figures of :data:`FIGURES`, from 0 to 1; NaN for those that have nobody to find.

    Args:
        people: by image, boxes (B, 4) as x1, y1, x2, y2.
        ignored: by image, regions (C, 4); an answer counts for nothing where over half of it (or whatever the threshold
            is) lies in one, as in COCO's crowds.
        answers: by image, boxes with scores (P, 5).

    Raises:
        DatasetError: when the three are not of the same images.
        MissingExtraError: when faster-coco-eval is not installed.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ModuleNotFoundError as error:
        raise MissingExtraError("faster-coco-eval", "train") from error
    if not len(people) == len(ignored) == len(answers):
        raise DatasetError(f"boxes of {len(people)}, {len(ignored)} and {len(answers)} images: one entry an image")
    if not any(map(len, people)):
        return dict.fromkeys(FIGURES, math.nan)
    truth = _annotations(people, iscrowd=0)
    truth += _annotations(ignored, iscrowd=1, first=len(truth) + 1)
    heads = {"images": [{"id": i} for i in range(len(people))], "categories": [{"id": 1}]}
    measured = COCOeval_faster(
        COCO({**heads, "annotations": truth}), COCO({**heads, "annotations": _annotations(answers)}), "bbox"
    )
    measured.run()
    values = [float(value) for value in measured.all_stats[: len(FIGURES)]]
    return {name: value if value >= 0 else math.nan for name, value in zip(FIGURES, values, strict=True)}


def _annotations(boxes: Sequence[np.ndarray], iscrowd: int = 0, first: int = 1) -> list[dict]:
    entries = []
    for image, rows in enumerate(boxes):
        for row in rows:
            x, y, width, height = row[0], row[1], row[2] - row[0], row[3] - row[1]
            entry = {"id": first + len(entries), "image_id": image, "category_id": 1, "iscrowd": iscrowd}
            entry |= {"bbox": [float(v) for v in (x, y, width, height)], "area": float(width * height)}
            entries.append(entry | ({"score": float(row[4])} if len(row) == 5 else {}))
    return entries
