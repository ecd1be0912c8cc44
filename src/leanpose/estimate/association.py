"""Who is who: how alike people of two frames are, their best one-to-one assignment, and who is twice in one image."""

from dataclasses import dataclass, replace

import numpy as np

from leanpose.core.errors import MissingExtraError
from leanpose.core.geometry import box_iou
from leanpose.pose.oks import oks
from leanpose.pose.poses import Poses
from leanpose.pose.sigmas import oks_sigmas

FEWEST_JOINTS = 3  # with fewer, a hull or an OKS says nothing about a person, and the box counts alone
MIN_SCORE = 0.3  # joints below are taken as not found
SAME_POSE = 0.8  # OKS from which two poses of one image are the same person's; of people side by side 0.7 was seen
SAME_JOINT = 0.9  # a joint's part of OKS from which two people have it in one place: one spot, looked at twice
# The share of the joints of the one with fewer, from which two who have them in one place are one person. Of people
# whom COCO's sample labels beside each other none have as many, but for some who are labelled twice.
MOSTLY = 2 / 3
FEWEST_SHARED = 2  # joints in one place, a limb, from which one of two people is taken to have been given the other's
GROWTH = 0.15  # of the longer side of the joints' hull: ankles and nose lie inside a person's extent


@dataclass(frozen=True, eq=False)
class Bodies:
    """What people are compared by.

    Attributes:
        keypoints: (P, K, 2) float64 pixels, anything where not known.
        known: (P, K) bool, the joints that may be trusted.
        boxes: (P, 4) the people's extents as :func:`extents` gives them.
    """

    keypoints: np.ndarray
    known: np.ndarray
    boxes: np.ndarray


def bodies(poses: Poses, min_score: float = MIN_SCORE) -> Bodies:
    """What the people of an image are compared by; joints below ``min_score`` are not known."""
    known = (poses.scores >= min_score) & np.isfinite(poses.keypoints).all(axis=-1)
    return Bodies(poses.keypoints.astype(float), known, extents(poses.keypoints, known, poses.boxes))


def extents(keypoints: np.ndarray, known: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Boxes (P, 4) around the known joints: their hull, all sides moved out by half of ``GROWTH`` of the longer one.

    Args:
        keypoints: (P, K, 2) pixels.
        known: (P, K) bool.
        boxes: (P, 4) taken for people with fewer than ``FEWEST_JOINTS`` known joints, or all of them in one place.
    """
    points, used = keypoints.astype(float), known[..., None]
    low = points.min(axis=1, where=used, initial=np.inf)
    high = points.max(axis=1, where=used, initial=-np.inf)
    margin = GROWTH / 2 * (high - low).max(axis=1, keepdims=True)
    usable = (known.sum(axis=1) >= FEWEST_JOINTS)[:, None] & (margin > 0)
    return np.where(usable, np.concatenate((low - margin, high + margin), axis=1), boxes)


def similarity(earlier: Bodies, later: Bodies, sigmas: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """How alike (E, L) people of an earlier and a later frame are, from 0 to 1: the mean of OKS and box overlap.

    OKS is taken over the joints that both know, with the mean of the two boxes as the area; people who share fewer
    than ``FEWEST_JOINTS`` are compared by their boxes alone.

    Args:
        earlier, later: E and L people.
        sigmas: (K,) of the joints.
        drift: (E,) by how much of the root of its area a person may have strayed since it was seen; OKS forgives as
            much, by adding it to 2 sigma as independent errors add.
    """
    shared = earlier.known[:, None] & later.known
    areas = [(bodies.boxes[:, 2:] - bodies.boxes[:, :2]).prod(axis=1) for bodies in (earlier, later)]
    tolerance = np.hypot(sigmas, drift[:, None] / 2)[:, None]
    mean_area = (areas[0][:, None] + areas[1]) / 2
    of_joints = oks(later.keypoints, earlier.keypoints[:, None], shared, mean_area, tolerance)
    of_boxes = box_iou(earlier.boxes[:, None], later.boxes)
    return np.where(shared.sum(axis=-1) >= FEWEST_JOINTS, (of_joints + of_boxes) / 2, of_boxes)


def distinct(people: Bodies, strength: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Which people (P,) of one image stay where several are the same: the strongest, of equals the first.

    Two are the same from an OKS of ``SAME_POSE`` over the joints that both know, which have to be ``FEWEST_JOINTS`` and
    half of those that the one knows who knows fewer; or where ``MOSTLY`` of those, and ``FEWEST_JOINTS``, are in one
    place (:func:`in_one_place`), however far apart the others are.

    Args:
        people: P people.
        strength: (P,).
        sigmas: (K,) of the joints.
    """
    shared = people.known[:, None] & people.known
    counts, most = shared.sum(axis=-1), people.known.sum(axis=-1)
    areas = _mean_areas(people)
    alike = np.zeros(areas.shape)
    for one, joints in enumerate(people.keypoints):  # in rows: of 500 people all at once would be half a gigabyte
        alike[one] = oks(joints, people.keypoints, shared[one], areas[one], sigmas)
    fewer, fewest = np.minimum(most[:, None], most), min(FEWEST_JOINTS, len(sigmas))
    same = (counts >= np.maximum(fewer / 2, fewest)) & (np.nan_to_num(alike) >= SAME_POSE)
    same |= in_one_place(people, sigmas).sum(axis=-1) >= np.maximum(MOSTLY * fewer, fewest)
    stay = np.zeros(len(strength), dtype=bool)
    for person in np.argsort(-strength, kind="stable"):
        stay[person] = not same[person, stay].any()
    return stay


def _mean_areas(people: Bodies) -> np.ndarray:
    """(P, P) square pixels."""
    areas = (people.boxes[:, 2:] - people.boxes[:, :2]).prod(axis=1)
    return (areas[:, None] + areas) / 2


def in_one_place(people: Bodies, sigmas: np.ndarray) -> np.ndarray:
    """Which joints (P, P, K) two people both know and have in one place: OKS over that joint alone is ``SAME_JOINT``.

    Args:
        people: P people of one image.
        sigmas: (K,) of the joints.
    """
    places = np.where(people.known[..., None], people.keypoints, np.nan)
    most = -2 * np.log(SAME_JOINT) * _mean_areas(people)[..., None] * (2 * sigmas) ** 2
    same = np.zeros(most.shape, dtype=bool)
    for one, joints in enumerate(places):  # NaN, which is not below, where one is not known
        same[one] = ((joints - places) ** 2).sum(axis=-1) <= most[one]
    return same


def taken_joints(people: Bodies, claims: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Which joints (P, K) are somebody else's: two people have a limb in one place, the other with a higher claim.

    That is so where two people have ``FEWEST_SHARED`` joints or more in one place (:func:`in_one_place`), but not
    so many that they are one person (:func:`distinct`). Of equal claims the earlier person's is the higher one.

    Args:
        people: P people of one image.
        claims: (P, K) how much a joint there is theirs, such as its score; compared by the mean over the limb.
        sigmas: (K,) of the joints.
    """
    same = in_one_place(people, sigmas)
    counts, most = same.sum(axis=-1), people.known.sum(axis=-1)
    partly = (counts >= FEWEST_SHARED) & (counts < np.maximum(MOSTLY * np.minimum(most[:, None], most), FEWEST_JOINTS))
    taken = np.zeros(people.known.shape, dtype=bool)
    for first, second in np.argwhere(np.triu(partly, 1)):
        limb = same[first, second]
        loser = second if claims[first, limb].mean() >= claims[second, limb].mean() else first
        taken[loser] |= limb
    return taken


def without_taken(poses: Poses) -> Poses:
    """The poses, joints that are somebody else's (:func:`taken_joints`, claims being the scores) scored 0.

    They keep their place: the person's own joint is not known, and most likely hidden about there.
    """
    if len(poses) < 2:
        return poses
    taken = taken_joints(bodies(poses), poses.scores, oks_sigmas(poses.skeleton)[0])
    return replace(poses, scores=np.where(taken, 0, poses.scores)) if taken.any() else poses


def without_doubles(poses: Poses) -> np.ndarray:
    """Which people (P,) stay of those in the boxes of a detector, two of which may lead to one person.

    See :func:`distinct`. The strength is the box's score times the mean of all the joints' scores, so that the more
    complete one stays. Sigmas are those of :func:`leanpose.pose.sigmas.oks_sigmas`.
    """
    if len(poses) < 2:
        return np.ones(len(poses), dtype=bool)
    return distinct(bodies(poses), poses.box_scores * poses.scores.mean(axis=1), oks_sigmas(poses.skeleton)[0])


def assign(likeness: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of the one-to-one assignment with the largest sum of likeness (R, C), none below ``least``.

    Raises:
        MissingExtraError: without scipy.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "video") from error
    allowed = np.where(likeness >= least, likeness, 0)
    pairs = zip(*linear_sum_assignment(allowed, maximize=True), strict=True)
    return [(int(row), int(column)) for row, column in pairs if allowed[row, column] > 0]
