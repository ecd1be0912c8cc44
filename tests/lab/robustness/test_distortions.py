"""Distortions against closed forms, loops over pixels, and other libraries."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from lab.robustness.distortions import DISTORTIONS, FULL_WELL, GAMMA, KINDS, READ_NOISE, View, select, view
from leanpose.core import geometry
from leanpose.core.errors import BenchmarkError
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14

MOVING = ("small", "turned", "cut-lower", "cut-upper", "cut-side")
BOXES = ("loose", "tight", "shifted")
NAMES = list(DISTORTIONS)


def _person(pixels: np.ndarray, name: str = "made/0", box: tuple[float, ...] = (20, 10, 60, 80), seed: int = 0) -> View:
    """A person whose 14 joints lie anywhere in their box, all but the last of them labelled."""
    rng = np.random.default_rng(seed)
    extent = np.array(box)
    keypoints = extent[:2] + rng.uniform(size=(14, 2)) * (extent[2:] - extent[:2])
    labelled = np.arange(14) < 13
    keypoints[13] = (extent[:2] + extent[2:]) / 2
    data = cv2.imencode(".png", pixels)[1].tobytes()
    return view(Sample("lsp", name, data, keypoints, labelled, extent, LSP14, area=1000.0, head_size=10.0))


@pytest.fixture
def person() -> View:
    return _person(np.random.default_rng(1).integers(0, 256, (100, 90, 3), np.uint8))


def _same(a: View, b: View) -> bool:
    same = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("pixels", "labelled", "covered", "transform"))
    near = [np.allclose(getattr(a, n), getattr(b, n), rtol=0, atol=1e-12, equal_nan=True) for n in ("keypoints", "box")]
    return same and all(near)


@pytest.mark.parametrize("name", NAMES)
def test_a_person_is_distorted_alike_whoever_comes_before_and_stays_as_it_was(person: View, name: str) -> None:
    distort, before = DISTORTIONS[name], replace(person, pixels=person.pixels.copy(), box=person.box.copy())
    others = [replace(person, name=f"made/{i}") for i in range(1, 4)]
    alone = distort(person)
    among = [distort(one) for one in (*others, person)][-1]
    assert _same(alone, among)
    assert _same(person, before)
    assert alone.name == f"made/0 {name}"
    assert np.array_equal(cv2.imdecode(np.frombuffer(alone.image_bytes(), np.uint8), 1), alone.pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["dark", "covered", "shifted", "cut-side"])
def test_chance_is_another_for_others(person: View, kind: str) -> None:
    distort = DISTORTIONS[next(name for name in NAMES if name.startswith(kind))]
    assert any(not _same(distort(person), distort(replace(person, name=f"made/{i}"))) for i in range(1, 9))


@pytest.mark.parametrize("name", NAMES)
def test_the_transform_is_where_labels_and_pixels_went(name: str) -> None:
    """A soft dot on grey: its middle, weighed pixel by pixel, is where the keypoint is now."""
    y, x = np.mgrid[:120, :100]
    dot = 200 * np.exp(-((x - 47.3) ** 2 + (y - 60.6) ** 2) / (2 * 6.0**2))
    person = _person(np.repeat((dot + 20).round().astype(np.uint8)[..., None], 3, axis=2), box=(20, 25, 80, 110))
    person.keypoints[0] = 47.3, 60.6
    distorted = DISTORTIONS[name](person)
    moved = geometry.apply(distorted.transform, person.keypoints)
    assert moved == pytest.approx(distorted.keypoints, abs=1e-9, nan_ok=True)
    height, width = distorted.pixels.shape[:2]
    if not name.startswith(("dark", "jpeg-5", "covered", "cut")):  # the ground is uneven, or part of the dot is gone
        weights = np.maximum(distorted.pixels[..., 0].astype(float) - 24, 0)
        y, x = np.mgrid[:height, :width]
        middle = (weights * x).sum() / weights.sum(), (weights * y).sum() / weights.sum()
        assert middle == pytest.approx(tuple(distorted.keypoints[0]), abs=0.15)
    if not name.startswith(MOVING):
        assert np.array_equal(distorted.transform, np.eye(2, 3))
        assert (height, width) == person.pixels.shape[:2]
    if not name.startswith((*MOVING, *BOXES)):
        assert np.array_equal(distorted.box, person.box)


def test_four_quarter_turns_are_none(person: View) -> None:
    quarter, half = DISTORTIONS["turned-90"], DISTORTIONS["turned-180"]
    twice = quarter(quarter(person))
    assert _same(twice, half(person))
    assert _same(quarter(quarter(twice)), person)


def test_a_quarter_turn_carries_every_pixel_clockwise(person: View) -> None:
    turned = DISTORTIONS["turned-90"](person)
    for x, y in ((0, 0), (89, 0), (0, 99), (31, 57)):
        new_x, new_y = geometry.apply(turned.transform, np.array([[x, y]], float))[0].astype(int)
        assert np.array_equal(turned.pixels[new_y, new_x], person.pixels[y, x])
    assert np.array_equal(turned.pixels[0, -1], person.pixels[0, 0])  # what was top left is top right
    assert turned.box.tolist() == [99 - 80, 20, 99 - 10, 60]


def test_small_people_are_means_of_areas_and_none_grows() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (128, 96, 3), np.uint8)
    small = DISTORTIONS["small-32"](_person(pixels, box=(10, 0, 60, 128)))
    blocks = pixels.reshape(32, 4, 24, 4, 3).mean(axis=(1, 3))
    assert np.abs(small.pixels - blocks).max() <= 0.5
    assert (small.box[2:] - small.box[:2]).tolist() == [12.5, 32]
    assert (small.area, small.head_size) == (1000 / 16, 2.5)
    person = _person(pixels, box=(10, 20, 60, 84))  # longer side 64
    for name in ("small-96", "small-64"):
        assert _same(DISTORTIONS[name](person), person)
    odd = DISTORTIONS["small-48"](_person(pixels, box=(10.5, 20.25, 30, 90.5)))
    assert (odd.box[2:] - odd.box[:2]).max() == pytest.approx(48, abs=0.5)


@pytest.mark.parametrize("percent", [1, 2, 4])
def test_blur_is_scipys(person: View, percent: int) -> None:
    sigma = percent / 100 * 70
    expected = gaussian_filter(person.pixels.astype(float), (sigma, sigma, 0), mode="mirror", truncate=3)
    assert np.abs(DISTORTIONS[f"blurred-{percent}"](person).pixels - expected).max() < 3
    plain = np.abs(person.pixels - expected).max()
    assert plain > 30  # or it would pass undone


@pytest.mark.parametrize("quality", [30, 15, 5])
def test_jpeg_is_opencvs(person: View, quality: int) -> None:
    data = cv2.imencode(".jpg", person.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    found = DISTORTIONS[f"jpeg-{quality}"](person).pixels
    assert np.array_equal(found, cv2.imdecode(data, cv2.IMREAD_COLOR))  # type: ignore[arg-type]


@pytest.mark.parametrize("percent", [25, 10])
def test_darkness_is_electrons_counted(percent: int) -> None:
    """Their mean is the light left, their variance that of Poisson and of reading."""
    dark = DISTORTIONS[f"dark-{percent}"](_person(np.full((300, 300, 3), 200, np.uint8))).pixels
    electrons = FULL_WELL * (dark / 255.0) ** GAMMA
    signal = FULL_WELL * percent / 100 * (200 / 255) ** GAMMA
    assert electrons.mean() == pytest.approx(signal, rel=0.01)
    assert electrons.var() == pytest.approx(signal + READ_NOISE**2, rel=0.05)
    assert dark.std(axis=(0, 1)).min() > 0


def test_grey_has_one_value_in_three_channels(person: View) -> None:
    found = DISTORTIONS["grey"](person).pixels
    expected = person.pixels @ [0.114, 0.587, 0.299]  # Rec. 601, of BGR
    assert np.abs(found - expected[..., None]).max() <= 0.51


@given(
    st.sampled_from([name for name in NAMES if name.startswith("cut")]),
    st.tuples(st.floats(-20, 40), st.floats(-20, 40), st.floats(41, 110), st.floats(41, 120)),
    st.integers(0, 9),
)
def test_a_cut_takes_what_lies_beyond_it(name: str, box: tuple[float, ...], seed: int) -> None:
    person = _person(np.random.default_rng(1).integers(0, 256, (100, 90, 3), np.uint8), f"made/{seed}", box, seed)
    cut = DISTORTIONS[name](person)
    axis = 0 if "side" in name else 1
    share = int(name[-2:]) / 100
    low, high = box[axis], box[axis + 2]
    size = (90, 100)[axis]
    far = "lower" in name or ("side" in name and cut.transform[0, 2] == 0 and cut.pixels.shape[1] < 90)
    if far:
        kept = [i for i in range(size) if i <= high - share * (high - low)] or [0]
    else:
        kept = [i for i in range(size) if i >= low + share * (high - low)] or [size - 1]
    assert np.array_equal(cut.pixels, person.pixels.take(kept, axis=1 - axis))
    assert cut.transform[axis, 2] == -kept[0]
    for joint in range(13):
        place = person.keypoints[joint, axis]
        assert cut.labelled[joint] == (kept[0] - 0.5 <= place <= kept[-1] + 0.5)
    assert not cut.labelled[13]
    ends = np.clip([low, high], kept[0] - 0.5, kept[-1] + 0.5) - kept[0]
    assert cut.box[[axis, axis + 2]] == pytest.approx(ends)
    assert cut.box[[1 - axis, 3 - axis]] == pytest.approx([box[1 - axis], box[3 - axis]])


def test_either_side_is_cut_and_the_same_one_at_every_level(person: View) -> None:
    lefts = []
    for i in range(20):
        third, half = (DISTORTIONS[f"cut-side-{p}"](replace(person, name=f"made/{i}")) for p in (33, 50))
        lefts.append(third.transform[0, 2] < 0)
        assert lefts[-1] == (half.transform[0, 2] < 0)
    assert 3 < sum(lefts) < 17


@pytest.mark.parametrize("percent", [10, 25, 50])
@pytest.mark.parametrize("seed", range(4))
def test_what_covers_is_a_rectangle_of_that_share_of_the_box(percent: int, seed: int) -> None:
    person = _person(np.full((300, 300, 3), (1, 2, 3), np.uint8), f"made/{seed}", (40, 50, 240, 250), seed)
    found = DISTORTIONS[f"covered-{percent}"](person)
    hidden = (found.pixels != person.pixels).any(axis=2)
    rows, cols = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    assert hidden.sum() == len(rows) * len(cols) == pytest.approx(percent / 100 * 200**2, rel=0.035)  # whole pixels
    assert len(np.unique(found.pixels[hidden], axis=0)) == 1
    assert min(cols) >= 40
    assert max(cols) <= 240
    assert min(rows) >= 50
    assert max(rows) <= 250
    edges = [(x, y) for x in (cols[0] - 1, cols[0], cols[-1], cols[-1] + 1) for y in (rows[0], rows[-1], rows[-1] + 1)]
    person.keypoints[:12] = edges
    found = DISTORTIONS[f"covered-{percent}"](person)
    for joint in range(13):
        x, y = person.keypoints[joint].round().astype(int)
        assert found.covered[joint] == hidden[y, x]
    assert not found.covered[13]  # is not labelled
    assert np.array_equal(found.labelled, person.labelled)


@pytest.mark.parametrize("percent", [10, 20, 30])
def test_wrong_boxes_have_their_closed_form(person: View, percent: int) -> None:
    share = percent / 100
    middle, sides = np.array([40, 45]), np.array([40, 70])  # of 20, 10, 60, 80
    for name, factor in ((f"loose-{percent}", 1 + share), (f"tight-{percent}", 1 - share)):
        expected = [*(middle - factor * sides / 2), *(middle + factor * sides / 2)]
        assert DISTORTIONS[name](person).box.tolist() == pytest.approx(expected)
    moved = DISTORTIONS[f"shifted-{percent}"](person).box - person.box
    assert moved[:2] == pytest.approx(moved[2:])
    assert np.linalg.norm(moved[:2] / sides) == pytest.approx(share)
    direction = DISTORTIONS["shifted-10"](person).box - person.box
    assert moved == pytest.approx(direction * percent / 10)


def test_directions_of_shifts_are_all_around(person: View) -> None:
    shift: Callable[[View], View] = DISTORTIONS["shifted-10"]
    steps = np.array([(shift(replace(person, name=f"made/{i}")).box - person.box)[:2] for i in range(400)])
    assert np.abs((steps / (4, 7)).mean(axis=0)).max() < 0.1  # of steps of 1: 0.035 is one deviation
    assert ((steps > 0).mean(axis=0) > 0.4).all()


def test_they_are_chosen_by_name_and_by_kind() -> None:
    assert [d.name for d in select([])] == NAMES
    assert [d.name for d in select(["grey", "jpeg", "blurred-4"])] == [
        "blurred-4",
        "jpeg-30",
        "jpeg-15",
        "jpeg-5",
        "grey",
    ]
    assert {d.kind for d in select([])} == {kind.name for kind in KINDS}
    with pytest.raises(BenchmarkError, match="unknown distortion 'rain'"):
        select(["grey", "rain"])
