import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leanpose.core.decode import METHODS, decode, merge_flipped
from leanpose.pose.skeleton import LSP14

pytestmark = pytest.mark.filterwarnings("error")
every_method = pytest.mark.parametrize("method", METHODS)


def render(centres, sigma, height=64, width=64):
    """(1, K, H, W) Gaussians of peak 1 at centres (K, 2)."""
    x = np.exp(-((np.arange(width) - centres[:, :1]) ** 2) / (2 * sigma**2))
    y = np.exp(-((np.arange(height) - centres[:, 1:]) ** 2) / (2 * sigma**2))
    return (y[:, :, None] * x[:, None, :]).astype(np.float32)[None]


def noisy_maps(seed, people=2, joints=3, height=9, width=11):
    """Maps without ties: a permutation of distinct values each."""
    rng = np.random.default_rng(seed)
    ranks = np.stack([rng.permutation(height * width) for _ in range(people * joints)])
    return (ranks / (height * width)).reshape(people, joints, height, width)


# --- round trips of rendered Gaussians


@pytest.mark.parametrize(
    ("options", "sigmas", "tolerance"),
    [
        ({"method": "argmax"}, (0.5, 4), 0.5),
        ({"method": "quarter"}, (0.5, 4), 0.25),
        ({"method": "argmax", "extra_shift": True}, (0.5, 4), 0.25),
        ({"method": "taylor"}, (1, 3), 0.02),
        ({"method": "taylor", "sigma": 1}, (1, 3), 0.02),
        ({"method": "soft"}, (1, 3), 0.02),
        ({"method": "soft", "radius": 12}, (1, 3), 0.02),
        ({"method": "soft", "radius": 8}, (1, 2), 0.02),
        ({"method": "beta", "beta": 20}, (3, 3), 0.02),
        ({"method": "beta", "beta": 10, "radius": 8}, (2, 2), 0.02),
        ({"method": "beta", "beta": 10, "radius": 12}, (3, 3), 0.02),
        ({"method": "beta"}, (0.5, 4), 0.5),
        ({"method": "beta", "extra_shift": True}, (2, 2), 0.25),
    ],
)
@settings(max_examples=80)
@given(st.data())
def test_round_trip(options, sigmas, tolerance, data):
    sigma = data.draw(st.floats(*sigmas))
    coordinate = st.floats(12, 51)
    centres = np.array(data.draw(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4)))
    cells, scores = decode(render(centres, sigma), **options)
    np.testing.assert_allclose(cells[0], centres, atol=tolerance + 1e-5)
    # the cell the score is read at is at most half a cell off the centre on each axis
    assert scores.max() <= 1
    assert scores.min() >= np.exp(-((0.5 + 1e-5) ** 2) / sigma**2) - 1e-5


def test_beta_of_one_is_pulled_to_the_centre_of_the_map():
    centre = np.array([[20.0, 45.0]])
    cells, _ = decode(render(centre, 2), "beta", beta=1)
    # the peak adds some 35 to the 4096 that the flat background weighs
    assert np.abs(cells - 31.5).max() < 1


def test_taylor_near_the_border_still_finds_the_centre():
    rng = np.random.default_rng(0)
    centres = rng.uniform(0.51, 6, (200, 2))
    centres[::2] = 63 - centres[::2]
    cells, _ = decode(render(centres, 2))
    np.testing.assert_allclose(cells[0], centres, atol=0.02)


def test_a_window_ignores_a_second_peak():
    one, two = np.array([[20.3, 20.7]]), np.array([[50.0, 50.0]])
    both = render(one, 2) + 0.8 * render(two, 2)
    np.testing.assert_allclose(decode(both, "soft", radius=8)[0][0], one, atol=0.02)
    assert np.abs(decode(both, "soft")[0][0] - one).max() > 5


# --- independent oracles on maps that are not Gaussians


def dark_by_loop(heatmap, sigma):
    """DARK as published, on one whole map: blur, log, Taylor expansion at the largest cell of the unblurred map."""
    reach = int(np.ceil(3 * sigma))
    blurred = cv2.GaussianBlur(heatmap, (2 * reach + 1, 2 * reach + 1), sigma, borderType=cv2.BORDER_CONSTANT)
    log = np.log(np.maximum(blurred * heatmap.max() / blurred.max(), 1e-10))
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    gradient = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    mixed = (log[y + 1, x + 1] - log[y + 1, x - 1] - log[y - 1, x + 1] + log[y - 1, x - 1]) / 4
    along_x = log[y, x + 1] - 2 * log[y, x] + log[y, x - 1]
    along_y = log[y + 1, x] - 2 * log[y, x] + log[y - 1, x]
    hessian = np.array([[along_x, mixed], [mixed, along_y]])
    if np.linalg.eigvalsh(hessian).max() >= 0:
        return np.array([x, y], float)
    return np.array([x, y]) + np.clip(-np.linalg.solve(hessian, gradient), -1, 1)


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 1.5, 2.0]), st.floats(0, 0.5))
def test_taylor_equals_dark_on_whole_noisy_maps(seed, sigma, noise):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(14, 33, (5, 2))
    maps = render(centres, 2, 48, 48).astype(float) + noise * rng.random((1, 5, 48, 48))
    peaks = decode(maps, "argmax")[0][0]
    inner = ((peaks > 7) & (peaks < 40)).all(axis=1)  # here the whole map's border does not matter
    assume(inner.any())
    expected = np.stack([dark_by_loop(m, sigma) if ok else [0, 0] for m, ok in zip(maps[0], inner, strict=True)])
    np.testing.assert_allclose(decode(maps, "taylor", sigma=sigma)[0][0][inner], expected[inner], atol=1e-6)


@given(st.integers(0, 2**31))
def test_argmax_and_quarter_equal_a_loop(seed):
    maps = noisy_maps(seed)
    argmax, argmax_scores = decode(maps, "argmax")
    quarter, quarter_scores = decode(maps, "quarter")
    for n in range(2):
        for k in range(3):
            best = max((maps[n, k, y, x], x, y) for y in range(9) for x in range(11))
            value, x, y = best
            dx = dy = 0.0
            if 0 < x < 10:
                dx = 0.25 if maps[n, k, y, x + 1] > maps[n, k, y, x - 1] else -0.25
            if 0 < y < 8:
                dy = 0.25 if maps[n, k, y + 1, x] > maps[n, k, y - 1, x] else -0.25
            assert argmax[n, k].tolist() == [x, y]
            assert quarter[n, k].tolist() == [x + dx, y + dy]
            assert argmax_scores[n, k] == quarter_scores[n, k] == np.float32(value)


@pytest.mark.parametrize("radius", [None, 0, 2, 50])
@given(st.integers(0, 2**31), st.floats(0.1, 50))
def test_soft_variants_equal_a_loop(radius, seed, beta):
    maps = noisy_maps(seed, people=1, joints=2) - 0.5
    for method in ("soft", "beta"):
        cells, scores = decode(maps, method, beta=beta, radius=radius)
        for k in range(2):
            _, peak_x, peak_y = max((maps[0, k, y, x], x, y) for y in range(9) for x in range(11))
            total, sum_x, sum_y = 0.0, 0.0, 0.0
            for y in range(9):
                for x in range(11):
                    if radius is not None and (abs(x - peak_x) > radius or abs(y - peak_y) > radius):
                        continue
                    w = np.exp(beta * maps[0, k, y, x]) if method == "beta" else max(maps[0, k, y, x], 0)
                    total, sum_x, sum_y = total + w, sum_x + w * x, sum_y + w * y
            np.testing.assert_allclose(cells[0, k], [sum_x / total, sum_y / total], atol=1e-9)
            x, y = np.floor(cells[0, k] + 0.5).astype(int)
            assert scores[0, k] == pytest.approx(max(maps[0, k, y, x], 0))


def test_beta_with_extra_shift_steps_from_the_rounded_position():
    maps = np.zeros((1, 1, 5, 7))
    maps[0, 0, 2] = [0, 0, 0.2, 1, 0.4, 0, 0]
    cells, scores = decode(maps, "beta", extra_shift=True)
    np.testing.assert_allclose(cells[0, 0], [3.25, 2], atol=1e-9)
    assert scores[0, 0] == 1


# --- equivariance


@every_method
@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(0, 6))
def test_moving_the_map_moves_the_result(method, seed, right, down):
    rng = np.random.default_rng(seed)
    # content with a rim of zeros: the surroundings of the peak are the same before and after
    content = render(rng.uniform(2, 9, (3, 2)), 1.5, 12, 12) * rng.uniform(0.5, 1, (1, 3, 12, 12))
    before, after = np.zeros((1, 3, 40, 42)), np.zeros((1, 3, 40, 42))
    before[..., 12:24, 12:24] = content
    after[..., 12 + down : 24 + down, 12 + right : 24 + right] = content
    (cells, scores), (moved, moved_scores) = decode(before, method), decode(after, method)
    np.testing.assert_allclose(moved, cells + np.array([right, down]), atol=1e-6)
    np.testing.assert_allclose(moved_scores, scores)


@every_method
@pytest.mark.parametrize("extra_shift", [False, True])
@given(st.integers(0, 2**31))
def test_mirrored_maps_give_mirrored_results(method, extra_shift, seed):
    maps = noisy_maps(seed)
    cells, scores = decode(maps, method, extra_shift=extra_shift)
    assume(np.abs((cells + 0.5) % 1).min() > 1e-6)  # rounding halves has a side
    for axis, last in ((0, 10), (1, 8)):
        mirrored, mirrored_scores = decode(np.flip(maps, axis=3 - axis), method, extra_shift=extra_shift)
        expected = cells.copy()
        expected[..., axis] = last - cells[..., axis]
        np.testing.assert_allclose(mirrored, expected, atol=1e-9)
        np.testing.assert_array_equal(mirrored_scores, scores)


# --- odd maps


@pytest.mark.parametrize("method", ["argmax", "quarter", "taylor"])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (6, 0), (0, 4), (6, 4), (3, 0), (3, 4), (0, 2), (6, 2)])
def test_a_peak_on_the_border_does_not_move_off_it(method, x, y):
    maps = np.full((1, 1, 5, 7), 0.1)
    maps[0, 0, y, x] = 1
    cells, scores = decode(maps, method)
    assert cells[0, 0].tolist() == [x, y]
    assert scores[0, 0] == 1


def test_quarter_still_steps_along_the_border():
    maps = np.zeros((1, 1, 5, 7))
    maps[0, 0, 0, 2:5] = 0.2, 1, 0.6
    assert decode(maps, "quarter")[0][0, 0].tolist() == [3.25, 0]
    assert decode(maps, "taylor")[0][0, 0].tolist() == [3, 0]


@pytest.mark.parametrize("method", ["argmax", "quarter", "taylor"])
def test_the_first_of_several_peaks_wins(method):
    maps = np.zeros((1, 2, 9, 9))
    maps[0, 0, 2, 6] = maps[0, 0, 6, 2] = 0.7  # reading order: the upper one first
    maps[0, 1, 5, 3] = maps[0, 1, 5, 6] = 0.7
    cells, scores = decode(maps, method, sigma=0.3)
    np.testing.assert_allclose(cells[0], [[6, 2], [3, 5]], atol=1e-6)
    np.testing.assert_allclose(scores, 0.7)


def test_a_peak_shared_by_two_cells_is_between_them():
    maps = render(np.array([[30.5, 20.0]]), 2)
    assert decode(maps, "argmax")[0][0, 0].tolist() == [30, 20]
    assert decode(maps, "quarter")[0][0, 0].tolist() == [30.25, 20]
    for method in ("taylor", "soft", "beta"):
        np.testing.assert_allclose(decode(maps, method)[0][0, 0], [30.5, 20], atol=1e-4)


def test_a_plateau_keeps_taylor_within_a_cell_of_its_first_cell():
    maps = np.zeros((1, 1, 20, 20))
    maps[0, 0, 5:12, 5:15] = 0.8
    cells, scores = decode(maps, "taylor", sigma=0.3)
    np.testing.assert_allclose(cells[0, 0], [5.5, 5.5], atol=1e-3)  # the log falls off on one side only
    np.testing.assert_allclose(decode(maps, "soft")[0][0, 0], [9.5, 8])
    assert scores[0, 0] == np.float32(0.8)


def test_taylor_stays_at_argmax_where_there_is_no_proper_maximum():
    ridge = np.zeros((1, 1, 15, 15))
    ridge[0, 0] = np.exp(-((np.arange(15) - 7.3) ** 2) / 8)  # the same in all rows: flat along y
    ridge[0, 0, 7] *= 1 + 1e-12
    assert decode(ridge, "taylor")[0][0, 0].tolist() == [7, 7]
    bowl = 0.1 + 0.01 * ((np.mgrid[:15, :15] - 7) ** 2).sum(axis=0)[None, None]
    bowl[0, 0, 7, 7] = 2.1  # a spike in a bowl: blurred, the bowl's upward curve wins
    assert decode(bowl, "taylor", sigma=4)[0][0, 0].tolist() == [7, 7]
    below_zero = noisy_maps(0) - 2  # no logarithm
    np.testing.assert_array_equal(decode(below_zero, "taylor")[0], decode(below_zero, "argmax")[0])


def test_a_taylor_step_is_at_most_one_cell():
    maps = render(np.array([[20.0, 20.0]]), 3)
    maps[0, 0, 20, 26] = 1.5  # an outlier on the slope
    cells, _ = decode(maps, "taylor", sigma=3)
    assert cells[0, 0, 0] == 25
    assert abs(cells[0, 0, 1] - 20) < 1e-6


@every_method
@pytest.mark.parametrize("level", [0, 0.7, -3, 5])
def test_a_map_without_contrast_gives_its_centre_and_no_score(method, level):
    cells, scores = decode(np.full((2, 3, 5, 8), level), method, extra_shift=True)
    np.testing.assert_array_equal(cells, np.broadcast_to([3.5, 2], (2, 3, 2)))
    assert not scores.any()


@every_method
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("whole", [False, True])
def test_a_map_that_is_not_finite_gives_no_position_and_harms_no_other(method, bad, whole):
    maps = noisy_maps(3)
    clean_cells, clean_scores = decode(maps, method)
    maps[1, 2, ... if whole else 4] = bad
    given_maps = maps.copy()
    cells, scores = decode(maps, method)
    np.testing.assert_array_equal(maps, given_maps)  # the argument is not written to
    assert np.isnan(cells[1, 2]).all()
    assert scores[1, 2] == 0
    others = np.ones((2, 3), bool)
    others[1, 2] = False
    np.testing.assert_array_equal(cells[others], clean_cells[others])
    np.testing.assert_array_equal(scores[others], clean_scores[others])


@every_method
@pytest.mark.parametrize("shape", [(0, 14, 8, 8), (2, 0, 8, 8), (0, 0, 1, 1)])
def test_no_people_or_no_joints(method, shape):
    cells, scores = decode(np.zeros(shape), method)
    assert cells.shape == (*shape[:2], 2)
    assert scores.shape == shape[:2]


@every_method
@pytest.mark.parametrize("shape", [(5, 1), (1, 5), (2, 2), (2, 5)])
def test_maps_too_small_for_neighbours(method, shape):
    maps = np.zeros((1, 1, *shape))
    maps[0, 0, -1, -1] = 1
    cells, scores = decode(maps, method)
    np.testing.assert_allclose(cells[0, 0], [shape[1] - 1, shape[0] - 1], atol=1e-9)
    assert scores[0, 0] == 1


@every_method
@given(
    arrays(
        np.float32,
        st.tuples(st.just(1), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    ),
    st.booleans(),
)
def test_any_map_gives_a_position_in_the_map_or_none_at_all(method, maps, extra_shift):
    cells, scores = decode(maps, method, extra_shift=extra_shift)
    finite = np.isfinite(maps).all(axis=(2, 3))
    np.testing.assert_array_equal(np.isfinite(cells).all(axis=2), finite)
    limits = np.array([maps.shape[3] - 0.5, maps.shape[2] - 0.5])
    assert (cells[finite] >= -0.5).all()
    assert (cells[finite] <= limits).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert not scores[~finite].any()


@every_method
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8])
def test_any_number_type_is_taken_and_the_results_have_theirs(method, dtype):
    maps = np.zeros((1, 1, 9, 9), dtype)
    maps[0, 0, 4, 5] = 1
    cells, scores = decode(maps, method)
    assert (cells.dtype, scores.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(cells[0, 0], [5, 4], atol=1e-9)
    assert scores[0, 0] == 1


@every_method
def test_the_largest_numbers_do_not_overflow(method):
    largest = np.finfo(np.float32).max
    maps = np.full((1, 1, 9, 9), -largest)
    maps[0, 0, 4, 4:6] = largest, 0
    cells, _ = decode(maps.astype(np.float32), method, extra_shift=True)
    assert np.abs(cells[0, 0] - [4, 4]).max() <= 0.75


@pytest.mark.parametrize(
    ("maps", "options", "named"),
    [
        (np.zeros((1, 1, 4, 4)), {"method": "median"}, "median.*taylor"),
        (np.zeros((1, 4, 4)), {}, r"\(N, K, H, W\).*\(1, 4, 4\)"),
        (np.zeros((1, 1, 0, 4)), {}, "at least one cell"),
        (np.zeros((1, 1, 4, 4)), {"sigma": 0}, "positive"),
        (np.zeros((1, 1, 4, 4)), {"beta": float("nan")}, "positive"),
    ],
)
def test_unusable_arguments_are_refused(maps, options, named):
    with pytest.raises(ValueError, match=named):
        decode(maps, **options)


# --- flip test


@given(st.integers(0, 2**31))
def test_merging_averages_with_mirrored_cells_of_the_opposite_joint(seed):
    rng = np.random.default_rng(seed)
    maps, other = rng.random((2, 2, 14, 6, 5))
    partner = [LSP14.joints.index(_other_side(joint)) for joint in LSP14.joints]
    expected = np.zeros_like(maps)
    for k in range(14):
        for x in range(5):
            expected[:, k, :, x] = (maps[:, k, :, x] + other[:, partner[k], :, 4 - x]) / 2
    np.testing.assert_allclose(merge_flipped(maps, other, LSP14.flip_permutation), expected)


def test_shift_moves_the_mirrored_maps_one_cell_to_the_right():
    flipped = np.arange(5.0).reshape(1, 1, 1, 5)
    merged = merge_flipped(np.zeros((1, 1, 1, 5)), flipped, np.array([0]), shift=1)
    # mirrored 4 3 2 1 0, then shifted with the first column kept
    assert (2 * merged).ravel().tolist() == [4, 4, 3, 2, 1]


def test_shift_aligns_cells_that_sit_at_multiples_of_the_stride():
    """With cells at 4 i, a point at x of a 256 px crop is cell x / 4; its mirror at 255 - x is cell (255 - x) / 4."""
    x = np.array([[100.0, 120.0]])
    cells, mirrored = x / 4, np.array([[255 - 100.0, 120.0]]) / 4
    merged = merge_flipped(render(cells, 2), render(mirrored, 2), np.array([0]), shift=1)
    # the mirror comes back at 63 - (255 - x) / 4 + 1 = x / 4 + 0.25: together 0.125 off; without the shift -0.375
    np.testing.assert_allclose(decode(merged, "soft")[0][0], cells + np.array([0.125, 0]), atol=1e-3)


def _other_side(joint):
    side, _, rest = joint.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, joint)
