"""The rules against planted errors, with witnesses whose knowledge is known."""

from collections.abc import Callable

import numpy as np
import pytest

from leanpose.cleaning import Rules, Support, find_corrections
from leanpose.cleaning.rules import FLOOR, best_order, exchanges, side_groups
from leanpose.readers import Sample
from leanpose.readers.corrections import Correction, correct
from leanpose.skeleton import COCO17, LSP14, Skeleton

Make = Callable[..., Sample]
Witness = Callable[..., Support]


def _names(skeleton: Skeleton, joints: np.ndarray) -> set[str]:
    return {skeleton.joints[k].removeprefix("left_").removeprefix("right_") for k in np.flatnonzero(joints)}


def _relabelled(person: Make, places: np.ndarray, order: np.ndarray) -> Sample:
    return person(moved=dict(zip(LSP14.joints, map(tuple, places[order]), strict=True)))


def test_sides_are_exchanged_of_the_whole_body_its_two_parts_at_every_link_and_single_pairs() -> None:
    found = [frozenset(_names(LSP14, joints)) for joints in side_groups(LSP14)]
    arms, legs = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
    expected = {
        frozenset(arms + legs),
        *(frozenset(chain[n:]) for chain in (arms, legs) for n in range(3)),
        *(frozenset(arms + legs) - frozenset(chain[n:]) for chain in (arms, legs) for n in range(3)),
        *(frozenset((pair,)) for pair in arms + legs),
    }
    assert set(found) == expected
    assert len(found) == len(expected)
    assert found[0] == frozenset(arms + legs)
    for joints in side_groups(COCO17):  # both sides of every pair, and nothing that has no other side
        assert np.array_equal(joints, joints[COCO17.flip_permutation])
        assert not joints[COCO17.index("nose")]
    assert side_groups(Skeleton("one", ("tip",), flippable=False)) == []


def test_limbs_are_exchanged_end_for_end_and_joints_in_the_middle_with_each_other() -> None:
    tried = exchanges(LSP14)
    groups = len(side_groups(LSP14))
    assert all(np.array_equal(exchange[exchange], np.arange(14)) for exchange in tried)
    assert np.array_equal(tried[0], LSP14.flip_permutation)
    found = [{LSP14.joints[k] for k in np.flatnonzero(e != np.arange(14))} for e in tried[groups:]]
    limbs = [
        {f"{side}_{a}", f"{side}_{b}"}
        for side in ("left", "right")
        for a, b in (("hip", "ankle"), ("shoulder", "wrist"))
    ]
    assert sorted(map(sorted, found)) == sorted(map(sorted, [*limbs, {"neck", "head_top"}]))
    assert exchanges(Skeleton("two", ("tip", "end"), flippable=False)).shape == (0, 2)


@pytest.mark.parametrize("exchange", exchanges(LSP14), ids=lambda exchange: "".join(f"{k:x}" for k in exchange))
def test_planted_exchanges_are_found_and_taken_back_exactly(
    person: Make, witness: Witness, places: np.ndarray, exchange: np.ndarray
) -> None:
    planted = _relabelled(person, places, exchange)
    (found,) = find_corrections([planted], witness([planted]), Rules(sides=6))
    assert {c.joint for c in found} == {LSP14.joints[k] for k in np.flatnonzero(exchange != np.arange(14))}
    assert {c.action for c in found} == {"swap"}
    assert np.array_equal(correct(planted, found).keypoints, places)


def test_a_witness_who_holds_both_sides_for_as_likely_says_nothing(
    person: Make, witness: Witness, places: np.ndarray
) -> None:
    planted = _relabelled(person, places, LSP14.flip_permutation)
    assert find_corrections([planted], witness([planted], 0.48, 0.48), Rules(sides=6)) == [[]]


def test_several_exchanges_in_one_person(person: Make, witness: Witness, places: np.ndarray) -> None:
    """Both limbs of the left side and the head labelled backwards, and with them the sides."""
    order = np.arange(14)
    for a, b in (("left_hip", "left_ankle"), ("left_shoulder", "left_wrist"), ("neck", "head_top")):
        two = [LSP14.index(a), LSP14.index(b)]
        order[two] = order[two[::-1]]
    for wrong in (order, LSP14.flip_permutation[order]):
        planted = _relabelled(person, places, wrong)
        (found,) = find_corrections([planted], witness([planted]), Rules(sides=6))
        assert np.array_equal(correct(planted, found).keypoints, places)


def test_the_evidence_is_the_sum_of_the_logarithms_of_the_ratios() -> None:
    shares = np.full((14, 14), np.nan)
    left, right = LSP14.index("left_knee"), LSP14.index("right_knee")
    shares[[left, right]] = 0.3
    shares[left, left], shares[left, right], shares[right, right], shares[right, left] = 0.1, 0.9, 0.0, 0.8
    evidence = np.log(0.9 / 0.1) + np.log(0.8 / FLOOR)
    tried = exchanges(LSP14)  # what becomes of joints without labels does not matter
    assert best_order(tried, shares, np.full(len(tried), evidence - 1e-9))[[left, right]].tolist() == [right, left]
    assert best_order(tried, shares, np.full(len(tried), evidence + 1e-9)).tolist() == list(range(14))
    assert best_order(tried, np.full((14, 14), np.nan), np.full(len(tried), 1e-9)).tolist() == list(range(14))


def test_the_only_label_of_a_pair_goes_to_the_other_side(person: Make, witness: Witness, places: np.ndarray) -> None:
    at = tuple(places[LSP14.index("right_wrist")])
    planted = person(moved={"left_wrist": at}, without=("right_wrist",))
    (found,) = find_corrections([planted], witness([planted]), Rules(sides=3))
    mended = correct(planted, found)
    assert mended.labelled.tolist() == [joint != "left_wrist" for joint in LSP14.joints]
    assert mended.keypoints[LSP14.index("right_wrist")].tolist() == list(at)


def test_a_label_far_from_where_the_witness_is_sure_is_moved_or_taken_away(
    person: Make, witness: Witness, places: np.ndarray
) -> None:
    wrong = person(moved={"neck": (300.0, 300.0)})
    very_sure, sure, unsure = (
        find_corrections([wrong], witness([wrong], less={"neck": trust}), Rules(sides=6))[0]
        for trust in (0.96, 0.85, 0.7)
    )
    place = places[LSP14.index("neck")]
    assert very_sure == [Correction("neck", "move", (place[0], place[1]), 0.0, 0.96)]
    assert sure == [Correction("neck", "mask", None, 0.0, 0.85)]
    assert unsure == []
    near = person(moved={"neck": (place[0] + 0.6 * 30, place[1])})  # 0.6 torsos off is not far
    assert find_corrections([near], witness([near]), Rules(sides=6)) == [[]]
    supported = witness([wrong])
    supported.shares[0, LSP14.index("neck"), LSP14.index("neck")] = (
        0.06  # the witness also thinks of the place that is labelled
    )
    assert find_corrections([wrong], supported, Rules(sides=6)) == [[]]


def test_a_person_of_whom_nothing_fits_is_left_alone(person: Make, witness: Witness) -> None:
    def somebody_else(count: int) -> Sample:
        return person(moved={joint: (500.0 + 40 * k, 500.0) for k, joint in enumerate(LSP14.joints[:count])})

    half, most = somebody_else(7), somebody_else(8)
    found = find_corrections([half, most], witness([half, most]), Rules(sides=6))
    assert [len(c) for c in found] == [7, 0]


@pytest.mark.parametrize(("labels", "expected"), [(2, 0), (3, 1)])
def test_labels_stay_where_the_others_would_have_no_box(
    person: Make, witness: Witness, labels: int, expected: int
) -> None:
    planted = person(moved={LSP14.joints[0]: (500.0, 500.0)}, without=LSP14.joints[labels:])
    (found,) = find_corrections([planted], witness([planted], trust=0.85), Rules())
    assert len(found) == expected
    assert correct(planted, found).labelled.sum() == 2


def test_joints_without_a_label_are_added_only_if_asked(person: Make, witness: Witness, places: np.ndarray) -> None:
    planted = person(without=("left_ankle", "neck"))
    support = witness([planted], less={"neck": 0.8})
    assert find_corrections([planted], support, Rules(sides=6)) == [[]]
    (found,) = find_corrections([planted], support, Rules(add=0.9))
    place = places[LSP14.index("left_ankle")]
    assert found == [Correction("left_ankle", "add", (place[0], place[1]), None, 0.97)]
