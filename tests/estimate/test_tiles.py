"""Tiles: a made-up detector that sees every rectangle that is large enough, exactly as it is, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import BoxError
from leanpose.core.geometry import box_iou
from leanpose.estimate.detector import nms
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.tiles import (
    LARGE,
    MARGIN,
    MOST,
    OVERLAP,
    SIDE,
    SMALLEST,
    check_tiles,
    find_in_tiles,
    tile_places,
)

SEEN = 0.08  # of the longer side of what the detector is shown, from which it sees a rectangle


class Picture:
    """A black picture that stands for one with rectangles (P, 4) of whole pixels, x1, y1, x2, y2 in our coordinates.

    The detector knows by the memory of what it is shown which part of the picture that is: it takes no copies.
    """

    def __init__(self, hw, rectangles):
        self.pixels = np.zeros((*hw, 3), np.uint8)
        self.rectangles = np.array(rectangles, float).reshape(-1, 4)
        self.shown = []

    def detect(self, image):
        """Boxes (P, 5) of what is shown of each rectangle, those that are large enough; a larger one scores higher."""
        self.shown.append(image.shape[:2])
        x, y = self._corner(image)
        height, width = image.shape[:2]
        low, high = (x - 0.5, y - 0.5), (x + width - 0.5, y + height - 0.5)
        cut = np.clip(self.rectangles.reshape(-1, 2, 2), low, high).reshape(-1, 4)
        sides = cut[:, 2:] - cut[:, :2]
        share = sides.max(axis=1) / max(height, width) if len(cut) else np.zeros(0)
        seen = (sides >= 1).all(axis=1) & (share >= SEEN)
        return np.column_stack((cut - (x, y, x, y), 0.5 + share / 2))[seen]

    def _corner(self, image):
        """Where a view of the pixels begins."""
        offset = image.__array_interface__["data"][0] - self.pixels.__array_interface__["data"][0]
        row, column = divmod(offset, self.pixels.strides[0])
        return column // 3, row


def assert_found(picture, tiles):
    boxes, scores = find_in_tiles(picture.detect, picture.pixels, tiles)
    assert len(boxes) == len(scores) == len(picture.rectangles)
    order = np.lexsort(boxes.T)
    np.testing.assert_array_equal(boxes[order], picture.rectangles[np.lexsort(picture.rectangles.T)])


@st.composite
def pictures(draw):
    """A picture of any form, with rectangles anywhere, over its edges too but not over each other."""
    hw = draw(st.tuples(st.integers(300, 5000), st.integers(300, 5000)))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    rectangles = np.zeros((0, 4))
    for _ in range(draw(st.integers(0, 25))):
        side = np.exp(rng.uniform(np.log(0.09 * SIDE), np.log(0.9 * min(hw))))
        wh = np.maximum(np.round(side * np.array([rng.uniform(0.3, 1), 1])), 1)
        corner = np.floor(rng.uniform(-0.1, 1, 2) * hw[::-1]) - 0.5
        rectangle = np.clip(np.concatenate((corner, corner + wh)), -0.5, np.tile(np.array(hw[::-1]) - 0.5, 2))
        longer = (rectangle[2:] - rectangle[:2]).max()
        apart = not box_iou(rectangle, rectangles).any() if len(rectangles) else True
        if apart and longer >= SEEN * SIDE + 1 and (rectangle[2:] - rectangle[:2] >= 1).all():
            rectangles = np.vstack((rectangles, rectangle))
    return Picture(hw, rectangles)


@given(pictures())
@settings(max_examples=60)
def test_everybody_comes_out_once_wherever_and_however_large(picture):
    if max(picture.pixels.shape) > LARGE or (picture.rectangles.size == 0):
        assert_found(picture, "auto")
    else:
        assert_found(Picture(picture.pixels.shape[:2], picture.detect(picture.pixels)[:, :4]), "auto")


@given(st.integers(0, 2400), st.integers(0, 1500), st.integers(90, 260), st.integers(2, 5))
@settings(max_examples=60)
def test_on_a_seam_they_come_out_once(x, y, size, tiles):
    x, y = min(x, 2400 - size), min(y, 1600 - size)
    assert_found(Picture((1600, 2400), [[x - 0.5, y - 0.5, x + size - 0.5, y + size - 0.5]]), "auto")
    side = next(side for *_, side in reversed(list(tile_places((1600, 2400), tiles))))
    if size >= SEEN * side:
        assert_found(Picture((1600, 2400), [[x - 0.5, y - 0.5, x + size - 0.5, y + size - 0.5]]), tiles)


def test_without_tiles_small_people_are_missed():
    picture = Picture((2000, 3000), [[100 - 0.5, 100 - 0.5, 200 - 0.5, 220 - 0.5], [999.5, 499.5, 1499.5, 1599.5]])
    assert len(find_in_tiles(picture.detect, picture.pixels, "off")[0]) == 1
    assert picture.shown == [(2000, 3000)]
    assert len(find_in_tiles(picture.detect, picture.pixels, 1)[0]) == 1
    assert_found(picture, "auto")
    small = Picture((1500, 1500), [[99.5, 99.5, 149.5, 199.5]])
    assert len(find_in_tiles(small.detect, small.pixels, "auto")[0]) == 0
    assert small.shown == [(1500, 1500)]
    assert_found(small, 2)


@given(st.tuples(st.integers(1, 25000), st.integers(1, 25000)), st.one_of(st.just("auto"), st.integers(1, 60)))
@settings(max_examples=200)
def test_tiles_cover_the_picture_overlap_and_are_not_too_many(hw, tiles):
    places = list(tile_places(hw, tiles))
    assert len(places) <= MOST
    if tiles == "auto" and max(hw) <= LARGE:
        assert places == []
    for side in {side for *_, side in places}:
        for axis, length in ((0, hw[1]), (1, hw[0])):
            starts = sorted({place[axis] for place in places if place[2] == side})
            assert starts[0] == 0
            assert starts[-1] == max(length - side, 0)
            assert all(b - a <= (1 - OVERLAP) * side + 1 for a, b in pairwise(starts))
    sides = sorted({side for *_, side in places})
    assert all(b <= 2 * a for a, b in pairwise(sides))
    assert not sides or max(hw) <= 2 * sides[-1] + 1


def test_whom_the_detector_tells_apart_in_one_tile_stay_apart():
    pair = np.array([[100.0, 100, 200, 300, 0.9], [130, 100, 230, 300, 0.8]])  # an IoU of 0.54
    assert box_iou(pair[0, :4], pair[1, :4]) > 0.5

    def detect(image):
        y, x = 0, 0
        if image.shape[1] < 2400:
            offset = image.__array_interface__["data"][0] - pixels.__array_interface__["data"][0]
            y, x = divmod(offset // 3, 2400)
        found = pair - (x, y, x, y, 0)
        return found[(found[:, 0] >= 0) & (found[:, 1] >= 0)]

    pixels = np.zeros((1600, 2400, 3), np.uint8)
    boxes, scores = find_in_tiles(detect, pixels, "auto")
    np.testing.assert_array_equal(boxes, pair[:, :4])
    assert scores.tolist() == [0.9, 0.8]


@given(st.integers(0, 2**31))
def test_nms_in_groups_is_that_of_the_loop(seed):
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0, 30, (12, 4))
    boxes[:, 2:] += boxes[:, :2]
    scores, groups = rng.random(12), rng.integers(0, 3, 12)
    stay = []
    for one in np.argsort(-scores):
        if not any(groups[one] != groups[k] and box_iou(boxes[one], boxes[k]) > 0.3 for k in stay):
            stay.append(one)
    assert nms(boxes, scores, 0.3, groups).tolist() == stay
    assert nms(boxes, scores, 0.3, np.arange(12)).tolist() == nms(boxes, scores, 0.3).tolist()


def test_a_panorama_and_five_hundred_people_take_a_bounded_number_of_looks_and_no_copy():
    columns, rows = np.meshgrid(np.arange(50), np.arange(10))
    corners = np.stack((390 * columns + 40, 190 * rows + 30), axis=-1).reshape(-1, 2) - 0.5
    picture = Picture((2000, 20000), np.concatenate((corners, corners + np.array((60, 120))), axis=1))
    assert len(picture.rectangles) == 500
    assert_found(picture, "auto")  # the detector refuses views of anything but the picture
    assert len(picture.shown) <= MOST + 1


def test_the_estimator_looks_at_tiles_and_cuts_people_out_of_the_whole_picture(dot_model, dots):
    image = np.zeros((1600, 1800, 3), np.uint8)
    patch = dots(80, 60, [(20, 20), (30, 40), (40, 60)], sigma=4)
    image[700:780, 1000:1060] = patch

    def detect(shown):
        ys, xs = np.nonzero(shown.max(axis=2) > 20)
        if not len(ys) or max(shown.shape) > 1200:
            return np.zeros((0, 5))
        return np.array([[xs.min() - 5, ys.min() - 5, xs.max() + 5, ys.max() + 5, 0.9]])

    whole, tiled = (PoseEstimator(dot_model(), "onnxruntime", detector=detect, tiles=t) for t in ("off", "auto"))
    assert len(whole(image)) == 0
    poses = tiled(image)
    assert len(poses) == 1
    np.testing.assert_allclose(poses.keypoints[0], np.add([(20, 20), (30, 40), (40, 60)], (1000, 700)), atol=0.5)


def test_of_a_video_parts_are_looked_at_only_when_asked_for(dot_model):
    for tiles, looks in (("auto", 1), ("off", 1), (2, 1 + 2 * 2)):
        shown = []

        def detect(image, shown=shown):
            shown.append(image.shape)
            return np.zeros((0, 5))

        estimator = PoseEstimator(dot_model(), "onnxruntime", detector=detect, tiles=tiles)
        assert len(list(estimator.stream([np.zeros((1600, 2400, 3), np.uint8)]))) == 1
        assert len(shown) == looks


@pytest.mark.parametrize("wrong", ["always", 0, -1, 2.5, None, ""])
def test_wrong_options_are_refused(wrong, dot_model):
    with pytest.raises(ValueError, match="tiles must be"):
        check_tiles(wrong)
    with pytest.raises(ValueError, match="tiles must be"):
        PoseEstimator(dot_model(), tiles=wrong)
    assert [check_tiles(right) for right in ("auto", "off", "3", 3)] == ["auto", "off", 3, 3]
    assert MARGIN < OVERLAP / 4


def test_what_a_detector_gives_for_a_tile_is_checked():
    with pytest.raises(BoxError, match=r"a\.jpg"):
        find_in_tiles(
            lambda image: [[0, 0, 9, 9]] if image.shape[1] > 2000 else "person", np.zeros((9, 2400, 3)), 2, "a.jpg"
        )


@pytest.mark.parametrize("hw", [(1, 1), (20, 40), (64, 64), (100, 70)])
def test_a_tiny_picture_is_not_cut_to_pieces(hw):
    places = list(tile_places(hw, 50))
    assert all(side >= SMALLEST for _, _, side in places)
    assert len(places) <= 9
