"""What the networks of two or more papers share."""

from torch import Tensor

from leanpose.errors import InputSizeError


def check_input(x_BCHW: Tensor, multiple: int) -> None:
    """Refuse a height or width that the network would silently crop or misalign.

    Raises:
        InputSizeError: when height or width is not a positive multiple of ``multiple``.
    """
    height, width = x_BCHW.shape[-2:]
    if height % multiple or width % multiple or not height or not width:
        raise InputSizeError(f"input {height}x{width} px: height and width must be multiples of {multiple}")
