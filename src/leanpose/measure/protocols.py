"""Which figure a dataset is measured by, and how its boxes and joints are named in a protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import Skeleton, mapping_weights

Metric = Literal["pck", "pckh", "oks"]
BoxSource = Literal["labels", "centre"]

# The benchmark's own figure by kind of dataset; every other kind, and own data, is measured by OKS.
METRICS: dict[str, Metric] = {"lsp": "pck", "lspet": "pck", "hr_lspet": "pck", "mpii": "pckh"}
LSP = ("lsp", "lspet", "hr_lspet")  # measured under two box protocols
# What the boxes of a reader are; "annotated" where the dataset itself has boxes.
BOXES = {"lsp": "hull", "lspet": "hull", "hr_lspet": "hull", "mpii": "of centre and scale"}


def metric_for(samples: Sequence[Sample]) -> Metric:
    """The figure of the samples' benchmark; PCK for a mixture whose benchmarks differ."""
    metrics: set[Metric] = {METRICS.get(sample.dataset, "oks") for sample in samples}
    return next(iter(metrics)) if len(metrics) == 1 else "pck"


def describe_boxes(samples: Sequence[Sample], boxes: BoxSource) -> str:
    """Where the boxes come from, in words, such as ``"boxes hull"``."""
    if boxes == "centre":
        return "boxes centre"
    if are_detections(samples):
        return "boxes detected"
    return "boxes " + " or ".join(sorted({BOXES.get(sample.dataset, "annotated") for sample in samples}))


def are_detections(samples: Sequence[Sample]) -> bool:
    """Whether these are a detector's boxes: not one joint is labelled."""
    return not any(sample.labelled.any() for sample in samples)


def has_centre(sample: Sample) -> bool:
    """Whether the centre of the image says where a person of LSP is; that of a crop in a pack follows the labels."""
    return sample.dataset in LSP and isinstance(sample.image, Path)


def joint_mapping(model: Skeleton, data: Skeleton) -> np.ndarray:
    """Weights (K_data, K_model) that carry a model's keypoints to the data's joints, by name.

    Raises:
        DatasetError: when no joint of the data is known to the model.
    """
    if model.joints == data.joints:
        return np.eye(len(data))
    weights = mapping_weights(model, data)
    if not weights.any():
        raise DatasetError(
            f"the model predicts {model.name} ({', '.join(model.joints)}), the data has {data.name} "
            f"({', '.join(data.joints)}): no joint in common by name; rename the joints of one to match the other"
        )
    return weights


def describe_mapping(model: Skeleton, data: Skeleton) -> str:
    """How many joints are judged, and which of them are interpolated; empty where the skeletons are one."""
    weights = joint_mapping(model, data)
    if model.joints == data.joints:
        return ""
    made = [joint for joint, row in zip(data.joints, weights, strict=True) if (row > 0).sum() > 1]
    words = f"{weights.any(axis=1).sum()} of the {len(data)} joints of {data.name}: those of {model.name} by name"
    return words + (f"; interpolated {' and '.join(made)}" if made else "")
