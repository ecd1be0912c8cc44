"""Limbs that stand out, and flip pairs that do not match."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leanpose.datasets.inspection.limbs import find_long_limbs, find_unlike_pairs, limb_excess
from leanpose.datasets.inspection.people import gather
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14, Skeleton

CHAIN = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])


def _chains(lengths: np.ndarray) -> np.ndarray:
    """Joints (N, 6, 2) on lines whose limbs have these lengths (N, 5)."""
    x = np.concatenate((np.zeros((len(lengths), 1)), np.cumsum(lengths, axis=1)), axis=1)
    return np.stack((x, np.zeros_like(x)), axis=-1)


def test_excess_is_the_factor_that_was_put_in() -> None:
    """People of one shape and any size: all excesses are 0, and log 4 where a limb is four times too long."""
    rng = np.random.default_rng(0)
    lengths = np.array([20.0, 40, 30, 50, 25]) * rng.uniform(0.5, 8, (50, 1))
    lengths[7, 2] *= 4
    expected = np.zeros((50, 5))
    expected[7, 2] = np.log(4)
    assert limb_excess(_chains(lengths), CHAIN) == pytest.approx(expected, abs=1e-9)


def test_excess_is_unknown_of_few_limbs_or_few_people() -> None:
    points = _chains(np.full((50, 5), 30.0))
    points[3, 1] = np.nan  # two of five limbs gone, three are too few
    excess = limb_excess(points, CHAIN)
    assert np.isnan(excess[3]).all()
    assert not np.isnan(np.delete(excess, 3, axis=0)).any()
    points[:25, 5] = np.nan
    assert np.isnan(limb_excess(points, CHAIN)[:, 4]).all()
    assert np.isnan(limb_excess(points[:20], CHAIN)).all()


def test_a_joint_thrown_away_is_found_and_the_others_are_not(crowd: list[Sample]) -> None:
    assert list(find_long_limbs(gather({"train": crowd}))) == []
    points = crowd[17].keypoints.copy()
    points[LSP14.index("left_wrist")] += (150, 60)
    planted = [*crowd[:17], replace(crowd[17], keypoints=points), *crowd[18:]]
    (found,) = find_long_limbs(gather({"train": planted}))
    assert found.people == (17,)
    assert "left_elbow to left_wrist" in found.message


def test_a_flip_pair_of_unlike_joints_is_found(crowd: list[Sample]) -> None:
    assert list(find_unlike_pairs(gather({"train": crowd}))) == []
    pairs = [("left_ankle", "right_wrist"), ("right_ankle", "left_wrist"), ("left_hip", "right_hip")]
    wrong = Skeleton("wrong", LSP14.joints, LSP14.limbs, flips=tuple(pairs))
    found = list(find_unlike_pairs(gather({"train": [replace(s, skeleton=wrong) for s in crowd]})))
    assert {frozenset(f.names) for f in found} == {frozenset(pair) for pair in pairs[:2]}
    unknown = Skeleton("unknown", LSP14.joints, flippable=False)
    assert list(find_unlike_pairs(gather({"train": [replace(s, skeleton=unknown) for s in crowd]}))) == []


def test_a_skeleton_without_limbs_has_none_too_long(person: Callable[..., Sample]) -> None:
    bare = Skeleton("bare", LSP14.joints)
    assert list(find_long_limbs(gather({"train": [person(0, skeleton=bare)]}))) == []
