"""People whose joints are known in truth, and teachers who see them, but for what a test says."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from leanpose.core.geometry import hull_box
from leanpose.datasets.merging import Word
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import BODY19, COCO17, LSP14, Skeleton

# A standing figure seen from the front. From the shoulders' middle to the hips' are 100 pixels: the unit is 110.
UNIT = 110.0
TRUTH: dict[str, tuple[float, float]] = {
    "nose": (300, 150), "left_eye": (310, 140), "right_eye": (290, 140), "left_ear": (325, 145),
    "right_ear": (275, 145), "left_shoulder": (350, 200), "right_shoulder": (250, 200), "left_elbow": (400, 260),
    "right_elbow": (200, 260), "left_wrist": (440, 330), "right_wrist": (160, 330), "left_hip": (340, 300),
    "right_hip": (260, 300), "left_knee": (350, 400), "right_knee": (250, 400), "left_ankle": (355, 500),
    "right_ankle": (245, 500), "neck": (300, 190), "head_top": (300, 110),
}  # fmt: skip

Moved = Mapping[str, tuple[float, float]]


def places(skeleton: Skeleton, moved: Moved | None = None) -> np.ndarray:
    """Where the joints (K, 2) are, some of them moved by so many units."""
    at = np.array([TRUTH[joint] for joint in skeleton.joints], dtype=float)
    for joint, by in (moved or {}).items():
        at[skeleton.index(joint)] += np.multiply(by, UNIT)
    return at


@pytest.fixture
def person() -> Callable[..., Sample]:
    """Makes a labelled person in LSP's joints, or another skeleton's."""

    def make(
        moved: Moved | None = None, without: tuple[str, ...] = (), name: str = "lspet/1.jpg", mirrored: bool = False,
        skeleton: Skeleton = LSP14,
    ) -> Sample:  # fmt: skip
        keypoints = places(skeleton, moved)
        labelled = np.array([joint not in without for joint in skeleton.joints])
        if mirrored:
            keypoints, labelled = keypoints[skeleton.flip_permutation], labelled[skeleton.flip_permutation]
        return Sample("lspet", name, b"", keypoints, labelled, hull_box(keypoints, labelled), skeleton)

    return make


@pytest.fixture
def word() -> Callable[..., Word]:
    """Makes a teacher's word on a number of people, all of them seen alike, in COCO's joints."""

    def make(
        people: int = 1, moved: Moved | None = None, less: Mapping[str, float] | None = None, sure: float = 0.9,
        person: float = 1.0, without: tuple[str, ...] = (), name: str = "teacher", skeleton: Skeleton = COCO17,
    ) -> Word:  # fmt: skip
        keypoints = np.tile(places(skeleton, moved), (people, 1, 1))
        keypoints[:, [skeleton.index(joint) for joint in without]] = np.nan
        confidence = np.tile([(less or {}).get(joint, sure) for joint in skeleton.joints], (people, 1))
        confidence[np.isnan(keypoints[..., 0])] = 0
        return Word(name, skeleton, keypoints, confidence, np.full(people, person))

    return make


def joined(words: list[Word]) -> Word:
    """One word on several people, of words on one each."""
    first = words[0]
    stacked = {
        field: np.concatenate([getattr(w, field) for w in words]) for field in ("keypoints", "confidence", "person")
    }
    return replace(first, **stacked)


@pytest.fixture
def truth() -> np.ndarray:
    """Where body19's joints (19, 2) are."""
    return places(BODY19)


@pytest.fixture
def unit() -> float:
    """Pixels that distances are measured in."""
    return UNIT
