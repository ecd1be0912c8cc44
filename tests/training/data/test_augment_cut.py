"""Pictures that end within a person: where the picture, the box and the joints are afterwards."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from leanpose.pose.skeleton import LSP14
from leanpose.training.data.augment import MIN_CUT, Augmentation, augmented_crop, cut_picture


def _places(height: int, width: int) -> np.ndarray:
    """A picture (H, W, 2) whose pixels say where they are."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.tuples(st.floats(-40, 200), st.floats(-40, 200)),
    st.tuples(st.floats(0.01, 250), st.floats(0.01, 250)),
    st.integers(0, 2**32 - 1),
)
@example(100, 100, (50.0, 50.0), (0.01, 40.0), 0)
@example(100, 100, (150.0, 20.0), (30.0, 60.0), 3)  # beside the picture
def test_box_and_joints_move_with_the_picture(
    height: int, width: int, corner: tuple[float, float], extent: tuple[float, float], seed: int
) -> None:
    image = _places(height, width)
    box = np.array([*corner, corner[0] + extent[0], corner[1] + extent[1]])
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-20, 220, (5, 2))
    view, moved, left = cut_picture(image, keypoints, box, rng)
    assert np.shares_memory(view, image)
    if view.shape == image.shape:
        np.testing.assert_array_equal(moved, keypoints)
        return
    start = view[0, 0]  # of the view, in pixels of the picture
    assert min(view.shape[:2]) >= MIN_CUT
    np.testing.assert_allclose(moved + start, keypoints, atol=1e-9)
    edges = np.array([-0.5, -0.5, view.shape[1] - 0.5, view.shape[0] - 0.5])
    assert (left[:2] >= edges[:2]).all()
    assert (left[2:] <= edges[2:]).all()
    assert (left[:2] < left[2:]).all()
    # nothing but the picture's edges shortens the box
    by_hand = np.clip(box - np.tile(start, 2), np.tile(edges[:2], 2), np.tile(edges[2:], 2))
    np.testing.assert_allclose(left, by_hand, atol=1e-9)


def test_one_or_two_sides_end_within_the_person_most_often_the_lower_one() -> None:
    image, box = _places(400, 400), np.array([100.0, 50.0, 300.0, 350.0])
    sides = np.zeros(4)
    for seed in range(500):
        view, _, left = cut_picture(image, np.zeros((1, 2)), box, np.random.default_rng(seed))
        cut = [view[0, 0, 0] > 0, view[0, 0, 1] > 0, view[-1, -1, 0] < 399, view[-1, -1, 1] < 399]
        sides += cut
        assert sum(cut) in (1, 2)
        shares = (left[2:] - left[:2]) / (box[2:] - box[:2])
        assert (shares[[sum(cut[axis::2]) > 0 for axis in (0, 1)]] <= 0.81).all()
        assert (shares >= 0.19).all()
    assert sides.argmax() == 3
    assert sides.min() > 0


def test_what_a_crop_shows_of_a_cut_person_is_as_it_was_and_the_rest_black() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(1, 256, (200, 200, 3), dtype=np.uint8)
    box, keypoints = np.array([40.0, 30.0, 160.0, 170.0]), rng.uniform(40, 160, (14, 2))
    crop, points, weights = augmented_crop(
        image, keypoints, np.full(14, 0.5), box, LSP14, (96, 96), 1.25, Augmentation(cut=1), np.random.default_rng(4)
    )
    again = np.random.default_rng(4)
    again.random()
    view, moved, left = cut_picture(image, keypoints, box, again)
    expected = augmented_crop(
        view, moved, np.full(14, 0.5), left, LSP14, (96, 96), 1.25, Augmentation(), np.random.default_rng(9)
    )
    for ours, theirs in zip((crop, points, weights), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (crop == 0).all(axis=2).any()
