"""Calibrations against closed forms, loops over every cell, and the laws that a fit must obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leanpose.core.decode import decode
from leanpose.core.errors import DatasetError, ModelError
from leanpose.engines.calibration import COVERAGE, Calibration, Curves, fit, spreads

CURVES = Curves(intercept=1.1, slope=1.5, scale=0.5, peak_power=0.7, spread_power=1.2)
POWERS = st.floats(0, 3)
ALL_CURVES = st.builds(Curves, st.floats(-5, 5), POWERS, st.floats(0.01, 10), POWERS, POWERS)
PEAKS = hnp.arrays(np.float32, st.integers(2, 20), elements=st.floats(0, 1, width=32))


def test_curves_are_what_their_equations_say() -> None:
    for peak, spread in ((0.2, 1.0), (0.5, 3.0), (0.97, 0.7)):
        odds = math.exp(1.1) * (peak / (1 - peak)) ** 1.5
        (probability,), (radius,) = (
            CURVES.probabilities(np.array([peak])),
            CURVES.radii(np.array([peak]), np.array([spread])),
        )
        assert probability == pytest.approx(odds / (1 + odds))
        assert radius == pytest.approx(0.5 / peak**0.7 * spread**1.2)


@given(curves=ALL_CURVES, peaks=PEAKS)
def test_probabilities_keep_the_order_of_peaks(curves: Curves, peaks: np.ndarray) -> None:
    probabilities = curves.probabilities(np.sort(peaks))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities) >= 0).all()


@given(curves=ALL_CURVES, peaks=PEAKS)
def test_a_higher_peak_and_a_narrower_map_are_never_less_sure(curves: Curves, peaks: np.ndarray) -> None:
    found = np.sort(peaks[peaks > 0])
    assert (np.diff(curves.radii(found, np.full(len(found), 2.0))) <= 0).all()
    assert (np.diff(curves.radii(np.full(5, 0.4), np.linspace(0.5, 9, 5))) >= 0).all()


def test_a_joint_that_was_not_found_stays_so() -> None:
    assert CURVES.probabilities(np.array([0.0])) == [0]
    assert np.isnan(CURVES.radii(np.array([0.0]), np.array([np.nan]))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_spread_is_the_loop_over_every_cell(dtype: type) -> None:
    rng = np.random.default_rng(1)
    maps = rng.uniform(-0.1, 1, size=(3, 2, 7, 11)).astype(dtype)
    cells = rng.uniform(0, 7, size=(3, 2, 2))
    for n in range(3):
        for k in range(2):
            total = moment = 0.0
            for y in range(7):
                for x in range(11):
                    weight = float(maps[n, k, y, x]) ** 2
                    total += weight
                    moment += weight * ((x - cells[n, k, 0]) ** 2 + (y - cells[n, k, 1]) ** 2)
            assert spreads(maps, cells)[n, k] == pytest.approx(math.sqrt(moment / total), rel=1e-4)


@given(sigma=st.floats(1, 3), x=st.floats(18, 30), y=st.floats(18, 30))
def test_a_gaussian_spreads_by_its_sigma(sigma: float, x: float, y: float) -> None:
    """Its square has a variance of sigma^2 / 2 along each of the two axes."""
    rows, columns = np.mgrid[:48, :48]
    maps = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))[None, None]
    assert spreads(maps, np.array([[[x, y]]]))[0, 0] == pytest.approx(sigma, rel=0.01)


def test_maps_without_a_position_have_no_spread_and_touch_no_other() -> None:
    maps = np.zeros((1, 3, 8, 8), np.float32)
    maps[0, 1, 3, 4], maps[0, 2, 0, 0] = np.nan, 1
    cells, _ = decode(maps)
    np.testing.assert_array_equal(spreads(maps, cells), [[np.nan, np.nan, 0]])


def _joints(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Joints as :data:`CURVES` say they are: 68 % of the errors are within the radius, log-normal about it."""
    rng = np.random.default_rng(seed)
    peaks, widths = rng.uniform(0.05, 0.99, count), rng.uniform(0.8, 8, count)
    right = rng.random(count) < CURVES.probabilities(peaks)
    offsets = rng.normal(size=count)
    offsets -= np.quantile(offsets, COVERAGE)
    return peaks, widths, right, CURVES.radii(peaks, widths) * np.exp(offsets)


def test_a_fit_finds_the_curves_behind_the_joints() -> None:
    found = fit(*_joints(3000))
    assert vars(found) == pytest.approx(vars(CURVES), rel=0.15)


def test_a_fit_is_the_best_of_its_kind() -> None:
    """No step along any parameter lowers the log loss or the pinball loss, each counted joint by joint."""
    peaks, widths, right, errors = _joints(300, 1)
    found = fit(peaks, widths, right, errors)
    hits = right.sum()
    yes, no = (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2)

    def losses(curves: Curves) -> tuple[float, float]:
        log_loss = pinball = 0.0
        for peak, width, is_right, error in zip(peaks, widths, right, errors, strict=True):
            probability = 1 / (1 + math.exp(-curves.intercept - curves.slope * math.log(peak / (1 - peak))))
            target = yes if is_right else no
            log_loss -= target * math.log(probability) + (1 - target) * math.log(1 - probability)
            above = math.log(max(error, 0.05) / (curves.scale * peak**-curves.peak_power * width**curves.spread_power))
            pinball += COVERAGE * above if above > 0 else (COVERAGE - 1) * above
        return log_loss, pinball

    best = losses(found)
    for name, value in vars(found).items():
        for step in (-0.02, 0.02):
            moved = losses(Curves(**{**vars(found), name: value + step}))
            changed = 0 if name in ("intercept", "slope") else 1
            assert moved[changed] > best[changed]


def test_as_many_joints_lie_within_their_radius_as_were_asked_for() -> None:
    """A property of quantile regression: the share is off by at most one in M for each of its three parameters."""
    peaks, widths, right, _ = _joints(400, 2)
    errors = np.random.default_rng(3).pareto(1.0, 400) + 0.1
    within = (errors <= fit(peaks, widths, right, errors).radii(peaks, widths) * (1 + 1e-9)).sum()
    assert abs(within - COVERAGE * 400) <= 3


def test_scores_that_mislead_are_flattened_not_turned() -> None:
    peaks, widths, right, errors = _joints(2000)
    turned = fit(peaks, widths, ~right, errors[np.argsort(errors)][np.argsort(np.argsort(peaks))])
    assert turned.slope == 0
    assert turned.peak_power == 0
    assert turned.probabilities(peaks) == pytest.approx((~right).mean(), abs=0.01)


@pytest.mark.parametrize("right", [True, False])
def test_few_joints_that_are_all_alike_never_make_it_certain(right: bool) -> None:
    """Platt's targets: of ten right joints the eleventh is expected with 11 in 12."""
    peaks, widths, _, errors = _joints(10)
    found = fit(np.full(10, 0.6), widths, np.full(10, right), errors)
    assert found.probabilities(np.array([0.6]))[0] == pytest.approx(11 / 12 if right else 1 / 12, abs=1e-3)
    with pytest.raises(DatasetError, match="9 joints are too few"):
        fit(peaks[:9], widths[:9], np.ones(9, bool), errors[:9])


def plain() -> dict:
    return {
        "curves": dict(vars(CURVES)), "right": "PCK@0.2 of the torso", "data": "lsp val", "protocol": "no flip test",
        "ece_before": 0.2, "ece_after": 0.02, "command": "leanpose calibrate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("right", ""), ("data", None), ("protocol", 3), ("command", " "), ("ece_before", -0.1), ("ece_after", 1.1),
        ("ece_after", True), ("ece_before", "0.1"), ("curves", None), ("curves", [1, 2, 3, 4, 5]),
        ("curves.intercept", math.inf), ("curves.slope", -0.1), ("curves.scale", 0), ("curves.peak_power", -1),
        ("curves.spread_power", "1"),
    ],
)  # fmt: skip
def test_what_a_calibration_cannot_be_is_named(field: str, value: object) -> None:
    values = plain()
    assert Calibration.from_dict(plain()).curves == CURVES
    holder = values["curves"] if "." in field else values
    holder[field.removeprefix("curves.")] = value
    with pytest.raises(ModelError, match=f"calibration.{field}'"):
        Calibration.from_dict(values)
    del holder[field.removeprefix("curves.")]
    with pytest.raises(ModelError, match=f"missing field 'calibration.{field}'"):
        Calibration.from_dict(values)
