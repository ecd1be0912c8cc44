"""Merged boxes against a plain retelling of weighted boxes fusion, and against laws that it must keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.labelling.fusion import FUSION_IOU, MergedDetector, fuse, mirrored_boxes

SEEDS = st.integers(0, 2**31)


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def drawn_views(rng, views=3, people=4):
    """The same people, seen a little differently by each view, some not at all, with scores that all differ."""
    corners = rng.uniform(0, 100, (people, 2))
    truth = np.hstack((corners, corners + rng.uniform(20, 60, (people, 2))))
    scores = iter(rng.permutation(views * people) / (views * people) * 0.9 + 0.05)
    found = []
    for _ in range(views):
        seen = rng.random(people) < 0.8
        found.append(
            np.array([[*(box + rng.normal(scale=4, size=4)), next(scores)] for box in truth[seen]]).reshape(-1, 5)
        )
    return found


def retold(views, threshold=FUSION_IOU):
    groups = []
    for score, view, box in sorted(((r[4], v, r[:4]) for v, f in enumerate(views) for r in f), key=lambda x: -x[0]):
        best, best_overlap = None, threshold
        for group in groups:
            lies = overlap(box, group["box"])
            if view not in group["views"] and lies >= best_overlap:
                best, best_overlap = group, lies
        if best is None:
            groups.append({"box": list(box), "views": {view}, "members": [(score, box)]})
            continue
        best["views"].add(view)
        best["members"].append((score, box))
        total = sum(s for s, _ in best["members"])
        best["box"] = [sum(s * b[i] for s, b in best["members"]) / total for i in range(4)]
    rows = [[*g["box"], sum(s for s, _ in g["members"]) / len(views)] for g in groups]
    return sorted(rows, key=lambda row: -row[4])


@given(SEEDS)
def test_as_retold(seed):
    views = drawn_views(np.random.default_rng(seed))
    np.testing.assert_allclose(fuse(views), np.array(retold(views)).reshape(-1, 5), rtol=1e-9)


@given(SEEDS)
def test_nothing_is_lost_or_believed_more_than_was_said(seed):
    """The scores of all views together are those of the merged boxes, times the number of views."""
    views = drawn_views(np.random.default_rng(seed))
    merged = fuse(views)
    assert merged[:, 4].sum() * len(views) == pytest.approx(sum(view[:, 4].sum() for view in views))
    assert (np.diff(merged[:, 4]) <= 0).all()


@given(SEEDS, st.integers(1, 4))
def test_views_that_agree_change_nothing(seed, copies):
    rng = np.random.default_rng(seed)
    apart = np.array([[200.0 * i, 0, 200 * i + 50, 100] for i in range(4)])
    view = np.column_stack((apart, rng.permutation(4) / 5 + 0.1))
    np.testing.assert_allclose(fuse([view] * copies), view[np.argsort(-view[:, 4])])


@given(SEEDS)
def test_the_order_of_views_does_not_matter(seed):
    views = drawn_views(np.random.default_rng(seed))
    np.testing.assert_allclose(fuse(views[::-1]), fuse(views))


def test_what_one_of_three_sees_is_a_third_as_sure():
    view, nothing = np.array([[0, 0, 10, 20, 0.9]]), np.zeros((0, 5))
    np.testing.assert_allclose(fuse([nothing, view, nothing]), [[0, 0, 10, 20, 0.3]])
    assert fuse([nothing, nothing]).shape == (0, 5)


def test_two_boxes_of_one_view_are_two_people():
    view = np.array([[0, 0, 10, 20, 0.9], [1, 0, 11, 20, 0.8]])
    assert len(fuse([view])) == 2
    with pytest.raises(ValueError, match="no views"):
        fuse([])


def bright_rectangle(image):
    """A detector of one bright rectangle, exact to the pixel; its score tells which half it lies in."""
    rows, columns = np.nonzero(image[..., 0] > 128)
    if not len(rows):
        return np.zeros((0, 5))
    x1, x2 = columns.min() - 0.5, columns.max() + 0.5
    left = (x1 + x2) / 2 < (image.shape[1] - 1) / 2
    return np.array([[x1, rows.min() - 0.5, x2, rows.max() + 0.5, 0.9 if left else 0.5]])


@given(st.integers(0, 50), st.integers(0, 30), st.integers(2, 30), st.integers(2, 20))
def test_the_mirrored_view_sees_people_where_they_are(x, y, width, height):
    image = np.zeros((60, 90, 3), np.uint8)
    image[y : y + height, x : x + width] = 255
    (box,) = MergedDetector([bright_rectangle], True, 0.0)(image)
    np.testing.assert_allclose(box[:4], [x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5])
    middle = 2 * x + width - 1 == 89
    assert box[4] == pytest.approx(0.5 if middle else 0.7)
    mirrored = mirrored_boxes(bright_rectangle(image[:, ::-1]), 90)
    np.testing.assert_array_equal(mirrored[:, :4], bright_rectangle(image)[:, :4])


def test_weak_and_doubled_boxes_go():
    strong, weak = [0, 0, 40, 80, 0.9], [100, 0, 140, 80, 0.3]
    doubled = [0, 0, 40, 64, 0.6]  # 0.8 of the strong one
    see_all = lambda image: np.array([strong, weak, doubled])  # noqa: E731
    found = MergedDetector([see_all, lambda image: np.zeros((0, 5))], False, 0.2)(np.zeros((90, 150, 3), np.uint8))
    np.testing.assert_allclose(found, [[0, 0, 40, 80, 0.45]])
    with pytest.raises(ValueError, match="no detectors"):
        MergedDetector([], False, 0.2)
