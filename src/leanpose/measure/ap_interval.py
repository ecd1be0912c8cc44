"""How sure AP is: bootstrap over images.

COCO's matching depends on one image alone, so it is done once; a resample only weighs the images. With all weights 1
the result is COCO's AP of all areas.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leanpose.measure.intervals import RESAMPLES, SEED, bootstrap_weights, percentile_interval
from leanpose.pose.oks import oks

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MAX_ANSWERS = 20  # per image, as COCO counts keypoints


def resampled_ap(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    sigmas: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> np.ndarray:
    """AP, from 0 to 1, of each resample of the images; the same seed draws the same images. Empty without people."""
    matches = match_images(ground_truth, results, sigmas)
    images = len(matches.people)
    values = [weighted_ap(matches, weights) for weights in bootstrap_weights(images, resamples, seed)] if images else []
    return np.array(values)


def ap_interval(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    sigmas: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[float, float]:
    """95 % interval of AP, from 0 to 1, of COCO results against COCO annotations; both are NaN without people."""
    return percentile_interval(resampled_ap(ground_truth, results, sigmas, resamples, seed))


@dataclass(frozen=True, eq=False)
class Matches:
    """D answers in falling order of score, at T thresholds of similarity.

    Attributes:
        scores: (D,).
        right, counted: (T, D) whether an answer found a person, and whether it counts at all.
        image: (D,) the number of its image, from 0.
        people: (I,) people to be found, by image.
    """

    scores: np.ndarray
    right: np.ndarray
    counted: np.ndarray
    image: np.ndarray
    people: np.ndarray


@dataclass(frozen=True, eq=False)
class Judged:
    """The D answers of one image in falling order of score, and its G annotations, those that count first.

    Attributes:
        scores: (D,).
        similarity: (D, G).
        ignored, crowd: (G,) whether an annotation does not count, and whether it takes any number of answers.
    """

    scores: np.ndarray
    similarity: np.ndarray
    ignored: np.ndarray
    crowd: np.ndarray


def match_images(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], sigmas: np.ndarray) -> Matches:
    """COCO's greedy matching, image by image."""
    truths, answers = defaultdict(list), defaultdict(list)
    for annotation in ground_truth["annotations"]:
        truths[annotation["image_id"]].append(annotation)
    for result in results:
        answers[result["image_id"]].append(result)
    images = []
    for image in ground_truth["images"]:
        of_image = sorted(truths[image["id"]], key=_ignored)  # people who count are matched first
        best = sorted(answers[image["id"]], key=lambda a: -a["score"])[:MAX_ANSWERS]
        ignored, crowd = (np.array([test(a) for a in of_image], bool) for test in (_ignored, _crowd))
        images.append(Judged(np.array([a["score"] for a in best]), _alike(best, of_image, sigmas), ignored, crowd))
    return collect(images)


def collect(images: Sequence[Judged], thresholds: Sequence[float] | np.ndarray = THRESHOLDS) -> Matches:
    """The matches of all images, at each of the thresholds of similarity."""
    flags = [_match(image, thresholds) for image in images]
    image_of = np.repeat(np.arange(len(images)), [len(image.scores) for image in images])
    scores = np.concatenate([image.scores for image in images])
    order = np.argsort(-scores, kind="stable")
    right, counted = (np.concatenate(parts, axis=1)[:, order] for parts in zip(*flags, strict=True))
    people = np.array([np.sum(~image.ignored) for image in images])
    return Matches(scores[order], right, counted, image_of[order], people)


def weighted_ap(matches: Matches, weights: np.ndarray) -> float:
    """AP where image i is there weights[i] times: precision at 101 recalls, averaged over the thresholds."""
    people = float(weights @ matches.people)
    if not people:
        return float("nan")
    weight = weights[matches.image]
    found = np.cumsum(matches.right * weight, axis=1)
    given = np.cumsum(matches.counted * weight, axis=1)
    precision = np.maximum.accumulate((found / np.maximum(given, 1))[:, ::-1], axis=1)[:, ::-1]
    recall = found / people
    total = 0.0
    for t in range(len(recall)):
        at = np.searchsorted(recall[t], RECALLS, side="left")
        total += precision[t, at[at < recall.shape[1]]].sum()
    return total / (len(recall) * len(RECALLS))


def _ignored(annotation: Mapping[str, Any]) -> bool:
    return bool(annotation.get("iscrowd") or annotation.get("ignore")) or not annotation.get("num_keypoints")


def _crowd(annotation: Mapping[str, Any]) -> bool:
    return bool(annotation.get("iscrowd"))


def _match(image: Judged, thresholds: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flags right and counted (T, D) of one image."""
    shape = (len(thresholds), len(image.scores))
    right, counted = np.zeros(shape, bool), np.ones(shape, bool)
    for t, threshold in enumerate(thresholds):
        taken: set[int] = set()
        for d in range(len(image.scores)):
            best, chosen = min(threshold, 1 - 1e-10), -1
            for g in range(len(image.ignored)):
                if g in taken and not image.crowd[g]:
                    continue
                if chosen >= 0 and image.ignored[g] and not image.ignored[chosen]:
                    break
                if image.similarity[d, g] >= best:
                    best, chosen = image.similarity[d, g], g
            if chosen >= 0:
                taken.add(chosen)
                right[t, d] = counted[t, d] = not image.ignored[chosen]
    return right, counted


def _alike(answers: Sequence[Mapping[str, Any]], truths: Sequence[Mapping[str, Any]], sigmas: np.ndarray) -> np.ndarray:
    """OKS (D, G) of an image's answers and annotations."""
    if not answers or not truths:
        return np.zeros((len(answers), len(truths)))
    points, true = (
        np.array([each["keypoints"] for each in group], dtype=float).reshape(len(group), -1, 3)
        for group in (answers, truths)
    )
    boxes = np.array([truth["bbox"] for truth in truths], dtype=float)
    boxes[:, 2:] += boxes[:, :2]
    areas = np.array([truth["area"] for truth in truths], dtype=float)
    return oks(points[:, None, :, :2], true[..., :2], true[..., 2] > 0, areas, sigmas, boxes)
