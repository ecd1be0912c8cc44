"""Sequences rendered from stills: people cut out along their joints, moved along known paths over a background.

What is true is known for every frame: joints, boxes, who stands in front of whom, and which joints are covered. The
people are cut from photographs where there are some, or are figures with a texture of noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from leanpose.core.geometry import image_box
from leanpose.pose.skeleton import LSP14, Skeleton

from .moving import IMAGE_HW, Scene, even_times, figure

SIDE = 260  # pixels of a cutout's longer side, about the size in which people appear
_WIDE = (IMAGE_HW[1] + 400, IMAGE_HW[0])
_THICK = {"knee": 0.30, "ankle": 0.24, "elbow": 0.22, "wrist": 0.20}  # limbs by the joint at the end, in torso lengths


@dataclass(frozen=True, eq=False)
class Cutout:
    """A person: colours (H, W, 3), how much of each pixel is theirs (H, W) in 0..1, joints (K, 2)."""

    pixels: np.ndarray
    alpha: np.ndarray
    joints: np.ndarray

    @property
    def feet(self) -> np.ndarray:
        """The point (2,) that stands where a path says: below the joints' middle, at the lowest one."""
        return np.array([(self.joints[:, 0].min() + self.joints[:, 0].max()) / 2, self.joints[:, 1].max()])


def cut_out(image: np.ndarray, joints: np.ndarray, skeleton: Skeleton = LSP14) -> Cutout:
    """The person with these joints (K, 2): limbs, trunk and head as thick as a body's, with soft edges."""
    at = {name: joints[i] for i, name in enumerate(skeleton.joints)}
    trunk = np.array([at[j] for j in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")])
    torso = max(np.linalg.norm(trunk[:2].mean(axis=0) - trunk[2:].mean(axis=0)), 0.25 * np.ptp(joints, axis=0).max())
    mask = np.zeros(image.shape[:2], np.uint8)

    def thick(points: Sequence[np.ndarray], width: float) -> None:
        ends = np.round(points).astype(np.int32)
        cv2.polylines(mask, [ends], False, 255, max(round(width * torso), 1), cv2.LINE_AA)

    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(trunk).astype(np.int32)), 255)
    thick([*trunk, trunk[0]], 0.25)
    for first, second, third in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        for side in ("left_", "right_"):
            thick([at[side + first], at[side + second]], _THICK[second])
            thick([at[side + second], at[side + third]], _THICK[third])
    thick([trunk[:2].mean(axis=0), at["head_top"]], 0.36)
    alpha = cv2.GaussianBlur(mask, (0, 0), 0.02 * torso).astype(np.float32) / 255
    ys, xs = np.nonzero(alpha > 0.01)
    part = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    zoom = SIDE / max(alpha[part].shape)
    return Cutout(
        cv2.resize(np.ascontiguousarray(image[part]), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR),
        cv2.resize(alpha[part], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR),
        zoom * (joints - (xs.min(), ys.min()) + 0.5) - 0.5,  # as cv2.resize has it
    )


def made_people(count: int, rng: np.random.Generator) -> list[Cutout]:
    """Figures in mid-stride, each with a texture of its own."""
    people = []
    for _ in range(count):
        joints = 200 * figure(LSP14, rng.uniform(0, 2 * np.pi)) + (120, 230)
        rough = rng.integers(0, 255, (13, 12, 3), np.uint8)
        people.append(cut_out(cv2.resize(rough, (240, 260), interpolation=cv2.INTER_CUBIC), joints))
    return people


def people_of_stills(data_root: Path, count: int) -> list[Cutout]:
    """The first upright people of LSP's test images all of whose joints are labelled and seen."""
    from leanpose.datasets.readers import read_samples
    from leanpose.datasets.readers.sample import decode_image

    people = []
    for sample in read_samples([f"lsp:{data_root / 'lsp_dataset'}"], "test"):
        at = {name: sample.keypoints[i] for i, name in enumerate(LSP14.joints)}
        upright = at["head_top"][1] < at["neck"][1] < at["left_hip"][1] < min(at["left_knee"][1], at["left_ankle"][1])
        wide, high = np.ptp(sample.keypoints, axis=0)
        if sample.labelled.all() and not sample.occluded.any() and upright and wide < 0.7 * high and high > 110:
            people.append(cut_out(decode_image(sample.image, sample.name), sample.keypoints))
        if len(people) == count:
            return people
    raise ValueError(f"only {len(people)} of {count} upright people in {data_root}")


def made_background(rng: np.random.Generator) -> np.ndarray:
    """(720, 1280 + 400, 3): blurred grey noise, wider than a frame so that the camera can turn."""
    rough = rng.integers(40, 200, (18, 42), np.uint8)
    return cv2.cvtColor(cv2.resize(rough, _WIDE, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)


def photographed_background(data_root: Path) -> np.ndarray:
    """(720, 1280 + 400, 3): a photograph without people."""
    from leanpose.media import load_image

    return cv2.resize(load_image(data_root / "backgrounds" / "0001.jpg"), _WIDE, interpolation=cv2.INTER_AREA)


def ease(s: np.ndarray, start: float, end: float) -> np.ndarray:
    """From 0 before ``start`` to 1 after ``end``, with a smooth beginning and end."""
    x = np.clip((s - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


@dataclass(frozen=True, eq=False)
class Actor:
    """A person on a path: where the feet are (T, 2) in the scenery, the size (T,) and the lean (T,) in radians."""

    cutout: Cutout
    feet: np.ndarray
    size: np.ndarray
    lean: np.ndarray

    def transform(self, t: int, camera: float) -> np.ndarray:
        """(2, 3) from the cutout to the frame."""
        c, s = self.size[t] * np.cos(self.lean[t]), self.size[t] * np.sin(self.lean[t])
        turn = np.array([[c, -s], [s, c]])
        return np.column_stack((turn, self.feet[t] - (camera, 0) - turn @ self.cutout.feet))


@dataclass(frozen=True, eq=False)
class Sequence300:
    """300 frames; actors stand in front of those before them in the list, bars (x1, x2) in front of all.

    ``camera`` (T,) is how far it has turned to the right, in pixels. ``still`` (T,) says when neither it nor anybody
    moves.
    """

    actors: list[Actor]
    background: np.ndarray
    camera: np.ndarray
    bars: list[tuple[float, float]] = field(default_factory=list)
    times: np.ndarray = field(default_factory=even_times)

    def joints(self, t: int) -> np.ndarray:
        """(P, K, 2)"""
        transforms = [actor.transform(t, self.camera[t]) for actor in self.actors]
        return np.stack([a.cutout.joints @ m[:, :2].T + m[:, 2] for a, m in zip(self.actors, transforms, strict=True)])

    @property
    def still(self) -> np.ndarray:
        every = np.array([self.joints(t) for t in range(len(self.times))])
        rests = np.abs(np.diff(every, axis=0)).max(axis=(1, 2, 3)) < 1e-9
        return np.append(rests, False) & np.insert(rests, 0, False)

    def covered(self, t: int) -> np.ndarray:
        """(P, K) which joints are behind a bar or somebody, or outside the image."""
        joints = self.joints(t)
        x1, y1, x2, y2 = image_box(*IMAGE_HW)
        x, y = joints[..., 0], joints[..., 1]
        hidden = (x < x1) | (x > x2) | (y < y1) | (y > y2)
        for left, right in self.bars:
            hidden |= (x > left - self.camera[t]) & (x < right - self.camera[t])
        for front, actor in enumerate(self.actors):
            back = cv2.invertAffineTransform(actor.transform(t, self.camera[t]))
            there = (joints[:front] @ back[:, :2].T + back[:, 2]).astype(np.float32)
            if front:
                alpha = cv2.remap(actor.cutout.alpha, there, None, cv2.INTER_LINEAR)
                hidden[:front] |= alpha.reshape(hidden[:front].shape) > 0.5
        return hidden

    def frame(self, t: int, noise: float = 0.0, rng: np.random.Generator | None = None) -> np.ndarray:
        """The image (720, 1280, 3), with a camera's noise of so many grey levels."""
        height, width = IMAGE_HW
        shift = np.array([[1, 0, -self.camera[t]], [0, 1, 0]])
        image = cv2.warpAffine(self.background, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        for actor in self.actors:
            _paste(image, actor.cutout, actor.transform(t, self.camera[t]))
        for left, right in self.bars:
            ends = np.clip(np.round((left - self.camera[t], right - self.camera[t])), 0, width).astype(int)
            image[:, slice(*ends)] = (60, 70, 80)
        if rng is not None:
            image = np.clip(image + noise * rng.standard_normal(image.shape, np.float32), 0, 255).astype(np.uint8)
        return image

    def scene(self) -> Scene:
        """The truth without pixels; who has less than half of the joints uncovered is not seen by a detector."""
        truth = np.array([self.joints(t) for t in range(len(self.times))])
        hidden = np.array([self.covered(t) for t in range(len(self.times))])
        return Scene(self.times, truth, hidden.mean(axis=-1) <= 0.5, LSP14, hidden)


def _paste(image: np.ndarray, person: Cutout, transform: np.ndarray) -> None:
    high, wide = person.alpha.shape
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)]) @ transform[:, :2].T + transform[:, 2]
    x1, y1 = np.clip(np.floor(corners.min(axis=0)), 0, IMAGE_HW[::-1]).astype(int)
    x2, y2 = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, IMAGE_HW[::-1]).astype(int)
    if x1 >= x2 or y1 >= y2:
        return
    moved = np.column_stack((transform[:, :2], transform[:, 2] - (x1, y1)))
    size = (int(x2 - x1), int(y2 - y1))
    pixels = cv2.warpAffine(person.pixels, moved, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(person.alpha, moved, size)[..., None]
    view = image[y1:y2, x1:x2]
    view[:] = np.round(alpha * pixels + (1 - alpha) * view)


def sequences(people: list[Cutout], background: np.ndarray) -> dict[str, Sequence300]:
    """One to five people, by what happens; everybody rests for the first two and the last two seconds.

    Args:
        people: five.
        background: (720, 1680, 3).
    """
    s = even_times()
    walking = ease(s, 2, 8)

    def actor(number: int, x: tuple[float, float], feet: float, size: float = 1.0, walk: np.ndarray = walking) -> Actor:
        path = np.stack((x[0] + (x[1] - x[0]) * walk, np.full_like(s, feet)), axis=1)
        sway = 0.08 * np.sin(2 * np.pi * 1.5 * s + number) * np.sin(np.pi * walk)
        return Actor(people[number], path, np.full_like(s, size), sway if x[0] != x[1] else np.zeros_like(s))

    fixed, turning = np.full_like(s, 200.0), 200 + 150 * ease(s, 3, 7)
    hidden_walk = ease(s, 2, 6)
    return {
        "one": Sequence300([actor(0, (400, 1200), 600)], background, turning),
        "crossing": Sequence300([actor(0, (350, 1350), 580), actor(1, (1300, 400), 620, 1.1)], background, fixed),
        "bar": Sequence300(
            [actor(0, (400, 1300), 600, walk=hidden_walk), actor(1, (1150, 1150), 560)], background, fixed, [(700, 790)]
        ),
        "behind": Sequence300(
            [actor(2, (400, 1200), 570, 0.9), actor(3, (820, 820), 640, 1.3)], background, turning
        ),
        "three": Sequence300(
            [actor(0, (350, 1250), 560), actor(3, (800, 900), 600), actor(4, (1350, 500), 650, 1.2)], background, fixed
        ),
        "five": Sequence300(
            [actor(k, ((350, 1250), (1300, 400), (500, 1350), (1100, 600), (800, 950))[k], 500 + 40 * k, 0.8 + 0.1 * k)
             for k in range(5)], background, turning
        ),
    }  # fmt: skip
