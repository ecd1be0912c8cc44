"""Skeletons: joints by name, and what follows from the names (flips, limbs, mappings)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leanpose.errors import SkeletonError

# A joint that one dataset labels and another does not, but whose place follows from joints that both have.
# MPII's pelvis and thorax are filled in for LSP this way (Bulat et al., section III-C).
INTERPOLATED: dict[str, tuple[str, ...]] = {
    "pelvis": ("left_hip", "right_hip"),
    "thorax": ("left_shoulder", "right_shoulder"),
}


@dataclass(frozen=True)
class Skeleton:
    """Named joints and what connects them.

    Attributes:
        name: short name, such as ``"lsp14"``.
        joints: K joint names in label order; sides are marked by ``left_`` and ``right_``.
        limbs: pairs of joint names to draw a line between.
        sigmas: K per-joint constants of OKS (COCO), or ``None`` where none are published.
        torso: the two joints whose distance PCK refers to; asked for, and so checked, only by PCK.

    Raises:
        SkeletonError: for repeated names, limbs between joints it does not have, a left joint without its right one,
            or sigmas that are not K positive numbers.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...] = ()
    sigmas: tuple[float, ...] | None = None
    torso: tuple[str, str] = ("left_shoulder", "right_hip")

    def __post_init__(self) -> None:
        if not self.joints:
            raise SkeletonError(f"skeleton '{self.name}' has no joints")
        if len(set(self.joints)) != len(self.joints):
            twice = sorted({j for j in self.joints if self.joints.count(j) > 1})
            raise SkeletonError(f"skeleton '{self.name}': joints named twice: {', '.join(twice)}")
        unknown = sorted({j for limb in self.limbs for j in limb} - set(self.joints))
        if unknown:
            raise SkeletonError(f"skeleton '{self.name}': limbs name joints it does not have: {', '.join(unknown)}")
        if self.sigmas is not None and (len(self.sigmas) != len(self.joints) or not all(s > 0 for s in self.sigmas)):
            raise SkeletonError(f"skeleton '{self.name}': sigmas must be {len(self.joints)} positive numbers")
        _ = self.flip_permutation

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint by name.

        Raises:
            SkeletonError: when the skeleton has no such joint.
        """
        try:
            return self.joints.index(joint)
        except ValueError:
            raise SkeletonError(
                f"skeleton '{self.name}' has no joint '{joint}': it has {', '.join(self.joints)}"
            ) from None

    @cached_property
    def flip_permutation(self) -> np.ndarray:
        """(K,) indices such that ``keypoints[flip_permutation]`` relabels a mirrored person; an involution."""
        mirrored = [_mirror_name(joint) for joint in self.joints]
        lonely = [j for j, m in zip(self.joints, mirrored, strict=True) if m not in self.joints]
        if lonely:
            raise SkeletonError(f"skeleton '{self.name}': no opposite side for {', '.join(lonely)}")
        return np.array([self.joints.index(m) for m in mirrored])

    @cached_property
    def limb_indices(self) -> np.ndarray:
        """(L, 2) joint indices of the limbs."""
        return np.array([[self.index(a), self.index(b)] for a, b in self.limbs], dtype=int).reshape(-1, 2)


def _mirror_name(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint


def mapping_weights(source: Skeleton, target: Skeleton) -> np.ndarray:
    """Weights (K_target, K_source) that carry keypoints from one skeleton to another by joint name.

    A row has a single 1 where both skeletons have the joint, equal weights where the joint is interpolated from
    joints of the source (pelvis, thorax), and only zeros where the source knows nothing of it.
    ``weights @ keypoints`` gives the mapped keypoints; ``weights.sum(1) == 0`` marks the missing joints.
    """
    weights = np.zeros((len(target), len(source)))
    for row, joint in enumerate(target.joints):
        parts = (joint,) if joint in source.joints else INTERPOLATED.get(joint, ())
        if parts and all(part in source.joints for part in parts):
            for part in parts:
                weights[row, source.index(part)] = 1 / len(parts)
    return weights


_LIMBS_12 = (
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_wrist", "right_elbow"),
    ("right_elbow", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
)

LSP14 = Skeleton(
    "lsp14",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
        "neck", "head_top",
    ),
    limbs=(
        *_LIMBS_12,
        ("right_hip", "left_hip"), ("right_shoulder", "neck"), ("left_shoulder", "neck"), ("neck", "head_top"),
        ("right_shoulder", "right_hip"), ("left_shoulder", "left_hip"),
    ),
)  # fmt: skip

MPII16 = Skeleton(
    "mpii16",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "pelvis", "thorax", "neck", "head_top",
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
    ),
    limbs=(
        *_LIMBS_12,
        ("right_hip", "pelvis"), ("left_hip", "pelvis"), ("pelvis", "thorax"), ("thorax", "neck"),
        ("right_shoulder", "thorax"), ("left_shoulder", "thorax"), ("neck", "head_top"),
    ),
)  # fmt: skip

COCO17 = Skeleton(
    "coco17",
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    limbs=(
        *_LIMBS_12,
        ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "right_eye"),
        ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
    ),
    sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
        0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
    ),
)  # fmt: skip

SKELETONS: dict[str, Skeleton] = {s.name: s for s in (LSP14, MPII16, COCO17)}


def skeleton_named(name: str) -> Skeleton:
    """The built-in skeleton of that name.

    Raises:
        SkeletonError: when there is none.
    """
    if name not in SKELETONS:
        raise SkeletonError(f"unknown skeleton '{name}': use one of {', '.join(SKELETONS)}")
    return SKELETONS[name]
