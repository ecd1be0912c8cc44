"""Functions called in processes of their own, started in any of Python's ways."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from leanpose.core.errors import LeanposeError

METHODS = [method for method in ("fork", "spawn", "forkserver") if method in multiprocessing.get_all_start_methods()]
WAIT = 60  # seconds; reached only where something hangs


def in_child(method: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` returns in a new process, or the LeanposeError that it raises there, raised here."""
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, function, arguments))
    child.start()
    theirs.close()
    try:
        assert ours.poll(WAIT), "the child hangs"
        answer = ours.recv()
        child.join(WAIT)
        assert child.exitcode == 0, "the child does not end"
    finally:
        child.kill()
        child.join()
    if isinstance(answer, LeanposeError):
        raise answer
    return answer


def _answer(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        connection.send(function(*arguments))
    except LeanposeError as error:
        connection.send(error)
