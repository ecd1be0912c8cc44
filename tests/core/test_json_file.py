import gc
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.json_file import are_numbers, is_identifier, is_number, no_cycle_search

ANYTHING = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=2), st.just(10**309))


@given(st.lists(ANYTHING, max_size=5), st.integers(0, 5))
def test_numbers_are_what_a_loop_finds(values, count):
    def finite(value):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        try:
            return math.isfinite(float(value))
        except OverflowError:
            return False

    assert [is_number(value) for value in values] == [finite(value) for value in values]
    assert are_numbers(values, count) == (len(values) == count and all(map(finite, values)))
    assert not are_numbers(tuple(values), len(values))


def test_identifiers_are_whole_numbers_and_texts():
    values = [1, -1, "a", "", 1.0, True, None, [], {}]
    assert [is_identifier(value) for value in values] == [True] * 4 + [False] * 5


@pytest.mark.parametrize("fails", [False, True])
def test_the_garbage_collector_works_again_afterwards(fails):
    @no_cycle_search()
    def search() -> bool:
        if fails:
            raise KeyError
        return gc.isenabled()

    assert gc.isenabled()
    if fails:
        with pytest.raises(KeyError):
            search()
    else:
        assert search() is False
    assert gc.isenabled()
    gc.disable()
    try:
        with no_cycle_search():
            pass
        assert not gc.isenabled()  # who had turned it off finds it so
    finally:
        gc.enable()
