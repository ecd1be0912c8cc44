"""Skeletons: joints by name, and what follows from the names (flips, limbs, mappings)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np

from leanpose.core.errors import SkeletonError
from leanpose.core.json_file import is_number
from leanpose.core.printable import printable

# A joint that one dataset labels and another does not, but whose place follows from joints that both have.
# MPII's pelvis and thorax are filled in for LSP this way (Bulat et al., section III-C).
INTERPOLATED: dict[str, tuple[str, ...]] = {
    "pelvis": ("left_hip", "right_hip"),
    "thorax": ("left_shoulder", "right_shoulder"),
}

MOST_JOINTS = 1000  # the largest published ones, of whole bodies with their faces, have 133 to 543
MOST_LIMBS = 10_000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Skeleton:
    """Named joints and what connects them.

    Attributes:
        name: short name, such as ``"lsp14"``.
        joints: K joint names in label order; sides are marked by ``left_`` and ``right_``.
        limbs: pairs of joint names to draw a line between.
        sigmas: K per-joint constants of OKS (COCO), or ``None`` where none are published.
        torso: the two joints whose distance PCK refers to; asked for, and so checked, only by PCK.
        flips: pairs of joints that a mirror swaps, all others staying themselves; derived from the names if not given.
        flippable: False where nobody knows which joints a mirror swaps: neither names nor ``flips`` say so.

    Raises:
        SkeletonError: for repeated names, limbs or flips between joints it does not have, a joint in two flips, a left
            joint without its right one where the names have to tell, or sigmas that are not K positive numbers.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...] = ()
    sigmas: tuple[float, ...] | None = None
    torso: tuple[str, str] = ("left_shoulder", "right_hip")
    flips: tuple[tuple[str, str], ...] | None = None
    flippable: bool = True

    def __post_init__(self) -> None:
        if not self.joints:
            raise SkeletonError(f"skeleton '{self.name}' has no joints")
        if len(self.joints) > MOST_JOINTS or max(len(self.limbs), len(self.flips or ())) > MOST_LIMBS:
            raise SkeletonError(
                f"skeleton '{self.name:.40}': {len(self.joints):,} joints, {len(self.limbs):,} limbs: "
                f"at most {MOST_JOINTS:,} and {MOST_LIMBS:,} make sense"
            )
        for text in (self.name, *self.joints):
            if len(text) > LONGEST_NAME or text != printable(text):
                raise SkeletonError(f"skeleton: {text!r:.60} is no name: letters, up to {LONGEST_NAME}, are needed")
        if len(set(self.joints)) != len(self.joints):
            twice = sorted({j for j in self.joints if self.joints.count(j) > 1})
            raise SkeletonError(f"skeleton '{self.name}': joints named twice: {', '.join(twice)}")
        for what, pairs in (("limbs", self.limbs), ("flips", self.flips or ())):
            unknown = sorted({j for pair in pairs for j in pair} - set(self.joints))
            if unknown:
                raise SkeletonError(
                    f"skeleton '{self.name}': {what} name joints it does not have: {', '.join(unknown)}"
                )
        swapped = [joint for pair in self.flips or () for joint in pair]
        if len(set(swapped)) != len(swapped):
            raise SkeletonError(f"skeleton '{self.name}': flips name a joint twice: {', '.join(swapped)}")
        if self.sigmas is not None and (len(self.sigmas) != len(self.joints) or not all(s > 0 for s in self.sigmas)):
            raise SkeletonError(f"skeleton '{self.name}': sigmas must be {len(self.joints)} positive numbers")
        if self.flippable:
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
        """(K,) indices such that ``keypoints[flip_permutation]`` relabels a mirrored person; an involution.

        Raises:
            SkeletonError: when the skeleton is not flippable.
        """
        if not self.flippable:
            raise SkeletonError(f"skeleton '{self.name}': which joints a mirror swaps is not known: give it flips")
        if self.flips is not None:
            partner = {a: b for pair in self.flips for a, b in (pair, pair[::-1])}
            return np.array([self.joints.index(partner.get(joint, joint)) for joint in self.joints])
        mirrored = [_mirror_name(joint) for joint in self.joints]
        lonely = [j for j, m in zip(self.joints, mirrored, strict=True) if m not in self.joints]
        if lonely:
            raise SkeletonError(f"skeleton '{self.name}': no opposite side for {', '.join(lonely)}")
        return np.array([self.joints.index(m) for m in mirrored])

    @cached_property
    def limb_indices(self) -> np.ndarray:
        """(L, 2) joint indices of the limbs."""
        return np.array([[self.index(a), self.index(b)] for a, b in self.limbs], dtype=int).reshape(-1, 2)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for cards, checkpoints and packs."""
        return {key: _as_lists(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`; fields that are not there take their defaults.

        Raises:
            SkeletonError: for unknown or missing fields, or values of another form.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(data, Mapping) or not {"name", "joints"} <= set(data) <= known:
            raise SkeletonError(
                f"a skeleton has a name and joints, and perhaps {', '.join(sorted(known))}; got {data!r:.200}"
            )
        texts = [data["name"], *_list(data["joints"])]
        sigmas = data.get("sigmas")
        numbers = None if sigmas is None else tuple(_list(sigmas))
        if not all(isinstance(text, str) and text for text in texts):
            raise SkeletonError(f"the name and the joints of a skeleton must be texts, not {texts!r:.200}")
        if not all(is_number(number) for number in numbers or ()):
            raise SkeletonError(f"skeleton '{data['name']}': sigmas must be numbers, not {sigmas!r:.200}")
        flips = data.get("flips")
        return cls(
            data["name"],
            tuple(data["joints"]),
            tuple(map(_pair, _list(data.get("limbs", ())))),
            numbers,
            _pair(data.get("torso", cls.torso)),
            None if flips is None else tuple(map(_pair, _list(flips))),
            bool(data.get("flippable", True)),
        )


def _as_lists(value: Any) -> Any:
    """With lists for tuples, as JSON gives them back."""
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SkeletonError(f"a list is needed where a skeleton has {value!r:.200}")
    return value


def _pair(value: Any) -> tuple[str, str]:
    first, *others = _list(value) or [None]
    if len(others) != 1 or not isinstance(first, str) or not isinstance(others[0], str):
        raise SkeletonError(f"two joint names are needed where a skeleton has {value!r:.200}")
    return first, others[0]


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


def view_weights(source: Skeleton, target: Skeleton) -> np.ndarray:
    """:func:`mapping_weights` (K_target, K_source) of a view, in which no joint may be missing.

    Raises:
        SkeletonError: when one is. The message says which, and which skeletons the source can be seen in.
    """
    weights = mapping_weights(source, target)
    missing = [joint for joint, row in zip(target.joints, weights, strict=True) if not row.any()]
    if missing:
        able = [name for name, other in SKELETONS.items() if mapping_weights(source, other).any(axis=1).all()]
        raise SkeletonError(
            f"skeleton '{target.name}': {source.name} does not have its {', '.join(missing)}: use "
            + (f"{', '.join(able)}, or " if able else "")
            + f"one with none but these joints: {', '.join(source.joints)}"
        )
    return weights


def map_joints(weights: np.ndarray, keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (..., K_target, 2) and scores (..., K_target) of joints that weights make of others.

    A joint made of several is right only where all of them are, and so scores as the lowest of them. One that is made
    of nothing, or of a joint that was not found, is NaN and scores 0.

    Args:
        weights: (K_target, K_source) as :func:`mapping_weights` gives them.
        keypoints: (..., K_source, 2), NaN where not found.
        scores: (..., K_source).
    """
    used = weights > 0
    missing = np.asarray(np.isnan(keypoints).any(axis=-1))
    answered = np.asarray(used.any(axis=1) & ~(missing[..., None, :] & used).any(axis=-1))
    mapped = weights @ np.where(missing[..., None], 0, keypoints)
    lowest = np.where(used, scores[..., None, :], np.inf).min(axis=-1)
    return np.where(answered[..., None], mapped, np.nan), np.where(answered, lowest, 0)


def map_uncertainties(weights: np.ndarray, uncertainties: np.ndarray) -> np.ndarray:
    """Uncertainties (..., K_target) of joints that weights make of others, whose errors are taken as independent.

    NaN for one that is made of nothing, or of a joint whose uncertainty (..., K_source) is NaN.
    """
    unknown, used = np.isnan(uncertainties), weights > 0
    variances = np.where(unknown, 0, uncertainties) ** 2 @ (weights**2).T
    return np.where((unknown @ used.T) | ~used.any(axis=1), np.nan, np.sqrt(variances))


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

CROWDPOSE14 = Skeleton(
    "crowdpose14",
    joints=(
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "head_top", "neck",
    ),
    limbs=LSP14.limbs,
    sigmas=(
        0.079, 0.079, 0.072, 0.072, 0.062, 0.062,
        0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
        0.079, 0.079,
    ),
)  # fmt: skip

# The AI Challenger's own constants, about a fifth of COCO's at shoulders and elbows.
AIC14 = Skeleton(
    "aic14",
    joints=(
        "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "head_top", "neck",
    ),
    limbs=LSP14.limbs,
    sigmas=(
        0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144,
        0.03909642, 0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081,
        0.01291456, 0.01236173,
    ),
)  # fmt: skip

# Halpe calls the top of the head "Head" and the middle of the hips "Hip". Sigmas as in its own evaluation code.
HALPE26 = Skeleton(
    "halpe26",
    joints=(
        *COCO17.joints,
        "head_top", "neck", "pelvis",
        "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel",
    ),
    limbs=(
        *_LIMBS_12,
        ("head_top", "neck"), ("neck", "pelvis"), ("left_shoulder", "neck"), ("right_shoulder", "neck"),
        ("left_hip", "pelvis"), ("right_hip", "pelvis"),
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "right_eye"),
        ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
        ("left_ankle", "left_heel"), ("left_ankle", "left_big_toe"), ("left_ankle", "left_small_toe"),
        ("right_ankle", "right_heel"), ("right_ankle", "right_big_toe"), ("right_ankle", "right_small_toe"),
    ),
    sigmas=(*(COCO17.sigmas or ()), 0.08, 0.08, 0.08, 0.089, 0.089, 0.089, 0.089, 0.089, 0.089),
)  # fmt: skip

# What LSP and COCO label together. Sigmas are COCO's; those of the neck and the top of the head are CrowdPose's.
BODY19 = Skeleton(
    "body19",
    joints=(*COCO17.joints, "neck", "head_top"),
    limbs=(
        *(limb for limb in LSP14.limbs if limb != ("neck", "head_top")),
        ("neck", "nose"), ("nose", "head_top"),  # beside a line from neck to head top, that to the nose would double it
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
    ),
    sigmas=(*(COCO17.sigmas or ()), 0.079, 0.079),
)  # fmt: skip

SKELETONS: dict[str, Skeleton] = {s.name: s for s in (LSP14, MPII16, COCO17, CROWDPOSE14, AIC14, HALPE26, BODY19)}


def stored_skeleton(stored: str | Mapping[str, Any]) -> Skeleton:
    """A skeleton as files hold it: written out, or in older ones the name of a built-in one.

    Raises:
        SkeletonError: when it is neither.
    """
    return skeleton_named(stored) if isinstance(stored, str) else Skeleton.from_dict(stored)


def skeleton_named(name: str) -> Skeleton:
    """The built-in skeleton of that name.

    Raises:
        SkeletonError: when there is none.
    """
    if name not in SKELETONS:
        raise SkeletonError(f"unknown skeleton '{name}': use one of {', '.join(SKELETONS)}")
    return SKELETONS[name]
