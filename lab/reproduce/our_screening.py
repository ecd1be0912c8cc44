"""The people by whom our variants are compared, and what each variant finds of them: never people of a test part."""

import io
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.reproduce.trainings import Arm, Setting, trained
from leanpose.core.errors import DatasetError
from leanpose.core.files import write_whole
from leanpose.datasets.readers import Sample, read_samples
from leanpose.datasets.readers.parts import fold_of, image_name
from leanpose.engines.card import file_sha256
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure import evaluate
from leanpose.training.recipes import recipe_named

LOG = logging.getLogger(__name__)

FOLDS = 2
HELD_OUT = 400  # people of fold 0 of the datasets without a validation part
THRESHOLD = 0.2


CORRECTIONS = re.compile(r",corrections=.*?(?=,[a-z]+=|$)")


def without_corrections(setting: Setting) -> Setting:
    """The setting with the labels as they were distributed."""
    return replace(setting, data=[CORRECTIONS.sub("", spec) for spec in setting.data])


def screening(setting: Setting) -> tuple[Setting, list[Sample], np.ndarray]:
    """The setting to train in, the people to judge by, and (N,) which of them are of a validation part.

    These are the people of the validation parts, and of each dataset without one :data:`HELD_OUT` people of its
    first fold, which no training sees, with the labels as they were distributed.

    Raises:
        DatasetError: when nobody is left to judge by.
    """
    people: list[Sample] = []
    trusted: list[bool] = []
    data: list[str] = []
    for spec, plain in zip(setting.data, without_corrections(setting).data, strict=True):
        own = read_samples([plain], "val")
        held = [sample for sample in read_samples([plain], "train") if fold_of(sample, FOLDS) == 0] if not own else []
        data.append(spec if own else f"{spec},without=0/{FOLDS}")
        people += own or sorted(held, key=image_name)[:HELD_OUT]
        trusted += [bool(own)] * len(own or held[:HELD_OUT])
    if not people:
        raise DatasetError(f"{', '.join(setting.data)}: nobody to compare variants by: name data with training people")
    return replace(setting, data=data), people, np.array(trusted)


def common_start(setting: Setting) -> Path:
    """The trained network that the trainings go on from: ``--checkpoint``, or one trained here without the first fold.

    The training here is the whole of recipe ``fold_lsp``, not cut to the budget.
    """
    if setting.checkpoint is not None:
        return setting.checkpoint
    recipe = recipe_named("fold_lsp")
    whole = replace(setting, budget=replace(setting.budget, epochs=recipe.epochs, people=1.0, batches=0))
    return trained(whole, Arm("start", "the network that all go on from"), recipe, 0)


def judged(checkpoint: Path, people: Sequence[Sample], decode: str) -> np.ndarray:
    """Distances (N, K) in torso lengths of what a checkpoint finds, NaN where not judged; kept beside it."""
    kept = checkpoint.with_name(f"judged_{decode}.npz")
    sha256 = file_sha256(checkpoint)
    names = np.array([person.name for person in people])
    if kept.exists():
        with np.load(kept) as stored:
            if str(stored["sha256"]) == sha256 and np.array_equal(stored["names"], names):
                return stored["distances"]
    LOG.info("measuring %s, %s", checkpoint.parent.name, decode)
    evaluation = evaluate(PoseEstimator(str(checkpoint), decode=decode), people)
    if evaluation.left_out:
        raise DatasetError(f"a comparison needs all its people: {'; '.join(evaluation.left_out)}")
    file = io.BytesIO()
    np.savez(file, sha256=sha256, names=names, distances=evaluation.distances)
    write_whole(kept, file.getvalue())
    return evaluation.distances
