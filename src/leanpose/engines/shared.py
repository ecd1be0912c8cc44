"""One loaded network per process for all who ask for the same file with the same settings.

A process that was forked begins without any: see :mod:`leanpose.core.forks`.
"""

import os
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Network = TypeVar("Network")

_networks: "WeakValueDictionary[Hashable, Any]" = WeakValueDictionary()
_lock = RLock()


def shared(key: Hashable, load: Callable[[], Network]) -> Network:
    """The network loaded under this key, if somebody still uses it, or a new one.

    Threads that ask at the same time wait for each other: loading takes all cores anyway.
    """
    with _lock:
        network = _networks.get(key)
        if network is None:
            network = _networks[key] = load()
        return network


def _begin_anew() -> None:
    global _networks, _lock
    _networks = WeakValueDictionary()
    _lock = RLock()  # the old one may be held by a thread that is not here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
