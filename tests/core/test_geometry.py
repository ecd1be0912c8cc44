import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leanpose.core import geometry as g
from leanpose.pose.skeleton import LSP14

coordinate = st.floats(-500, 3000)
side = st.floats(5, 2000)
boxes = st.tuples(coordinate, coordinate, side, side).map(lambda b: np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]]))
input_sizes = st.tuples(st.integers(32, 384), st.integers(32, 384))
transforms = st.builds(
    g.crop_transform,
    boxes,
    input_sizes,
    padding=st.floats(0.5, 2),
    scale=st.floats(0.5, 2),
    rotation=st.floats(-360, 360),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)


def blob(height, width, centre, sigma):
    """A Gaussian of 3 equal channels, float so that rounding does not move its centre of mass."""
    y, x = np.mgrid[:height, :width]
    one = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))
    return np.repeat(one[..., None], 3, axis=2).astype(np.float32)


def centre_of_mass(image):
    weights = image[..., 0].astype(float)
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@given(transforms, st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=5))
def test_crop_then_uncrop_is_the_identity(transform, points):
    points = np.array(points)
    back = g.apply(g.invert(transform), g.apply(transform, points))
    np.testing.assert_allclose(back, points, atol=1e-3)
    np.testing.assert_allclose(g.invert(g.invert(transform)), transform, atol=1e-6, rtol=1e-6)


@given(boxes, input_sizes, st.floats(0.5, 2), st.floats(0.5, 2), st.floats(-360, 360))
def test_transform_is_a_similarity_that_fits_the_grown_box(box, input_hw, padding, scale, rotation):
    height, width = input_hw
    linear = g.crop_transform(box, input_hw, padding, scale, rotation)[:, :2]
    # the aspect is preserved: both axes are zoomed alike and stay orthogonal
    zoom = np.hypot(*linear[:, 0])
    np.testing.assert_allclose(linear.T @ linear, zoom**2 * np.eye(2), atol=1e-9)
    assert np.linalg.det(linear) > 0  # not mirrored
    # the region shown (crop side over zoom), without padding and scale, holds the box and touches it on one axis
    slack = np.array([width, height]) / (zoom * padding * scale) / (box[2:] - box[:2])
    assert min(slack) == pytest.approx(1)


@given(boxes, input_sizes, st.floats(-360, 360))
def test_box_centre_is_the_crop_centre(box, input_hw, rotation):
    transform = g.crop_transform(box, input_hw, rotation=rotation)
    centre = np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]])
    np.testing.assert_allclose(g.apply(transform, centre), [[(input_hw[1] - 1) / 2, (input_hw[0] - 1) / 2]], atol=1e-6)


def test_hand_computed_transforms():
    # box 10..30 x 10..30, crop 40: zoom 2, and the box's edge 10 lands on the crop's edge -0.5
    np.testing.assert_allclose(g.crop_transform([10, 10, 30, 30], (40, 40), 1.0), [[2, 0, -20.5], [0, 2, -20.5]])
    # padding 1.25 shows 25 pixels
    assert g.crop_transform([10, 10, 30, 30], (40, 40))[0, 0] == pytest.approx(40 / 25)
    # scale 2 shows the person at half the size
    assert g.crop_transform([10, 10, 30, 30], (40, 40), 1.0, scale=2)[0, 0] == pytest.approx(1)
    # a shift of half a region to the right brings the box's right edge to the crop's centre, rotated or not
    for rotation in (0, 30):
        shifted = g.crop_transform([10, 10, 30, 30], (40, 40), 1.0, rotation=rotation, shift=(0.5, 0))
        np.testing.assert_allclose(g.apply(shifted, np.array([[30.0, 20.0]])), [[19.5, 19.5]])
    # shifts count in sides of the region shown, not of the box: 10 of 20 pixels for a box 4 wide
    narrow = g.crop_transform([18, 10, 22, 30], (40, 40), 1.0, shift=(0.5, 0))
    np.testing.assert_allclose(g.apply(narrow, np.array([[30.0, 20.0]])), [[19.5, 19.5]])
    # a tall box in a wide crop is grown sideways: 20 high shown in 40 rows
    assert g.crop_transform([10, 10, 11, 30], (40, 80), 1.0)[0, 0] == pytest.approx(2)
    # a box without width is still a box
    assert g.crop_transform([10, 10, 10, 30], (40, 40), 1.0)[0, 0] == pytest.approx(2)


@given(st.lists(boxes, min_size=1, max_size=4), st.integers(0, 2**31))
def test_batches_equal_single_transforms(box_list, seed):
    rng, n = np.random.default_rng(seed), len(box_list)
    scale, rotation, shift = rng.uniform(0.5, 2, n), rng.uniform(-90, 90, n), rng.uniform(-0.3, 0.3, (n, 2))
    points = rng.uniform(0, 500, (n, 3, 2))
    batch = g.crop_transform(np.stack(box_list), (64, 48), 1.25, scale, rotation, shift)
    singles = [g.crop_transform(b, (64, 48), 1.25, scale[i], rotation[i], shift[i]) for i, b in enumerate(box_list)]
    np.testing.assert_allclose(batch, singles)
    np.testing.assert_allclose(g.apply(batch, points), [g.apply(t, p) for t, p in zip(singles, points, strict=True)])
    np.testing.assert_allclose(g.invert(batch), [g.invert(t) for t in singles])


def test_no_boxes_give_no_transforms():
    assert g.crop_transform(np.zeros((0, 4)), (64, 48)).shape == (0, 2, 3)


@pytest.mark.parametrize(
    "box",
    [
        [np.nan, 0, 1, 1],
        [0, 0, np.inf, 3],
        [np.inf, 0, np.inf, 3],
        [0, -np.inf, 3, 3],
        [4, 4, 4, 4],
        [5, 0, 3, 4],
        [0, 9, 3, 4],
    ],
)
@pytest.mark.filterwarnings("error")
def test_unusable_boxes_are_refused(box):
    with pytest.raises(ValueError, match="boxes must"):
        g.crop_transform(box, (64, 64))
    with pytest.raises(ValueError, match="boxes must"):  # one bad box among good ones
        g.crop_transform([[0, 0, 9, 9], box], (64, 64))


def test_rotation_turns_the_content_clockwise_on_screen():
    transform = g.crop_transform([0, 0, 100, 100], (101, 101), 1.0, rotation=90)
    right_of_centre = np.array([[70.0, 50.0]])
    x, y = g.apply(transform, right_of_centre)[0]
    assert x == pytest.approx(50)
    assert y > 65  # three o'clock goes to six o'clock
    image = blob(101, 101, right_of_centre[0], 3)
    np.testing.assert_allclose(centre_of_mass(g.warp(image, transform, (101, 101))), (x, y), atol=0.05)


def test_hull_box_counts_only_labelled_joints():
    keypoints = np.array([[3.0, 9.0], [7.0, 2.0], [100.0, 100.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(g.hull_box(keypoints, np.array([True, True, False, False])), [3, 2, 7, 9])
    with pytest.raises(ValueError, match="labelled"):
        g.hull_box(keypoints, np.zeros(4, bool))


def test_image_box_covers_every_pixel():
    np.testing.assert_array_equal(g.image_box(height=20, width=30), [-0.5, -0.5, 29.5, 19.5])
    np.testing.assert_allclose(g.crop_transform(g.image_box(20, 30), (20, 30), 1.0), [[1, 0, 0], [0, 1, 0]], atol=1e-12)


# --- flips and cells


@given(st.integers(0, 2**31), st.integers(1, 500))
def test_flip_of_flip_is_the_identity(seed, width):
    keypoints = np.random.default_rng(seed).uniform(-50, 500, (3, 14, 2))
    kept = keypoints.copy()
    twice = g.flip_keypoints(g.flip_keypoints(keypoints, width, LSP14.flip_permutation), width, LSP14.flip_permutation)
    np.testing.assert_allclose(twice, keypoints, atol=1e-9)
    np.testing.assert_array_equal(keypoints, kept)  # the argument is not written to


def test_flip_moves_the_mirrored_pixel_and_swaps_the_sides():
    image = np.arange(12).reshape(2, 6)
    keypoints = np.zeros((14, 2))
    keypoints[LSP14.index("left_wrist")] = (1, 0)
    flipped = g.flip_keypoints(keypoints, 6, LSP14.flip_permutation)
    x, y = flipped[LSP14.index("right_wrist")].astype(int)
    assert image[:, ::-1][y, x] == image[0, 1]


@given(st.integers(1, 64), st.sampled_from([1, 2, 4, 8]), st.floats(-5, 70), st.floats(-5, 70))
def test_flip_commutes_with_cells(cells_wide, stride, x, y):
    cells, none = np.array([[x, y]]), np.array([0])
    in_cells = g.cells_to_crop(g.flip_keypoints(cells, cells_wide, none), stride)
    in_crop = g.flip_keypoints(g.cells_to_crop(cells, stride), cells_wide * stride, none)
    np.testing.assert_allclose(in_cells, in_crop, atol=1e-9)


@given(st.floats(0.5, 16), st.sampled_from([0.0, 0.5]), st.floats(-100, 500))
def test_cells_and_crop_are_inverse(stride, offset, x):
    point = np.array([x, -x])
    np.testing.assert_allclose(
        g.crop_to_cells(g.cells_to_crop(point, stride, offset), stride, offset), point, atol=1e-9
    )


def test_cells_sit_in_the_middle_of_their_pixels():
    for stride in (1, 2, 4):
        for i in range(3):
            covered = np.arange(stride * i, stride * (i + 1))
            assert g.cells_to_crop(np.array([i, i]), stride)[0] == covered.mean()
            assert g.cells_to_crop(np.array([i, i]), stride, cell_offset=0)[0] == stride * i


@given(transforms, st.integers(32, 384))
def test_mirrored_transform_is_the_transform_then_a_flip(transform, width):
    points = np.array([[3.0, 4.0], [50.0, -7.0]])
    then_flipped = g.flip_keypoints(g.apply(transform, points), width, np.arange(2))
    np.testing.assert_allclose(g.apply(g.mirror(transform, width), points), then_flipped, atol=1e-6)


# --- warp


@pytest.mark.parametrize(
    ("hw", "shown_hw"),
    [((30, 40), (30, 40)), ((60, 80), (60, 80)), ((36, 64), (36, 48)), ((45, 60), (45, 60)), ((150, 160), (120, 160))],
)
def test_whole_image_crop_agrees_with_cv2_resize_when_it_enlarges(hw, shown_hw):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    crop = g.warp(image, g.crop_transform(g.image_box(30, 40), hw, 1.0), hw)
    (rows, cols), rim = shown_hw, -(-shown_hw[0] // 30)  # at its rim cv2.resize repeats pixels, warp blends into black
    top, left = (hw[0] - rows) // 2, (hw[1] - cols) // 2
    shown = crop[top + rim : top + rows - rim, left + rim : left + cols - rim]
    resized = cv2.resize(image, (cols, rows), interpolation=cv2.INTER_LINEAR)[rim : rows - rim, rim : cols - rim]
    assert np.abs(shown.astype(int) - resized.astype(int)).max() <= 6  # OpenCV warps with weights of 5 bits
    bars = np.ones(hw, bool)
    bars[max(top - rim, 0) : top + rows + rim, max(left - rim, 0) : left + cols + rim] = False
    assert not crop[bars].any()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_whole_image_crop_agrees_with_area_averaging_when_it_halves(factor):
    image = np.random.default_rng(1).integers(0, 256, (24 * factor, 32 * factor, 3), dtype=np.uint8)
    crop = g.warp(image, g.crop_transform(g.image_box(*image.shape[:2]), (24, 32), 1.0), (24, 32))
    by_hand = image.reshape(24, factor, 32, factor, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(crop, by_hand, atol=0.51 * np.log2(factor))  # rounded at each halving
    np.testing.assert_allclose(crop, cv2.resize(image, (32, 24), interpolation=cv2.INTER_AREA), atol=1)


@pytest.mark.parametrize("size", [(97, 131), (205, 263), (430, 571)])
def test_shrinking_by_any_factor_agrees_with_cv2_resize_on_smooth_images(size):
    y, x = np.mgrid[: size[0], : size[1]]
    wave = 128 + 60 * np.sin(2 * np.pi * x / size[1]) + 60 * np.cos(2 * np.pi * y / size[0])
    image = np.repeat(wave[..., None], 3, axis=2).astype(np.float32)
    side = 40
    crop = g.warp(image, g.crop_transform(g.image_box(*size), (side, side), 1.0), (side, side))
    zoom = side / max(size)
    rows = side * size[0] / max(size)
    # cv2.resize cannot take a fractional size: the image is sampled where its half-pixel rule says
    for r in range(side):
        source_y = (r - (side - rows) / 2 + 0.5) / zoom - 0.5
        if not 2 / zoom < source_y < size[0] - 2 / zoom:
            continue
        for c in range(2, side - 2, 5):
            source_x = (c + 0.5) / zoom - 0.5
            want = 128 + 60 * np.sin(2 * np.pi * source_x / size[1]) + 60 * np.cos(2 * np.pi * source_y / size[0])
            assert crop[r, c, 0] == pytest.approx(want, abs=1.5)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1.2, 1.8).map(np.exp),  # source pixels per crop pixel: 0.3 to 6
    st.floats(-180, 180),
    st.tuples(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15)),
    st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
    st.booleans(),
)
def test_a_blob_lands_where_its_coordinate_lands(shrink, rotation, shift, offset, mirrored):
    centre = np.array([200.0, 180.0])
    half = 32 * shrink
    box = np.concatenate((centre - half, centre + half))
    transform = g.crop_transform(box, (64, 64), 1.0, rotation=rotation, shift=shift)
    if mirrored:
        transform = g.mirror(transform, 64)
    at = centre + np.array(offset) * shrink
    expected = g.apply(transform, at[None])[0]
    assume(expected.min() > 13)
    assume(expected.max() < 50)
    crop = g.warp(blob(400, 400, at, 3 * shrink), transform, (64, 64))
    np.testing.assert_allclose(centre_of_mass(crop), expected, atol=0.05)


@settings(max_examples=300, deadline=None)
@given(st.floats(0.5, 9), st.floats(-180, 180), st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)), st.booleans())
def test_no_darkness_leaks_in_where_the_image_covers_the_crop(shrink, rotation, shift, mirrored):
    white = np.full((1001, 1003, 3), 255, np.uint8)
    transform = g.crop_transform(
        [500 - 32 * shrink, 490 - 24 * shrink, 500 + 32 * shrink, 490 + 24 * shrink],
        (48, 64),
        1.0,
        rotation=rotation,
        shift=shift,
    )
    if mirrored:
        transform = g.mirror(transform, 64)
    assert g.warp(white, transform, (48, 64)).min() == 255


@pytest.mark.parametrize("size", [(401, 403), (200, 200), (239, 239)])
def test_the_whole_of_an_image_is_shown_up_to_its_edges(size):
    """No rows or columns are lost at an edge that is no multiple of the factor; at most half a pixel is blended."""
    white = np.full((*size, 3), 255, np.uint8)
    crop = g.warp(white, g.crop_transform(g.image_box(*size), (40, 40), 1.0), (40, 40))
    assert crop[2:-2, 0].min() >= 127
    assert crop[2:-2, -1].min() >= 127
    assert crop[2:-2, 1:-1].min() == 255


@pytest.mark.parametrize("side", [20, 400])
def test_outside_the_image_is_black(side):
    white = np.full((50, 50, 3), 255, np.uint8)
    crop = g.warp(white, g.crop_transform([500, 500, 500 + side, 500 + side], (32, 32)), (32, 32))
    assert crop.shape == (32, 32, 3)
    assert not crop.any()


def test_box_iou_counts_pixels():
    """On whole coordinates the overlap is a number of unit squares."""
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 12, (6, 2, 2)), axis=1)
    boxes = corners.reshape(6, 4).astype(float)

    def cells(box):
        x1, y1, x2, y2 = box.astype(int)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    found = g.box_iou(boxes[:, None], boxes)
    for i, j in np.ndindex(6, 6):
        either = cells(boxes[i]) | cells(boxes[j])
        expected = len(cells(boxes[i]) & cells(boxes[j])) / len(either) if either else 0
        assert found[i, j] == pytest.approx(expected)
    assert g.box_iou(np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])) == pytest.approx(1 / 3)
    assert g.box_iou(np.zeros((0, 1, 4)), boxes).shape == (0, 6)


def test_corners_of_cocos_boxes_there_and_back():
    """The whole of a 4 x 3 image is 0, 0, 4, 3 from its corner."""
    np.testing.assert_array_equal(g.to_corner(g.image_box(3, 4)), [0, 0, 4, 3])
    box = np.array([1.25, -2, 7, 9.5])
    np.testing.assert_array_equal(g.from_corner(g.to_corner(box)), box)
