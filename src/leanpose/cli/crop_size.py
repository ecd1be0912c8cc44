"""The option ``--input``."""

import re

from leanpose.core.errors import InputSizeError


def crop_size(text: str | None) -> tuple[int, int] | None:
    """Height and width of a crop as ``256x192``; None where not given.

    Raises:
        InputSizeError: when it is not written like that.
    """
    if text is None:
        return None
    size = re.fullmatch(r"(\d+)x(\d+)", text)
    if not size:
        raise InputSizeError(f"--input {text}: write height and width as in 256x192")
    return int(size[1]), int(size[2])
