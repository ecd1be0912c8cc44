"""Predictions in the files that benchmarks take."""

import io
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError, MissingExtraError
from leanpose.core.files import write_whole
from leanpose.datasets.readers import Sample
from leanpose.measure.estimation import Estimates, image_key
from leanpose.measure.evaluation import Evaluation
from leanpose.measure.results import coco_results
from leanpose.pose.formats import write_csv
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14, MPII16

FORMATS = (".json", ".csv", ".mat")


def check_submission(path: Path) -> None:
    """Refuse a file name whose format is not known, before the work starts.

    Raises:
        DatasetError: when the name ends in none of :data:`FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise DatasetError(
            f"{path}: a submission is COCO results (.json), joints as a table (.csv) or MPII's or LSP's array (.mat)"
        )


def write_submission(evaluation: Evaluation, samples: Sequence[Sample], path: Path) -> None:
    """Write the answers behind an evaluation, in the format that the ending of the file's name says.

    ======  ==========================================================================================================
    .json   COCO keypoint results: one entry per answer, for detected boxes after OKS NMS, with its rescored score
    .csv    one line per joint, as :func:`leanpose.pose.formats.write_csv` writes it
    .mat    MPII: ``preds`` (N, 16, 2) as HRNet's evaluation code reads it; LSP: ``joints`` (3, 14, N) as the dataset's
            own file, beside ``scores`` (14, N). Both in MATLAB pixels, the first of which is 1, and with one entry for
            each of the ``samples``: NaN for those that could not be used.
    ======  ==========================================================================================================

    Args:
        samples: the people that were asked for, in the benchmark's order.

    Raises:
        DatasetError: for another ending, a .mat file of another skeleton, or a file that cannot be written.
    """
    check_submission(path)
    answers, write = evaluation.answers, path.suffix.lower()
    if write == ".json":
        ids = [sample.name if sample.image_id is None else sample.image_id for sample in answers.samples]
        entries = coco_results(answers, evaluation.person_scores, ids)
        write_whole(path, json.dumps(entries, allow_nan=False).encode(), DatasetError)
    elif write == ".csv":
        write_csv(_by_image(answers, evaluation.person_scores), path)
    else:
        write_whole(path, _matlab(answers, samples, path), DatasetError)


def _by_image(answers: Estimates, person_scores: np.ndarray) -> list[Poses]:
    """One Poses per image, in the joints of the data."""
    numbers = sorted(range(len(answers.samples)), key=_first_seen(answers.samples))
    images = []
    for _, members in groupby(numbers, key=lambda i: image_key(answers.samples[i])):
        people = list(members)
        first = answers.samples[people[0]]
        images.append(
            Poses(
                answers.predicted[people], answers.scores[people].clip(0, 1),
                np.concatenate([answers.poses[i].boxes for i in people]), person_scores[people].clip(0, 1),
                first.skeleton, answers.poses[people[0]].image_hw,
                source=first.image.name if isinstance(first.image, Path) else first.name,
            )
        )  # fmt: skip
    return images


def _first_seen(samples: Sequence[Sample]) -> Callable[[int], int]:
    seen: dict[Any, int] = {}
    for i, sample in enumerate(samples):
        seen.setdefault(image_key(sample), i)
    return lambda i: seen[image_key(samples[i])]


def _matlab(answers: Estimates, samples: Sequence[Sample], path: Path) -> bytes:
    try:
        from scipy.io import savemat
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "train") from error
    skeleton = samples[0].skeleton
    if skeleton.joints not in (MPII16.joints, LSP14.joints):
        raise DatasetError(f"{path}: only MPII and LSP take .mat files, and these joints are {skeleton.name}'s: .json")
    row = {id(sample): i for i, sample in enumerate(samples)}
    rows = [row[id(sample)] for sample in answers.samples]
    preds_NK2 = np.full((len(samples), len(skeleton), 2), np.nan)
    scores_NK = np.zeros((len(samples), len(skeleton)))
    preds_NK2[rows], scores_NK[rows] = answers.predicted + 1, answers.scores  # MATLAB's first pixel is 1
    if skeleton.joints == MPII16.joints:
        arrays = {"preds": preds_NK2}
    else:
        joints_3KN = np.zeros((3, *scores_NK.T.shape))  # the third row marks occluded joints: none
        joints_3KN[:2] = np.moveaxis(preds_NK2, 0, -1).swapaxes(0, 1)
        arrays = {"joints": joints_3KN, "scores": scores_NK.T}
    content = io.BytesIO()
    savemat(content, arrays)
    return content.getvalue()
