"""Who says something about labels: networks that were trained without them, and others that have to agree."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leanpose.cleaning.support import Progress, Support, agreed, joined, support_of
from leanpose.estimator import PoseEstimator
from leanpose.readers import Sample
from leanpose.readers.parts import fold_of

BATCH = 32


def judge(
    samples: Sequence[Sample],
    fold_models: Sequence[str | Path],
    others: Sequence[str | Path] = (),
    engine: str = "auto",
    progress: Progress | None = None,
) -> Support:
    """What is said about people's labels by the network that left their fold out, and agreed to by all others.

    Args:
        fold_models: one for each fold, in their order; each judges the people of its own fold alone.
        others: models that all have to agree. They may have learned from the labels: what one of them still denies
            is the more surely wrong.

    Raises:
        DatasetError: as :func:`leanpose.cleaning.support.support_of`.
        ModelError: when a model cannot be loaded.
    """
    fold = np.array([fold_of(sample, len(fold_models)) for sample in samples])
    held_out = []
    for number, model in enumerate(fold_models):
        people = np.flatnonzero(fold == number)
        if len(people):
            held_out.append((people, ask(model, [samples[i] for i in people.tolist()], engine, progress)))
    return agreed([joined(held_out), *(ask(model, samples, engine, progress) for model in others)])


def ask(
    model: str | Path, samples: Sequence[Sample], engine: str = "auto", progress: Progress | None = None
) -> Support:
    """What one model says, with a flip test where it can have one."""
    estimator = PoseEstimator(model, engine=engine, batch_size=BATCH, detector=None)
    estimator.flip_test = estimator.card.skeleton.flippable
    return support_of(estimator, samples, progress)
