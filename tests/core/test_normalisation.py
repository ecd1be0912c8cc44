"""Normalisation: the formula, at every pixel."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.normalisation import Normalisation

CHANNELS = st.tuples(*[st.floats(0, 255)] * 3), st.tuples(*[st.floats(0.5, 300)] * 3)


@given(*CHANNELS, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)), st.integers(0, 9))
def test_formula_at_every_pixel(mean, std, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    seen = Normalisation(mean, std)(pixels)
    assert seen.dtype == np.float32
    assert seen.flags.c_contiguous
    by_hand = ((pixels.astype(np.float32) - np.float32(mean)) / np.float32(std)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(seen, by_hand)


def test_mirrored_views():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    normalise = Normalisation((1, 2, 3), (4, 5, 6))
    np.testing.assert_array_equal(normalise(pixels[:, :, ::-1]), normalise(pixels)[..., ::-1])
