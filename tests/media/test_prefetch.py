import gc
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.media import prefetch

WAIT = 30  # seconds; reached only where a test fails


class Source:
    """Counts what was taken from it and notes how it ended."""

    def __init__(self, count, error=None):
        self.count = count
        self.error = error
        self.taken = 0
        self.threads = set()
        self.closed = threading.Event()

    def __iter__(self):
        try:
            for number in range(self.count):
                self.threads.add(threading.current_thread())
                self.taken += 1
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed.set()


@given(st.lists(st.integers(), max_size=40), st.integers(1, 50), st.booleans())
def test_the_same_items_in_the_same_order(items, size, chained):
    ahead = prefetch(items, size)
    assert list(prefetch(ahead, size) if chained else ahead) == items


@given(st.integers(0, 20), st.integers(1, 5))
def test_an_exception_crosses_over_after_all_items_before_it(count, size):
    source = Source(count, OSError("unplugged"))
    found = []
    with pytest.raises(OSError, match="unplugged") as caught:
        found.extend(prefetch(source, size))
    assert caught.value is source.error
    items = prefetch(source, size)
    assert [next(items) for _ in range(count)] == list(range(count))
    with pytest.raises(OSError, match="unplugged"):
        next(items)


def test_what_is_no_iterable_is_an_error_for_the_reader():
    with pytest.raises(TypeError, match="not iterable"):
        next(prefetch(5))  # pyright: ignore[reportArgumentType]


@given(st.integers(1, 6), st.integers(0, 20))
def test_early_close_ends_the_thread_and_closes_the_source(size, taken):
    source = Source(10**9)
    items = prefetch(source, size)
    for _ in range(taken):
        next(items)
    items.close()
    assert all(not thread.is_alive() for thread in source.threads)
    assert source.closed.is_set() == (taken > 0)  # without a first item nothing was begun
    assert list(items) == []


def test_who_drops_it_ends_it():
    source = Source(10**9)
    for _ in prefetch(source):
        break
    gc.collect()
    assert source.closed.is_set()

    def fail():
        for _ in prefetch(source):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    gc.collect()
    assert all(not thread.is_alive() for thread in source.threads)


def test_an_early_close_of_a_chain_ends_every_thread():
    source = Source(10**9)
    items = prefetch((number + 1 for number in prefetch(source, 2)), 2)
    assert [next(items), next(items)] == [1, 2]
    items.close()
    assert source.closed.is_set()  # and no_thread_is_left


@given(st.integers(1, 6))
def test_no_more_than_size_items_wait(size):
    """Taken are at most those that the reader has or is being handed, and the ones that wait."""
    source = Source(60)
    most = 0
    for received, _ in enumerate(prefetch(source, size), 1):
        most = max(most, source.taken - received)
    assert most <= size


@pytest.mark.parametrize("size", [1, 3])
def test_it_runs_ahead_by_size_and_then_waits(size):
    reached, beyond = threading.Event(), threading.Event()

    def source():
        for number in range(size + 10):
            if number == size:
                reached.set()
            if number > size:
                beyond.set()
            yield number

    items = prefetch(source(), size)
    next(items)
    assert reached.wait(WAIT)
    assert not beyond.wait(0.05)
    assert list(items) == list(range(1, size + 10))
    assert beyond.is_set()


def test_source_stage_and_reader_are_at_work_at_the_same_time():
    """All three meet at a barrier, which none passes alone."""
    meeting = threading.Barrier(3, timeout=WAIT)

    def frames():
        for number in range(6):
            if number == 2:
                meeting.wait()
            yield number

    def looked_at(items):
        for number in items:
            if number == 1:
                meeting.wait()
            yield number * 10

    found = []
    for number in prefetch(looked_at(prefetch(frames(), 1)), 1):
        if number == 0:
            meeting.wait()
        found.append(number)
    assert found == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("size", [1, 3])
def test_newest_drops_what_is_oldest(size):
    source = Source(20)
    items = prefetch(source, size, newest=True)
    first = next(items)
    assert source.closed.wait(WAIT)
    assert list(items) == list(range(20))[max(first + 1, 20 - size) :]


def test_an_item_is_let_go_while_the_next_is_waited_for():
    class Item:
        pass

    def source():
        gone = threading.Event()
        item = Item()
        weakref.finalize(item, gone.set)
        yield item
        del item
        yield gone.wait(WAIT)

    items = prefetch(source(), 1)
    assert isinstance(next(items), Item)
    assert next(items) is True


def test_what_can_be_closed_is_closed_in_the_thread():
    class Device:
        closed_by = None

        def __iter__(self):
            return self

        def __next__(self):
            return 1

        def close(self):
            self.closed_by = threading.current_thread()

    device = Device()
    items = prefetch(device)
    next(items)
    items.close()
    assert device.closed_by not in (None, threading.current_thread())


def test_size_is_at_least_one():
    with pytest.raises(ValueError, match="prefetch size must be 1 or more, not 0"):
        prefetch([], 0)
