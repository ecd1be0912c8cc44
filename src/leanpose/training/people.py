"""The people of a training: those to learn from, and those held out to choose by."""

import logging
from collections.abc import Sequence

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample, read_samples
from leanpose.datasets.readers.parts import image_name, part_of
from leanpose.datasets.readers.reasons import nobody, reasons
from leanpose.pose.skeleton import Skeleton

LOG = logging.getLogger(__name__)


def training_people(
    data: Sequence[str], skeleton: Skeleton | None = None, share: float = 1.0
) -> tuple[list[Sample], list[Sample]]:
    """People to train on and people held out, of ``KIND:PATH`` datasets.

    Where no dataset has a validation part, a tenth of the training images is held out, by their names.

    Args:
        skeleton: what all are mapped to by joint name.
        share: of those to train on that is used: a fixed draw, of which a smaller one holds fewer of the same people.

    Raises:
        DatasetError: when a dataset cannot be read, or nobody is there; then with the reasons, counted.
    """
    if not data:
        raise DatasetError("no dataset is named: name images to train on with --data KIND:PATH")
    problems: list[str] = []
    train, val = (read_samples(data, part, skeleton, problems) for part in ("train", "val"))
    if not train and not val:
        raise nobody("to train on", data, ("train", "val"), problems)
    if problems:
        LOG.warning(
            "%s: %d left out:\n  %s", ", ".join(data), len(dict.fromkeys(problems)), "\n  ".join(reasons(problems))
        )
    if not val:
        held_out = [part_of(image_name(sample)) == "val" for sample in train]
        val = [sample for sample, held in zip(train, held_out, strict=True) if held]
        train = [sample for sample, held in zip(train, held_out, strict=True) if not held]
    drawn = np.random.default_rng(0).permutation(len(train))[: round(share * len(train))]
    return [train[i] for i in sorted(drawn)], val
