"""Calibration: crops of training people, as the network sees them in use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from leanpose.core.boxes import check_boxes
from leanpose.core.errors import BoxError, DatasetError
from leanpose.core.normalisation import Normalisation
from leanpose.datasets.readers import read_samples
from leanpose.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator

SEED = 0


def calibration_crops(
    estimator: "PoseEstimator", specs: Sequence[str], count: int, seed: int = SEED, skeleton: Skeleton | None = None
) -> np.ndarray:
    """Normalised crops (N, 3, H, W) float32 of people drawn from the part ``train``, made by the estimator.

    Args:
        count: how many; all there are where the part has fewer. Who cannot be read is passed over.
        seed: of the draw; the same one draws the same people.
        skeleton: what the datasets are mapped to, where their own differ.

    Raises:
        DatasetError: when the datasets cannot be read, or nobody is there.
    """
    samples = read_samples(specs, "train", skeleton, problems=[])
    crops: list[np.ndarray] = []
    for number in np.random.default_rng(seed).permutation(len(samples)):
        if len(crops) == count:
            break
        sample = samples[number]
        try:
            image = sample.load_image()
            box, _ = check_boxes(sample.box, (image.shape[0], image.shape[1]), sample.name)
        except (DatasetError, BoxError):
            continue
        crops.append(estimator.preprocess(image, box)[0])
    if not crops:
        raise DatasetError(f"nobody to calibrate on is in the train part of {', '.join(specs)}")
    return Normalisation(estimator.card.mean, estimator.card.std)(np.concatenate(crops))
