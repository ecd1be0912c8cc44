"""Importing packages that tell their makers of their use, without that."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# What turns it off where it is set as the package is imported. openvino-telemetry, which OpenVINO and NNCF have, stays
# silent in continuous integration; ONNX Runtime's releases for Linux and macOS have a switch of their own.
SWITCHES = {"CI": "true", "ORT_DISABLE_TELEMETRY": "1"}


@contextmanager
def untold() -> Iterator[None]:
    """What is imported inside tells nobody, where it would: OpenVINO, NNCF and ONNX Runtime.

    They then send nothing and write nothing into the home folder for as long as the process lives. Whoever imports one
    of them before leanpose does decides for the process.
    """
    before = {name: os.environ.get(name) for name in SWITCHES}
    os.environ.update(SWITCHES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def import_untold(package: str) -> Any:
    """The package of that name, imported :func:`untold`; raises ModuleNotFoundError where it is not installed."""
    with untold():
        return import_module(package)
