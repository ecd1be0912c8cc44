"""Skeletons of one's own: from a small JSON or TOML file, or from the categories of a COCO file.

The file has ``joints`` (names in label order) and, where wanted, ``name``, ``limbs`` and ``flips`` (pairs of joint
names), ``sigmas`` (one number per joint, for OKS) and ``torso`` (two joint names, for PCK). In TOML::

    name = "dog"
    joints = ["nose", "LeftEar", "RightEar", "tail"]
    limbs = [["nose", "LeftEar"], ["nose", "RightEar"]]

Without ``flips`` the pairs that a mirror swaps follow from the names, if these tell; ``flips = []`` says that every
joint mirrors onto itself.
"""

import logging
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.bounded import SMALL, parse_json, read_text
from leanpose.core.errors import SkeletonError
from leanpose.pose.skeleton import SKELETONS, Skeleton

LOG = logging.getLogger(__name__)

_SIDES = {"left": "right", "right": "left"}
_LETTERS = {"l": "left", "r": "right"}
# Words end at a separator and where CamelCase begins a new one: "L_eye", "Left Eye", "eye.L", "leftEye", "LEye".
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^A-Z\W_]+|[A-Z]+|[^\W_]+")
_GLUED = re.compile(r"^(left|right)(?=.)|(?<=.)(left|right)$")  # "leftshoulder", "shoulderleft"


def find_skeleton(wanted: str | os.PathLike[str] | Skeleton) -> Skeleton:
    """The built-in skeleton of that name, or the one in that file; a skeleton is itself.

    Raises:
        SkeletonError: when it is neither, or the file cannot be read as a skeleton.
    """
    if isinstance(wanted, Skeleton):
        return wanted
    path = Path(wanted)
    if str(path) in SKELETONS:
        return SKELETONS[str(path)]
    if path.suffix.lower() not in (".json", ".toml"):
        raise SkeletonError(f"unknown skeleton '{path}': use one of {', '.join(SKELETONS)}, or a .json or .toml file")
    return load_skeleton(path)


def load_skeleton(path: Path) -> Skeleton:
    """The skeleton in a JSON or TOML file as the module describes, or in the categories of a COCO file.

    Where neither the names nor ``flips`` tell which joints a mirror swaps, it is not flippable, and a warning says so.

    Raises:
        SkeletonError: when the file cannot be read or does not describe one skeleton.
    """
    if path.suffix.lower() == ".toml":
        try:
            data = tomllib.loads(read_text(path, SkeletonError, SMALL))
        except (ValueError, RecursionError) as error:
            raise SkeletonError(f"{path}: not TOML: {error!s:.200}") from error
    else:
        data = parse_json(read_text(path, SkeletonError), SkeletonError, str(path))
    if not isinstance(data, dict):
        raise SkeletonError(f"{path}: a skeleton file is an object with joints, or a COCO file with categories")
    try:
        if isinstance(data.get("categories"), list):
            return _only_category(data["categories"])
        return _with_flips({"name": path.stem} | data)
    except SkeletonError as error:
        raise SkeletonError(f"{path}: {error}") from error


def skeleton_from_category(category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of a COCO category: ``keypoints``, ``skeleton`` (edges that count joints from 1), and ``sigmas``,
    ``flips`` and ``torso`` as in a skeleton file, where it has them.

    A built-in skeleton if the joints are its, in its order, and the category gives no other sigmas or flips.

    Raises:
        SkeletonError: when the category describes no skeleton.
    """
    if not isinstance(category, Mapping) or not isinstance(category.get("keypoints"), list):
        raise SkeletonError(f"a category with a list of keypoints is needed, not {category!r:.80}")
    joints = category["keypoints"]
    name = category.get("name") or "category"
    edges = category.get("skeleton") or []
    if not isinstance(edges, list) or not all(_is_edge(edge, len(joints)) for edge in edges):
        raise SkeletonError(
            f"skeleton of category '{name!s:.40}': edges are pairs of joint numbers, 1 to {len(joints)}"
        )
    limbs = [[joints[a - 1], joints[b - 1]] for a, b in edges]
    given = {field: category[field] for field in ("sigmas", "flips", "torso") if field in category}
    own = _with_flips({"name": name, "joints": joints, "limbs": limbs, **given})
    for skeleton in SKELETONS.values():
        if (own.joints, own.sigmas or skeleton.sigmas) == (skeleton.joints, skeleton.sigmas) and own.flippable:
            return skeleton if np.array_equal(own.flip_permutation, skeleton.flip_permutation) else own
    return own


def flip_pairs(joints: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """Pairs (left, right) of joints that a mirror swaps, as their names tell; None where they do not tell.

    Sides are marked by left and right or by l and r, before or after the rest of the name, with separators, CamelCase
    or neither. Every marked joint must have exactly one partner, and of several joints at least two must be marked.
    """
    words = {joint: _side_words(joint) for joint in joints}
    if len(joints) > 1 and not any(_mirrored(w) != w for w in words.values()):
        # A letter without a separator may as well begin a word ("lip", "root"): where nothing else marks sides, all
        # of them have to pair up; where something does, those that pair up are sides and the others words.
        words = {joint: _split_letter(w) for joint, w in words.items()}
        if not any(_mirrored(w) != w for w in words.values()):
            return None
    else:
        split = {joint: _split_letter(w) for joint, w in words.items()}
        paired = {joint for joint, w in split.items() if _mirrored(w) in split.values()}
        words = {joint: split[joint] if joint in paired else w for joint, w in words.items()}
    by_words = {w: joint for joint, w in words.items()}
    if len(by_words) < len(joints) or any(_mirrored(w) not in by_words for w in by_words):
        return None
    return tuple(
        (joint, by_words[_mirrored(w)])
        for w, joint in by_words.items()
        if _mirrored(w) != w and next(word for word in w if word in _SIDES) == "left"
    )


def _side_words(joint: str) -> tuple[str, ...]:
    """The words of a name in lower case, with sides as "left" and "right"."""
    words = [word.lower() for word in _WORDS.findall(joint)]
    words = [part for word in words for part in _GLUED.sub(r" \1\2 ", word).split()]
    return tuple(_LETTERS.get(word, word) for word in words)


def _split_letter(words: tuple[str, ...]) -> tuple[str, ...]:
    first = words[0] if words else ""
    if len(first) > 1 and first not in _SIDES and first[0] in _LETTERS:
        return _LETTERS[first[0]], first[1:], *words[1:]
    return words


def _mirrored(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_SIDES.get(word, word) for word in words)


def _with_flips(data: dict[str, Any]) -> Skeleton:
    """The skeleton of that data, with flips and torso from the names where it says nothing of them."""
    try:
        skeleton = Skeleton.from_dict(data | {"flippable": False})
        if data.get("flippable", True) is False:
            return skeleton
        if "torso" not in data:
            sided = {_side_words(joint): joint for joint in skeleton.joints}
            ends = sided.get(("left", "shoulder")), sided.get(("right", "hip"))
            data = data | ({"torso": ends} if all(ends) else {})
        pairs = flip_pairs(skeleton.joints)
        if skeleton.flips is not None:
            if {frozenset(pair) for pair in pairs or ()} - {frozenset(pair) for pair in skeleton.flips}:
                _warn_of_names(skeleton)
            return Skeleton.from_dict(data)
        if pairs is None:
            _warn_of_sides(skeleton)
            return Skeleton.from_dict(data | {"flips": None, "flippable": False})
        is_own_style = all(a.startswith("left_") and b == "right_" + a.removeprefix("left_") for a, b in pairs)
        return Skeleton.from_dict(data | {"flips": None if is_own_style else pairs})
    except OverflowError as error:  # whole numbers in JSON may be too large for a float
        raise SkeletonError(f"a number is too large: {error}") from error


@cache  # once for each skeleton, however often its file is read
def _warn_of_sides(skeleton: Skeleton) -> None:
    LOG.warning(
        "skeleton '%s': the names %s do not tell which joints a mirror swaps: it trains with flips off; give it pairs "
        'as "flips": [["a", "b"], ...], or [] if every joint mirrors onto itself',
        skeleton.name,
        ", ".join(skeleton.joints),
    )


@cache
def _warn_of_names(skeleton: Skeleton) -> None:
    LOG.warning(
        "skeleton '%s': its flips %s are not those that the names of its joints tell; they are used all the same",
        skeleton.name,
        skeleton.flips,
    )


def _only_category(categories: list[Any]) -> Skeleton:
    described = [c for c in categories if isinstance(c, dict) and "keypoints" in c]
    if not described:
        raise SkeletonError("no category names its keypoints")
    skeletons = [skeleton_from_category(category) for category in described]
    if len({skeleton.joints for skeleton in skeletons}) > 1:
        kinds = ", ".join(str(category.get("name")) for category in described)
        raise SkeletonError(f"categories with different keypoints ({kinds}): keep one of them in the file")
    return skeletons[0]


def _is_edge(edge: Any, joints: int) -> bool:
    return isinstance(edge, list) and len(edge) == 2 and all(type(end) is int and 1 <= end <= joints for end in edge)
