"""Sequences of stick figures that walk along known paths, and what a detector and a pose network would say of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leanpose.core.geometry import box_iou
from leanpose.estimate.association import extents
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, Skeleton

IMAGE_HW = (720, 1280)
# x, y in body heights of a person seen from the front, feet at 0, y down; limbs swing about hips and shoulders
_BODY = {
    "head_top": (0, -1.0), "nose": (0, -0.92), "left_eye": (0.02, -0.94), "right_eye": (-0.02, -0.94),
    "left_ear": (0.04, -0.93), "right_ear": (-0.04, -0.93), "neck": (0, -0.83), "thorax": (0, -0.8),
    "pelvis": (0, -0.5), "left_shoulder": (0.1, -0.8), "right_shoulder": (-0.1, -0.8),
    "left_hip": (0.06, -0.5), "right_hip": (-0.06, -0.5),
}  # fmt: skip
_LIMBS = (("shoulder", "elbow", "wrist", 0.17, 1), ("hip", "knee", "ankle", 0.24, -1))


def figure(skeleton: Skeleton, phase: float, swing: float = 0.5) -> np.ndarray:
    """Joints (K, 2) in body heights, at a phase of the stride; ``swing`` radians is how far the limbs go."""
    places = {name: np.array(place, float) for name, place in _BODY.items()}
    for first, second, third, length, direction in _LIMBS:
        for side, sign in (("left", 1), ("right", -1)):
            angle = direction * sign * swing * np.sin(phase)
            bone = length * np.array([np.sin(angle), np.cos(angle)])
            places[f"{side}_{second}"] = places[f"{side}_{first}"] + bone
            places[f"{side}_{third}"] = places[f"{side}_{second}"] + bone
    return np.array([places[joint] for joint in skeleton.joints])


def walk(
    times: np.ndarray, feet: np.ndarray, height: float = 200, phase: float = 0, swing: float = 0.5,
    skeleton: Skeleton = COCO17,
) -> np.ndarray:  # fmt: skip
    """Joints (T, K, 2) of a person whose feet are at (T, 2) pixels, with one stride a second."""
    return np.array(
        [f + height * figure(skeleton, phase + 2 * np.pi * t, swing) for t, f in zip(times, feet, strict=True)]
    )


def boxes_around(people: np.ndarray) -> np.ndarray:
    """Boxes (P, 4) around joints (P, K, 2)."""
    return extents(people, np.ones(people.shape[:2], bool), np.zeros((len(people), 4)))


def make_poses(
    people: np.ndarray, scores: float | np.ndarray = 0.9, skeleton: Skeleton = COCO17, ids: Sequence[int] | None = None,
) -> Poses:  # fmt: skip
    """Poses of joints (P, K, 2) with boxes around them."""
    people = np.asarray(people, float).reshape(-1, len(skeleton), 2)
    return Poses(
        people, np.broadcast_to(scores, people.shape[:2]), boxes_around(people), np.full(len(people), 0.9),
        skeleton, IMAGE_HW, None if ids is None else np.array(ids, dtype=int),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """People over time. ``truth`` (T, P, K, 2) are their joints, ``visible`` (T, P) whether they are seen at all.

    ``hidden`` (T, P, K), where it is known, says which joints are covered: a network guesses them, with low scores.
    """

    times: np.ndarray
    truth: np.ndarray
    visible: np.ndarray
    skeleton: Skeleton = COCO17
    hidden: np.ndarray | None = None

    @classmethod
    def of(cls, times: np.ndarray, people: Sequence[np.ndarray], skeleton: Skeleton = COCO17) -> "Scene":
        """People (T, K, 2) each, the first standing in front: who is mostly behind somebody is not seen."""
        truth = np.stack(people, axis=1)
        visible = np.ones(truth.shape[:2], bool)
        for t, joints in enumerate(truth):
            boxes = boxes_around(joints)
            for behind in range(1, len(boxes)):
                visible[t, behind] = not (box_iou(boxes[:behind], boxes[behind]) > 0.4).any()
        return cls(times, truth, visible, skeleton)

    def heights(self, t: int) -> np.ndarray:
        """(P,) longer sides of the people's boxes."""
        boxes = boxes_around(self.truth[t])
        return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)

    def seen(
        self, t: int, rng: np.random.Generator, noise: float = 0.01, drop: float = 0.0
    ) -> tuple[Poses, np.ndarray]:
        """What is found in a frame, in any order, and who (P,) it is: joints off by ``noise`` body lengths, people
        left out with probability ``drop``."""
        who = rng.permutation(np.flatnonzero(self.visible[t] & (rng.random(self.truth.shape[1]) >= drop)))
        return make_poses(self._noisy(t, who, rng, noise), self._scores(t, who), skeleton=self.skeleton), who

    def detect(self, t: int, rng: np.random.Generator, drop: float = 0.0) -> np.ndarray:
        """A detector's boxes (D, 5)."""
        who = rng.permutation(np.flatnonzero(self.visible[t] & (rng.random(self.truth.shape[1]) >= drop)))
        boxes = boxes_around(self.truth[t, who])
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        return np.column_stack((boxes + 0.03 * sides * rng.normal(size=boxes.shape), np.full(len(who), 0.8)))

    def estimate(
        self, t: int, boxes: np.ndarray, rng: np.random.Generator, noise: float = 0.01
    ) -> tuple[Poses, np.ndarray]:
        """A pose network's answer for boxes (P, 4 or 5), and who (P,) is in each: the visible person that fills it
        best, or -1 and joints anywhere with scores near 0."""
        shown = np.flatnonzero(self.visible[t])
        overlap = box_iou(boxes[:, None, :4], boxes_around(self.truth[t, shown]))
        who = np.full(len(boxes), -1)
        if len(shown):
            who = np.where(overlap.max(axis=1) > 0.3, shown[overlap.argmax(axis=1)], -1)
        anywhere = rng.uniform(boxes[:, None, :2], boxes[:, None, 2:4], (len(boxes), len(self.skeleton), 2))
        joints = np.where((who >= 0)[:, None, None], self._noisy(t, who, rng, noise), anywhere)
        scores = np.where((who >= 0)[:, None], self._scores(t, who), 0.1)
        return Poses(joints, scores, boxes[:, :4], boxes[:, 4], self.skeleton, IMAGE_HW), who

    def _noisy(self, t: int, who: np.ndarray, rng: np.random.Generator, noise: float | np.ndarray) -> np.ndarray:
        joints = self.truth[t, who]
        if self.hidden is not None:
            noise = noise * np.where(self.hidden[t, who], 5, 1)[..., None]
        return joints + noise * self.heights(t)[who][:, None, None] * rng.normal(size=joints.shape)

    def _scores(self, t: int, who: np.ndarray) -> np.ndarray:
        """(P, K)"""
        scores = np.full((len(who), len(self.skeleton)), 0.9)
        return scores if self.hidden is None else np.where(self.hidden[t, who], 0.15, scores)


def scenes(times: np.ndarray, skeleton: Skeleton = COCO17) -> dict[str, Scene]:
    """One to five people, by what happens to them; the paths go by ``times`` and last about ten seconds."""
    still = np.ones_like(times)
    s = times - times[0]

    def path(x: np.ndarray, y: np.ndarray, height: float = 200, phase: float = 0) -> np.ndarray:
        return walk(s, np.stack((x, y), axis=1), height, phase, skeleton=skeleton)

    crossing = [path(150 + 100 * s, 600 * still), path(1150 - 100 * s, 570 * still, 190, 1)]
    one = Scene.of(times, [path(300 + 60 * s, 500 + 20 * s)], skeleton)
    behind = Scene.of(times, [path(640 * still, 640 * still, 260), path(220 + 120 * s, 600 * still, 200, 2)], skeleton)
    circle = [path(640 + 350 * np.sin(0.6 * s + k), 560 + 60 * np.cos(0.6 * s + k), 150 + 25 * k, k) for k in range(3)]
    crowd = [
        path(640 + (-1) ** k * (100 * (s - 3 - k) + 10 * k), (460 + 50 * k) * still, 150 + 25 * k, k) for k in range(5)
    ][::-1]
    leaving = Scene.of(times, [path(200 + 40 * s, 600 * still), path(900 * still, 600 * still)], skeleton)
    leaving.visible[:, 1] &= (s > 2) & (s < 6)
    return {
        "one": one, "crossing": Scene.of(times, crossing, skeleton), "behind": behind,
        "circle": Scene.of(times, circle, skeleton), "crowd": Scene.of(times, crowd, skeleton), "leaving": leaving,
    }  # fmt: skip


def even_times(frames: int = 300, rate: float = 30) -> np.ndarray:
    return np.arange(frames) / rate


def uneven_times(rng: np.random.Generator, frames: int = 300, rate: float = 30) -> np.ndarray:
    """Steps between half and one and a half of the usual, as a webcam in changing light gives them."""
    return np.cumsum(rng.uniform(0.5, 1.5, frames)) / rate
