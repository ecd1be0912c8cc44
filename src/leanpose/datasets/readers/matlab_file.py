"""MATLAB files, read through SciPy, within bounds and with errors that name the file."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from leanpose.core.bounded import read_bytes
from leanpose.core.errors import DatasetError, MissingExtraError
from leanpose.datasets.readers.matlab_structure import MOST_BYTES, variable_alone


def read_mat(file: Path, variable: str, **options: Any) -> Any:
    """One array or structure of a MATLAB file of version 5 to 7.

    Args:
        options: of ``scipy.io.loadmat``.

    Raises:
        DatasetError: when the file is damaged, no such file, over the limits of
            :mod:`leanpose.datasets.readers.matlab_structure`, or lacks the variable.
        MissingExtraError: when SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "train") from error
    data = read_bytes(file, DatasetError, MOST_BYTES)
    try:
        alone = variable_alone(data, variable)
        value = None if alone is None else loadmat(io.BytesIO(alone), **options)[variable]
    except (  # SciPy has no error of its own for damaged files: whatever their bytes led it to comes through
        OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, NotImplementedError,
        struct.error, zlib.error, MatReadError,
    ) as error:  # fmt: skip
        raise DatasetError(f"{file}: not a MATLAB file with an array '{variable}': {error!s:.200}") from error
    if value is None or isinstance(value, str):  # SciPy gives a text of what it could not read
        raise DatasetError(
            f"{file}: not a MATLAB file with an array '{variable}'" + (f": {value:.200}" if value else "")
        )
    return value
