"""Commands as reports and cards keep them, to be run again elsewhere."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def own_command() -> str:
    """The command that runs, without folders of this machine."""
    return _unlocated(shlex.join(["leanpose", *sys.argv[1:]]))


def portable(data: Sequence[str]) -> list[str]:
    """Datasets without folders of this machine."""
    return [_unlocated(spec) for spec in data]


def _unlocated(text: str) -> str:
    """With variables that a shell fills in, because it leaves a ``~`` behind ``KIND:`` alone."""
    for folder, name in ((os.environ.get("LEANPOSE_DATA", ""), "$LEANPOSE_DATA"), (str(Path.home()), "$HOME")):
        folder = folder.rstrip("/")
        text = text.replace(folder, name) if folder else text
    return text
