"""MATLAB files, read through SciPy, with errors that name the file."""

import struct
import zlib
from pathlib import Path
from typing import Any

from leanpose.core.errors import DatasetError, MissingExtraError


def read_mat(file: Path, variable: str, **options: Any) -> Any:
    """One variable of a MATLAB file.

    Args:
        options: of ``scipy.io.loadmat``.

    Raises:
        DatasetError: when the file is damaged, no MATLAB file, or lacks the variable.
        MissingExtraError: when SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "train") from error
    try:
        return loadmat(file, variable_names=[variable], **options)[variable]
    except (  # SciPy has no error of its own for damaged files: whatever their bytes led it to comes through
        OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, NotImplementedError,
        struct.error, zlib.error, MatReadError,
    ) as error:  # fmt: skip
        raise DatasetError(f"{file}: not a MATLAB file with an array '{variable}': {error}") from error
