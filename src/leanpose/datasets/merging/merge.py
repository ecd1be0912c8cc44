"""The merge itself: first what becomes of people, then of their joints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging.rules import OUTCOMES, VERDICTS, Merged, Outcome, Rules
from leanpose.datasets.merging.teachers import Teachers
from leanpose.datasets.merging.word import Word
from leanpose.datasets.readers import Sample, map_sample
from leanpose.pose.joint_groups import JOINT_GROUPS
from leanpose.pose.skeleton import SKELETONS, Skeleton

MOST_WORDS = 2


@dataclass(frozen=True, eq=False)
class _Labels:
    """Of N people with K joints: places (N, K, 2), NaN where not labelled, and how far (N, K) they are believed."""

    places: np.ndarray
    believed: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(N, K)"""
        return np.isfinite(self.places[..., 0])

    def reordered(self, order: np.ndarray) -> "_Labels":
        """With the label of joint ``order[i, k]`` for joint k."""
        return _Labels(
            np.take_along_axis(self.places, order[..., None], axis=1), np.take_along_axis(self.believed, order, axis=1)
        )


def merge(
    samples: Sequence[Sample],
    words: Sequence[Word],
    rules: Rules,
    skeleton: Skeleton,
    trusted: np.ndarray | None = None,
) -> Merged:
    """What becomes of the labels of N people.

    Args:
        words: none, one or two on these people, in their order.
        skeleton: names the joints of the result; it has all those of the people, see :func:`common_skeleton`.
        trusted: (N,) whose labels stay, whatever the teachers say; nobody's if not given.

    Raises:
        DatasetError: for more than two words, words on other numbers of people, or people with a joint that
            ``skeleton`` lacks.
    """
    if len(words) > MOST_WORDS:
        raise DatasetError(f"{len(words)} words: the rules are for one or two teachers")
    if any(len(word) != len(samples) for word in words):
        raise DatasetError(f"words on {[len(word) for word in words]} people for {len(samples)}: read them for these")
    labels, own = _labels(samples, skeleton)
    count = len(samples)
    outcomes = np.where(labels.known, OUTCOMES.index("untouched"), OUTCOMES.index("unlabelled"))
    nobody = np.zeros(count, dtype=bool)
    as_they_are = Merged(
        skeleton, labels.places, labels.believed, outcomes, np.full(count, VERDICTS.index("no word")), nobody,
        np.full(outcomes.shape, np.nan),
    )  # fmt: skip
    if not words or not samples:
        return as_they_are
    boxes = np.stack([sample.box for sample in samples])
    with np.errstate(invalid="ignore", divide="ignore"):  # what is not known is NaN, and near nothing
        teachers = Teachers(words, skeleton, boxes)
        verdicts, swapped = _people(labels, teachers, rules, skeleton, nobody if trusted is None else trusted)
        if skeleton.flippable:
            same = np.arange(len(skeleton))
            labels = labels.reordered(np.where(swapped[:, None], skeleton.flip_permutation, same))
        changing = (verdicts == VERDICTS.index("merged"))[:, None]
        if trusted is not None:
            changing = changing & ~(own & trusted[:, None])
        found = replace(as_they_are, verdicts=verdicts, swapped=swapped, away=teachers.away(labels.places))
        return _joints(found, labels, teachers, rules, changing, boxes)


def common_skeleton(samples: Sequence[Sample], words: Sequence[Word] = ()) -> Skeleton:
    """The skeleton to merge in: the smallest built-in one with all joints of the people and words, or the people's.

    Raises:
        DatasetError: when there is nobody, or no built-in skeleton has all joints of people with several skeletons.
    """
    theirs = list(dict.fromkeys(sample.skeleton for sample in samples))
    joints = {joint for skeleton in theirs for joint in skeleton.joints}
    for wanted in (joints.union(*(word.skeleton.joints for word in words)), joints):
        if len(theirs) == 1 and wanted == joints:
            return theirs[0]
        able = [skeleton for skeleton in SKELETONS.values() if wanted <= set(skeleton.joints)]
        if able:
            return min(able, key=len)
    names = ", ".join(skeleton.name for skeleton in theirs) or "nobody"
    raise DatasetError(f"no built-in skeleton has all joints of {names}: merge the datasets one by one")


def of_face(skeleton: Skeleton) -> np.ndarray:
    """(K,) which joints are of the face."""
    bare = [joint.removeprefix("left_").removeprefix("right_") for joint in skeleton.joints]
    return np.array([joint in JOINT_GROUPS["face"] for joint in bare])


def _labels(samples: Sequence[Sample], skeleton: Skeleton) -> tuple[_Labels, np.ndarray]:
    """The labels, and (N, K) which joints the people's own skeletons have."""
    shape = (len(samples), len(skeleton))
    places, believed, own = np.full((*shape, 2), np.nan), np.ones(shape), np.zeros(shape, dtype=bool)
    for i, sample in enumerate(samples):
        mapped = map_sample(sample, skeleton) if set(sample.skeleton.joints) <= set(skeleton.joints) else None
        if mapped is None:
            raise DatasetError(f"{sample.name}: {skeleton.name} does not have all joints of {sample.skeleton.name}")
        places[i, mapped.labelled] = mapped.keypoints[mapped.labelled]
        believed[i] = 1.0 if mapped.confidence is None else mapped.confidence
        own[i] = [joint in sample.skeleton.joints for joint in skeleton.joints]
    return _Labels(places, believed), own


def _people(
    labels: _Labels, teachers: Teachers, rules: Rules, skeleton: Skeleton, trusted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts (N,), and (N,) whose sides are exchanged."""
    judged = teachers.agree(rules.sure, rules.agree) & ~of_face(skeleton)
    said = np.isfinite(teachers.persons).all(axis=0)
    sure = (teachers.persons >= rules.person).all(axis=0) & (judged.sum(axis=1) >= rules.fewest)
    swapped = np.zeros(len(labels.places), dtype=bool)
    if skeleton.flippable:
        mirrored = labels.places[:, skeleton.flip_permutation]
        swapped = said & sure & ~trusted & _mirrored_fit(labels.places, mirrored, judged, teachers, rules)
        places = np.where(swapped[:, None, None], mirrored, labels.places)
    else:
        places = labels.places
    labelled = judged & np.isfinite(places[..., 0])
    number = labelled.sum(axis=1)
    far = (labelled & (teachers.away(places) > rules.other)).sum(axis=1)
    other = (far > rules.other_share * number) | (number < rules.fewest_labels)
    verdicts = np.select([~said, ~sure, other], [1, 2, 3], 0)
    return verdicts, swapped & (verdicts == 0)


def _mirrored_fit(
    places: np.ndarray, mirrored: np.ndarray, judged: np.ndarray, teachers: Teachers, rules: Rules
) -> np.ndarray:
    """(N,) whose labels fit the teachers with sides exchanged and not as they are, where both sides are labelled."""
    compared = judged & np.isfinite(places[..., 0]) & np.isfinite(mirrored[..., 0])
    number = compared.sum(axis=1)
    fit, stay = (((teachers.away(p) <= rules.swap) & compared).sum(axis=1) for p in (mirrored, places))
    return (number >= rules.fewest) & (fit > rules.swap_share * number) & (stay < rules.stay_share * number)


def _joints(
    found: Merged, labels: _Labels, teachers: Teachers, rules: Rules, changing: np.ndarray, boxes: np.ndarray
) -> Merged:
    """The outcome of each joint, where ``changing`` (N, K) allows one."""
    face = of_face(found.skeleton)
    labelled, two = labels.known, len(teachers) > 1
    agreed = teachers.agree(rules.sure, rules.agree) & two
    near = teachers.near(labels.places, rules.near)
    denied = teachers.surer(rules.deny).any(axis=0)
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    outside = np.maximum(low - teachers.mean, teachers.mean - high).max(axis=-1)
    surest = np.where(
        face,
        teachers.agree(rules.add_face, rules.agree_face),
        teachers.agree(rules.add, rules.agree) & agreed,
    )
    added = changing & ~labelled & surest & two & (outside <= rules.reach * (high - low).max(axis=-1))
    moving = changing & labelled & ~face & np.isfinite(teachers.places[..., 0]).any(axis=0)
    names: list[tuple[Outcome, np.ndarray]] = [
        ("added", added),
        ("both", moving & near.all(axis=0) & two),
        ("first", moving & near[0]),
        ("second", moving & near[-1]),
        ("overruled", moving & agreed),
        ("dropped", moving & denied),
        ("unsure", moving),
    ]
    outcomes = np.select(
        [where for _, where in names],
        [OUTCOMES.index(name) for name, _ in names],
        np.where(labelled, OUTCOMES.index("untouched"), OUTCOMES.index("unlabelled")),
    )
    merged = replace(found, outcomes=outcomes)
    return replace(merged, **_places(merged, labels, teachers, near))


def _places(merged: Merged, labels: _Labels, teachers: Teachers, near: np.ndarray) -> dict[str, np.ndarray]:
    """Where the joints are then, and how far they are believed."""
    confirmed = merged.came_to("both") | merged.came_to("first") | merged.came_to("second")
    voices = near & confirmed
    number = voices.sum(axis=0)
    sums = np.where(voices[..., None], teachers.places, 0).sum(axis=0)
    theirs = np.where(voices, teachers.confidence, 0).sum(axis=0) / np.maximum(number, 1)
    of_both = merged.came_to("overruled") | merged.came_to("added")
    places = np.select(
        [confirmed[..., None], of_both[..., None], merged.came_to("dropped")[..., None]],
        [(labels.places + sums) / (1 + number)[..., None], teachers.mean, np.nan],
        labels.places,
    )
    believed = np.select(
        [confirmed, of_both], [np.maximum(labels.believed, theirs), teachers.confidence.mean(axis=0)], labels.believed
    )
    return {"keypoints": places, "confidence": believed}
