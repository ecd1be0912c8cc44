"""Work ahead in a thread: while one frame is looked at, the next is decoded."""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from typing import TypeVar

from leanpose.core.forks import Home

Item = TypeVar("Item")


def prefetch(items: Iterable[Item], size: int = 4, newest: bool = False) -> Generator[Item, None, None]:
    """The same items in the same order, taken from ``items`` by one thread that runs ahead of who asks for them.

    Chained, the parts of a job overlap: ``prefetch(look_at(prefetch(video)))`` decodes in one thread, looks in a
    second, and leaves the writing to the caller's, where Ctrl-C arrives.

    The thread starts with the first item that is asked for, and ends before this iterator does, however that comes
    about: with the last item, an exception of ``items``, which is raised here after all items before it, ``close()``,
    or the end of the caller. It closes ``items`` where they can be closed; an item that is being fetched is waited for.

    Args:
        size: at most so many items wait at any time, so memory is bounded; the one that the caller has is not counted.
        newest: drop the oldest item that waits instead of pausing, so that a slow reader of a camera sees what is
            in front of it now.

    Raises:
        ValueError: for a ``size`` below 1.
        ForkError: when items are asked for in a process that was forked after the first one.
    """
    if size < 1:
        raise ValueError(f"prefetch size must be 1 or more, not {size}")
    return _prefetch(items, _Shelf(size, newest))


class _Shelf:
    """What both threads see, under one condition."""

    def __init__(self, size: int, newest: bool) -> None:
        self.size = size
        self.newest = newest
        self.waiting: deque = deque()
        self.changed = threading.Condition()
        self.stopped = False  # the reader wants no more
        self.ended = False  # the thread has no more
        self.error: BaseException | None = None
        self.home = Home()

    def has_room(self) -> bool:
        return self.stopped or self.newest or len(self.waiting) < self.size


def _prefetch(items: Iterable[Item], shelf: _Shelf) -> Generator[Item, None, None]:
    thread = threading.Thread(target=_fill, args=(items, shelf), name="leanpose-prefetch", daemon=True)
    shelf.home = Home()
    thread.start()
    try:
        while True:
            shelf.home.check("reading ahead")
            with shelf.changed:
                shelf.changed.wait_for(lambda: shelf.waiting or shelf.ended)
                if not shelf.waiting:
                    break
                item = shelf.waiting.popleft()
                shelf.changed.notify_all()
            yield item
            del item  # not kept alive while the next one is waited for
    finally:
        if not shelf.home.left:  # else the thread is not here, and may hold the lock for ever
            with shelf.changed:
                shelf.stopped = True
                shelf.waiting.clear()
                shelf.changed.notify_all()
            thread.join()
    if shelf.error is not None:
        raise shelf.error


def _fill(items: Iterable[Item], shelf: _Shelf) -> None:
    """The thread. It waits for room before it asks for an item, so that none is held beside the shelf."""
    try:
        iterator = iter(items)
        try:
            while True:
                with shelf.changed:
                    shelf.changed.wait_for(shelf.has_room)
                    if shelf.stopped:
                        break
                try:
                    item = next(iterator)
                except StopIteration:
                    break
                with shelf.changed:
                    if len(shelf.waiting) == shelf.size:
                        shelf.waiting.popleft()
                    shelf.waiting.append(item)
                    shelf.changed.notify_all()
                del item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
    except BaseException as error:  # whatever it is, it is raised in the reader's thread
        shelf.error = error
    finally:
        with shelf.changed:
            shelf.ended = True
            shelf.changed.notify_all()
