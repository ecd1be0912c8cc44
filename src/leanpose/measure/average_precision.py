"""OKS AP and AR of a model's answers: scores of people, OKS NMS, labels as COCO's, and the figures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.coco import AREA_OF_BOX
from leanpose.measure.ap_interval import resampled_ap
from leanpose.measure.estimation import Estimates, image_key
from leanpose.measure.figures import Figure
from leanpose.measure.interface import Crop
from leanpose.measure.metrics.coco_ap import coco_ap
from leanpose.measure.protocols import are_detections
from leanpose.measure.results import coco_results, ground_truth_from, judged_part, person_area
from leanpose.pose.oks import oks, oks_nms, rescored
from leanpose.pose.sigmas import oks_sigmas

MATCHING_OKS = 0.1  # below it an answer is about somebody else


@dataclass(frozen=True, eq=False)
class Precision:
    """AP and AR, and the answers behind them.

    Attributes:
        figures: in percent, AP first.
        resampled: AP in percent of each resample of images.
        answers: those that were measured.
        person_scores: of the answers.
        protocol: scores, NMS, areas and sigmas in words.
    """

    figures: list[Figure]
    resampled: np.ndarray
    answers: Estimates
    person_scores: np.ndarray
    protocol: str


def measure_precision(
    estimates: Estimates,
    card: Crop,
    nms: float,
    min_joint_score: float,
    ground_truth: Mapping[str, Any] | None = None,
) -> Precision:
    """AP and AR of the answers.

    Args:
        nms: for answers from detected boxes, see :class:`leanpose.measure.Options`; annotated boxes need none.
        ground_truth: COCO annotations of all images, as a dict; those of the samples if not given.

    Raises:
        DatasetError: when nobody has a labelled joint that the model knows, or a sample's image is not annotated.
    """
    skeleton = estimates.samples[0].skeleton
    sigmas, sigmas_in_words = oks_sigmas(skeleton)
    detected = are_detections(estimates.samples)
    scores = rescored(estimates.scores, box_scores(estimates), min_joint_score)
    words = [f"scored by joints over {min_joint_score:g}"]
    if detected:
        kept = _survivors(estimates, scores, card, nms, sigmas)
        estimates, scores = estimates.select(kept), scores[kept]
        words.append(f"OKS NMS {nms:g}")
    ids: Sequence[Any]
    unread: frozenset[Any] = frozenset()
    if ground_truth is None:
        ground_truth, ids = ground_truth_from(estimates.samples)
        own = sum(sample.area is not None for sample in estimates.samples)
        words.append(f"areas {'of the labels' if own == len(ids) else f'{AREA_OF_BOX:g} of the box'}")
    else:
        ids = [sample.image_id for sample in estimates.samples]
        unread = frozenset(estimates.unreadable.values())
        words.append("areas of the annotations")
    truth = judged_part(ground_truth, estimates.judged, unread)
    if not any(annotation["num_keypoints"] for annotation in truth["annotations"]):
        raise DatasetError("nothing to evaluate: nobody has a labelled joint that the model knows")
    results = coco_results(estimates, scores, ids, truth["annotations"][0]["category_id"])
    figures = [Figure(key.lower(), key, 100 * value) for key, value in coco_ap(truth, results, sigmas).items()]
    resampled = 100 * resampled_ap(truth, results, sigmas)
    return Precision(figures, resampled, estimates, scores, ", ".join((*words, sigmas_in_words)))


def match_people(people: Sequence[Sample], answers: Estimates, person_scores: np.ndarray) -> list[int | None]:
    """For each labelled person the number of the answer that found it, or None.

    Answers choose by falling score, each the free person of its image with the largest OKS.
    """
    sigmas, _ = oks_sigmas(people[0].skeleton)
    of_image: dict[Any, list[int]] = defaultdict(list)
    for i, person in enumerate(people):
        of_image[image_key(person)].append(i)
    true = np.stack([person.keypoints for person in people])
    labelled = np.stack([person.labelled for person in people]) & answers.judged
    areas = np.array([person_area(person) for person in people])
    found: list[int | None] = [None] * len(people)
    for answer in np.argsort(-person_scores, kind="stable"):
        free = [i for i in of_image[image_key(answers.samples[answer])] if found[i] is None]
        if not free:
            continue
        alike = np.nan_to_num(oks(answers.predicted[answer], true[free], labelled[free], areas[free], sigmas))
        if alike.max() >= MATCHING_OKS:
            found[free[int(alike.argmax())]] = int(answer)
    return found


def box_scores(estimates: Estimates) -> np.ndarray:
    """Scores (N,) of the boxes; 1 for annotated ones."""
    return np.array([sample.box_score for sample in estimates.samples])


def _survivors(
    estimates: Estimates, scores: np.ndarray, card: Crop, threshold: float, sigmas: np.ndarray
) -> np.ndarray:
    """Numbers of the answers that OKS NMS leaves, image by image, in their order."""
    of_image: dict[Any, list[int]] = defaultdict(list)
    for i, sample in enumerate(estimates.samples):
        of_image[image_key(sample)].append(i)
    boxes = np.stack([sample.box for sample in estimates.samples])
    areas = _crop_areas(boxes, card)
    judged = estimates.judged
    kept = [
        np.array(members)[
            oks_nms(estimates.predicted[members][:, judged], scores[members], areas[members], sigmas[judged], threshold)
        ]
        for members in of_image.values()
    ]
    return np.sort(np.concatenate(kept))


def _crop_areas(boxes: np.ndarray, card: Crop) -> np.ndarray:
    """Square pixels (N,) that the crops of boxes (N, 4) show: the areas of HRNet's OKS NMS."""
    aspect = card.input_hw[1] / card.input_hw[0]
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return np.maximum(width, height * aspect) * np.maximum(height, width / aspect) * card.padding**2
