"""Numbers as the writers write them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leanpose.datasets.writers.people import exact


@given(st.integers(-(10**10), 10**10), st.sampled_from([0.5, 1.0, 15.7]))
def test_decimals_survive_additions(millionths: int, shift: float) -> None:
    value = millionths / 1e6
    assert exact(np.array((value + shift) - shift)) == value


@given(st.integers(0, 10**9), st.integers(1, 10_000))
def test_fractions_survive_being_pixels(billionths: int, size: int) -> None:
    fraction = billionths / 1e9
    pixels = fraction * size - 0.5
    assert exact(np.array((pixels + 0.5) / size), size) == fraction


@given(st.floats(-1e4, 1e4))
def test_nothing_moves_by_more_than_noise(value: float) -> None:
    assert abs(float(exact(np.array(value))) - value) <= 4e-12
