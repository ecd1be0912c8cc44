import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import MissingExtraError
from leanpose.core.geometry import box_iou
from leanpose.estimate.association import (
    Bodies,
    assign,
    distinct,
    extents,
    in_one_place,
    similarity,
    without_doubles,
    without_taken,
)
from leanpose.pose.oks import oks
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17, LSP14

pytestmark = pytest.mark.filterwarnings("error")

SEEDS = st.integers(0, 2**31)


def drawn(rng, people, joints=6):
    keypoints = rng.uniform(0, 100, (people, 1, 2)) + rng.uniform(-20, 20, (people, joints, 2))
    known = rng.random((people, joints)) < 0.7
    boxes = rng.uniform(0, 100, (people, 4))
    boxes[:, 2:] += boxes[:, :2]
    return Bodies(keypoints, known, boxes)


def sum_of_best(likeness, least):
    """By trying every one-to-one assignment; a pair below ``least`` adds nothing."""
    worth = np.where(likeness >= least, likeness, 0)
    rows, columns = worth.shape
    if rows > columns:
        worth, rows, columns = worth.T, columns, rows
    return max(worth[range(rows), order].sum() for order in itertools.permutations(range(columns), rows))


@given(SEEDS, st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.0, 0.2, 0.7]))
def test_assignment_is_the_best_of_all(seed, rows, columns, least):
    likeness = np.random.default_rng(seed).random((rows, columns))
    pairs = assign(likeness, least)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert all(likeness[pair] >= least for pair in pairs)
    assert sum(likeness[pair] for pair in pairs) == pytest.approx(sum_of_best(likeness, least), abs=1e-12)


def test_assignment_takes_the_best_sum_not_the_best_pair():
    assert assign(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.2) == [(0, 1), (1, 0)]
    assert assign(np.array([[0.9, 0.8], [0.15, 0.1]]), 0.2) == [(0, 0)]


def test_assignment_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"scipy.*leanpose\[video\]"):
        assign(np.ones((1, 1)), 0.2)


@given(SEEDS)
def test_similarity_is_the_mean_of_oks_and_overlap(seed):
    rng = np.random.default_rng(seed)
    earlier, later = drawn(rng, 3), drawn(rng, 4)
    sigmas, drift = rng.uniform(0.02, 0.1, 6), rng.uniform(0, 0.5, 3)
    found = similarity(earlier, later, sigmas, drift)
    for e, i in itertools.product(range(3), range(4)):
        both = earlier.known[e] & later.known[i]
        area = np.mean([np.prod(b[2:] - b[:2]) for b in (earlier.boxes[e], later.boxes[i])])
        d2 = ((earlier.keypoints[e] - later.keypoints[i]) ** 2).sum(-1)
        terms = np.exp(-d2 / (2 * area * ((2 * sigmas) ** 2 + drift[e] ** 2)))[both]
        overlap = box_iou(earlier.boxes[e], later.boxes[i])
        expected = (terms.mean() + overlap) / 2 if len(terms) >= 3 else overlap
        assert found[e, i] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_without_drift_the_joints_count_by_oks():
    rng = np.random.default_rng(0)
    people = Bodies(rng.uniform(0, 9, (2, 5, 2)), np.ones((2, 5), bool), np.array([[0.0, 0, 9, 9], [100, 0, 109, 9]]))
    found = similarity(people, people, np.full(5, 0.05), np.zeros(2))
    assert found.diagonal().tolist() == [1, 1]
    expected = oks(people.keypoints[1], people.keypoints[0], people.known[0], 81, np.full(5, 0.05))
    assert found[0, 1] == pytest.approx(expected / 2)


def test_extents_are_hulls_grown_by_part_of_the_longer_side():
    keypoints = np.array([[[10.0, 20], [30, 120], [20, 50], [np.nan, np.nan]]])
    known = np.array([[True, True, True, False]])
    boxes = np.array([[1.0, 2, 3, 4]])
    np.testing.assert_allclose(extents(keypoints, known, boxes), [[2.5, 12.5, 37.5, 127.5]])
    np.testing.assert_array_equal(extents(keypoints, np.array([[True, True, False, False]]), boxes), boxes)
    np.testing.assert_array_equal(extents(np.full((1, 4, 2), 7.0), np.ones((1, 4), bool), boxes), boxes)
    assert extents(np.zeros((0, 4, 2)), np.zeros((0, 4), bool), np.zeros((0, 4))).shape == (0, 4)


@given(SEEDS, st.sampled_from([3.0, 10.0, 30.0]), st.booleans())
def test_of_those_who_are_the_same_the_strongest_stay(seed, spread, ties):
    """The rule in loops: from strong to weak, who is not like anybody who stays."""
    rng = np.random.default_rng(seed)
    people = Bodies(
        rng.uniform(0, 100, (1, 6, 2)) + rng.normal(0, spread, (5, 6, 2)), rng.random((5, 6)) < 0.8,
        np.tile([0.0, 0, 100, 200], (5, 1)) * rng.uniform(0.8, 1.2, (5, 1)),
    )  # fmt: skip
    sigmas = rng.uniform(0.05, 0.12, 6)
    strength = np.round(rng.random(5)) if ties else rng.random(5)

    def same(a: int, b: int) -> bool:
        both = people.known[a] & people.known[b]
        area = np.mean([np.prod(people.boxes[i, 2:] - people.boxes[i, :2]) for i in (a, b)])
        distance = np.linalg.norm(people.keypoints[a] - people.keypoints[b], axis=-1)
        alike = np.exp(-(distance**2) / (8 * area * sigmas**2))[both]
        fewer = min(people.known[a].sum(), people.known[b].sum())
        enough = both.sum() >= 3 and 2 * both.sum() >= fewer
        in_one_place = (alike >= 0.9).sum()
        return (enough and alike.mean() >= 0.8) or (in_one_place >= 3 and 3 * in_one_place >= 2 * fewer)

    stay: list[int] = []
    for person in sorted(range(5), key=lambda i: (-strength[i], i)):
        if not any(same(person, other) for other in stay):
            stay.append(person)
    assert np.flatnonzero(distinct(people, strength, sigmas)).tolist() == sorted(stay)


STANDING = np.array([
    (38, 190), (40, 150), (42, 110), (58, 110), (60, 150), (62, 190),
    (25, 105), (28, 80), (38, 50), (62, 50), (72, 80), (75, 105), (50, 45), (50, 10),
], dtype=float)  # fmt: skip


def of_lsp(*people, scores=None, box_scores=None):
    boxes = [(p[:, 0].min() - 9, p[:, 1].min() - 9, p[:, 0].max() + 9, p[:, 1].max() + 9) for p in people]
    count = len(people)
    return Poses(
        np.array(people), np.full((count, 14), 0.8) if scores is None else scores, np.array(boxes),
        np.ones(count) if box_scores is None else box_scores, LSP14, (220, 400),
    )  # fmt: skip


def moved(joints, x, y):
    return joints + np.array([x, y])


def test_two_people_who_overlap_stay_and_one_person_found_twice_does_not():
    rng = np.random.default_rng(0)
    step = STANDING.copy()
    step[[0, 1, 4, 5]] += np.array([(-12, 0), (-8, 0), (8, 0), (12, 0)])
    behind = moved(STANDING, 18, -4)  # less than a shoulder's width aside: most of the boxes is shared
    for other in (behind, moved(STANDING, 0, 22), moved(0.75 * STANDING, 12, 48), moved(step, 14, 0)):
        assert without_doubles(of_lsp(STANDING, other)).tolist() == [True, True]
    again = STANDING + rng.normal(0, 2, STANDING.shape)  # a hundredth of the height: the same joints once more
    assert without_doubles(of_lsp(STANDING, again)).tolist() == [True, False]
    assert without_doubles(of_lsp(again, behind, STANDING, box_scores=[0.5, 0.3, 0.9])).tolist() == [False, True, True]


def test_a_half_of_somebody_is_a_double_and_the_more_complete_stays():
    half = np.full((2, 14), 0.9)
    half[0, :6] = 0.1  # the upper body alone, in a box that ends at the hips
    assert without_doubles(of_lsp(STANDING, STANDING + 1, scores=half)).tolist() == [False, True]
    half[1, 6:] = 0.1  # and the legs alone: nothing in common
    assert without_doubles(of_lsp(STANDING, STANDING + 1, scores=half)).tolist() == [True, True]
    crossing = np.full((2, 14), 0.9)
    crossing[0, 8:], crossing[1, :5] = 0.1, 0.1  # of 8 and 9 joints 3 in the same places
    assert without_doubles(of_lsp(STANDING, STANDING, scores=crossing)).tolist() == [True, True]


def test_two_answers_that_share_most_joints_are_one_person_however_far_the_others_are():
    mixed = STANDING.copy()
    mixed[8:12] += (90, 30)  # an arm and a shoulder of somebody else: OKS says no
    assert without_doubles(of_lsp(STANDING, mixed, box_scores=[0.5, 0.9])).tolist() == [False, True]
    mixed[6:12] += (90, 30)  # 6 of 14: two people, of whom one was given the other's legs and head
    assert without_doubles(of_lsp(STANDING, mixed)).tolist() == [True, True]


def test_a_limb_goes_to_the_one_who_is_surer_of_it_and_keeps_its_place():
    mixed = moved(STANDING, 60, -5)
    mixed[:6] = STANDING[:6] + 0.5  # the other one's legs
    scores = np.full((2, 14), 0.8)
    for stronger, weaker in ((0, 1), (1, 0)):
        scores[stronger, :6], scores[weaker, :6] = 0.9, 0.7
        poses = of_lsp(STANDING, mixed, scores=scores)
        assert without_doubles(poses).all()
        found = without_taken(poses)
        assert found.scores[weaker].tolist() == [0] * 6 + [np.float32(0.8)] * 8
        np.testing.assert_array_equal(found.scores[stronger], poses.scores[stronger])
        np.testing.assert_array_equal(found.keypoints, poses.keypoints)
    hand = moved(STANDING, 60, -5)
    hand[6] = STANDING[6]  # a joint is no limb: people shake hands
    for poses in (of_lsp(STANDING, hand), of_lsp(STANDING), Poses.empty(LSP14, (9, 9))):
        np.testing.assert_array_equal(without_taken(poses).scores, poses.scores)
    same = of_lsp(STANDING, STANDING)  # of one person twice nobody takes from the other
    np.testing.assert_array_equal(without_taken(same).scores, same.scores)


@given(SEEDS)
def test_joints_in_one_place_are_those_whose_own_oks_is_high(seed):
    rng = np.random.default_rng(seed)
    people = drawn(rng, 4)
    near = Bodies(people.keypoints[[0, 0, 1, 2]] + rng.normal(0, 4, (4, 6, 2)), people.known, people.boxes)
    sigmas = rng.uniform(0.02, 0.1, 6)
    found = in_one_place(near, sigmas)
    for a, b, k in itertools.product(range(4), range(4), range(6)):
        area = np.mean([np.prod(near.boxes[i, 2:] - near.boxes[i, :2]) for i in (a, b)])
        only = np.arange(6) == k
        alone = oks(near.keypoints[a], near.keypoints[b], near.known[a] & near.known[b] & only, area, sigmas)
        assert found[a, b, k] == (np.nan_to_num(alone) >= 0.9)


def test_nobody_and_people_of_whom_nothing_is_known_stay():
    assert without_doubles(Poses.empty(LSP14, (9, 9))).tolist() == []
    assert without_doubles(of_lsp(STANDING)).tolist() == [True]
    assert without_doubles(of_lsp(STANDING, STANDING, scores=np.full((2, 14), 0.2))).tolist() == [True, True]
    two = np.full((2, 14), 0.1)
    two[:, :2] = 0.9
    assert without_doubles(of_lsp(STANDING, STANDING, scores=two)).tolist() == [True, True]


def test_labelled_people_stay(data_root):
    """No two people whom COCO tells apart are taken for one, but for those whom its labels have twice."""
    from collections import defaultdict

    from leanpose.datasets.readers import read_samples

    file = data_root / "coco_sample" / "person_keypoints_sample.json"
    if not file.is_file():
        pytest.skip("COCO's labels are absent")
    of_image = defaultdict(list)
    for part in ("train", "val", "test"):
        for sample in read_samples([f"coco:{file}"], part):
            if sample.labelled.any():
                of_image[sample.image].append(sample)
    dropped = set()
    for people in of_image.values():
        known = np.stack([p.labelled for p in people])
        keypoints = np.where(known[..., None], np.stack([p.keypoints for p in people]), np.nan)
        poses = Poses(
            keypoints, known * 1.0, np.stack([p.box for p in people]), np.ones(len(people)), COCO17, (999, 999)
        )  # fmt: skip
        dropped |= {people[i].name.partition("#")[0] for i in np.flatnonzero(~without_doubles(poses))}
    # a skier, a baby and a boy who are labelled twice, and a man with a child on his arm, who share six labels
    assert dropped == {f"coco/000000{name}.jpg" for name in ("421535", "000692", "000368", "457745")}


def test_of_five_hundred_people_the_doubles_are_found_in_little_memory():
    import tracemalloc

    corners = np.stack(np.meshgrid(np.arange(25) * 90, np.arange(10) * 230), axis=-1).reshape(-1, 2)
    people = [moved(STANDING, *corner) for corner in corners]
    poses = of_lsp(*people, *(person + 0.5 for person in people))
    tracemalloc.start()
    stay = without_doubles(poses)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stay.tolist() == [True] * 250 + [False] * 250
    assert peak < 100e6
