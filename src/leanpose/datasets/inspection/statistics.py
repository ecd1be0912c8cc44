"""What is in the data, in numbers: how many, how large, how completely labelled."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from leanpose.datasets.inspection.images import ImageFacts
from leanpose.datasets.inspection.people import People
from leanpose.datasets.readers import PARTS

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
BINS = 30


def statistics(people: People, facts: Mapping[int, ImageFacts | str]) -> dict[str, Any]:
    """Plain data for JSON, tables and charts.

    ``counts`` has a row for every dataset and part; ``joints`` for every joint its labelled people, and the hidden
    ones among them where the dataset says; the others are distributions, as of :func:`distribution`.
    """
    width_height = people.boxes[:, 2:] - people.boxes[:, :2]
    read = [fact for fact in facts.values() if isinstance(fact, ImageFacts)]
    labelled, hidden = people.labelled.sum(axis=0), people.occluded.sum(axis=0)
    says_hidden = any(sample.occluded is not None for sample in people.samples)
    flat = np.maximum(width_height[:, 1], 1)
    return {
        "people": len(people),
        "images": len(people.images),
        "images_read": len(facts),
        "skeleton": people.skeleton.to_dict(),
        "counts": _counts(people),
        "joints": [
            {
                "name": name,
                "labelled": int(labelled[k]),
                "labelled_share": float(labelled[k] / len(people)),
                "occluded_share": float(hidden[k] / labelled[k]) if says_hidden and labelled[k] else None,
            }
            for k, name in enumerate(people.skeleton.joints)
        ],
        "joints_per_person": np.bincount(people.labelled.sum(axis=1), minlength=len(people.skeleton) + 1).tolist(),
        "people_per_image": distribution(np.bincount(people.image_of)),
        "box_side": distribution(people.box_sides),
        "box_aspect": distribution(width_height[:, 0] / flat),
        "image_width": distribution([fact.width for fact in read]),
        "image_height": distribution([fact.height for fact in read]),
    }


def distribution(values: Any) -> dict[str, Any] | None:
    """Percentiles and a histogram of values (N,); None where there are none.

    The last bin of the histogram, from the first to the 99th percentile, also counts what lies beyond it.
    """
    values = np.asarray(values, dtype=float)
    if values.size == 0:
        return None
    end = max(np.percentile(values, 99), values.min() + 1e-6)
    counts, edges = np.histogram(np.minimum(values, end), bins=BINS, range=(values.min(), end))
    return {
        "percentiles": {f"{p}": float(np.percentile(values, p)) for p in PERCENTILES},
        "mean": float(values.mean()),
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
    }


def _counts(people: People) -> list[dict[str, Any]]:
    datasets = np.array([sample.dataset for sample in people.samples])
    rows = []
    for dataset in dict.fromkeys(datasets.tolist()):
        for part in PARTS:
            chosen = (datasets == dataset) & (people.parts == part)
            if chosen.any():
                rows.append(
                    {
                        "dataset": dataset,
                        "part": part,
                        "images": len(np.unique(people.image_of[chosen])),
                        "people": int(chosen.sum()),
                        "joints_per_person": float(people.labelled[chosen].sum(axis=1).mean()),
                        "median_box_side": float(np.median(people.box_sides[chosen])),
                    }
                )
    return rows
