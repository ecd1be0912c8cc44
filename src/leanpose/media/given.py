"""Whatever people give for an image: files, arrays, encoded bytes, and images and tensors of other libraries.

Nothing is imported for them: an image of Pillow or a tensor of torch is known by what it can do.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from leanpose.core.errors import ImageError
from leanpose.media.images import as_bgr, read_image
from leanpose.media.sources import is_video


class _Array(Protocol):
    def __array__(self, *arguments: Any, **options: Any) -> Any: ...


class _ArrayInterface(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...


class Given(NamedTuple):
    """An image as BGR uint8 (H, W, 3), the name of its file, and what is wrong with it; None without."""

    pixels: np.ndarray
    source: str | None = None
    damage: str | None = None


Image = np.ndarray | str | os.PathLike[str] | bytes | bytearray | memoryview | _Array | _ArrayInterface
TAKEN = "a file's name, an array (H, W, 3), a Pillow image, encoded bytes, a torch tensor (3, H, W), or a list of these"
ASK_FOR_STREAM = "for a video use estimator.stream(...)"


def pixels_of(image: Any, color: Literal["bgr", "rgb"] = "bgr", lenient: bool = False) -> Given:
    """An image as BGR uint8 (H, W, 3), with its file and what is wrong with that.

    Args:
        image: a file's name, in which ``~`` is the home folder; an array as :func:`leanpose.media.as_bgr` takes it;
            ``bytes`` of a file; a Pillow image, whose pixels are taken as they lie, whatever its EXIF orientation says;
            a torch tensor, (C, H, W) in RGB as torchvision has it, uint8 or floats in [0, 1], or (H, W, C) in
            ``color``; or another object that NumPy takes for an array.
        lenient: of files and bytes, as :func:`leanpose.media.images.read_image` takes it.
        color: channel order of arrays. Pillow images and tensors (3, H, W) are RGB whatever it says.

    Raises:
        ImageError: which says what to give instead.
    """
    if isinstance(image, (str, os.PathLike)):
        return _file(image, lenient)
    if isinstance(image, np.ndarray):
        return Given(as_bgr(_single(image), color))
    if isinstance(image, (bytes, bytearray, memoryview)):
        read = read_image(bytes(image), lenient=lenient)
        return Given(read.image, None, read.damage)
    if image is None:
        raise ImageError(
            "None is no image: cv2.imread gives it for a file that it does not find or cannot read; give the file's "
            "name to the estimator, which says why"
        )
    if hasattr(image, "convert") and hasattr(image, "getbands"):  # Pillow
        return Given(as_bgr(np.asarray(image if image.mode in ("L", "RGB", "I;16") else image.convert("RGB")), "rgb"))
    if hasattr(image, "detach") and hasattr(image, "numpy"):  # torch
        return Given(_tensor(image.detach().cpu().numpy(), color))
    if hasattr(image, "__array__"):
        return Given(as_bgr(_single(np.asarray(image)), color))
    raise ImageError(f"{type(image).__name__} is no image: give {TAKEN}; {ASK_FOR_STREAM}")


def _file(given: str | os.PathLike[str], lenient: bool) -> Given:
    name = os.path.expanduser(os.fspath(given))
    if isinstance(given, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", given):
        raise ImageError(f"{given}: an address, and leanpose downloads nothing: download it, give the file's name; "
                         f"{ASK_FOR_STREAM}")  # fmt: skip
    if os.path.isdir(name):
        raise ImageError(
            f"{name}: a folder: give a file in it, or a list of them such as leanpose.media.find_images(folder)"
        )
    if is_video(name):
        raise ImageError(f"{name}: a video: {ASK_FOR_STREAM}")
    read = read_image(Path(name), lenient=lenient)
    return Given(read.image, name, read.damage)


def _single(array: np.ndarray) -> np.ndarray:
    if array.ndim == 4:
        raise ImageError(
            f"image array: shape {array.shape} is {len(array)} images: give list(images) for a list of answers, or "
            "estimator.stream(images) where they are the frames of a video"
        )
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        raise ImageError(
            f"image array: shape {array.shape} has its channels first: give image.transpose(1, 2, 0), and color='rgb' "
            "if they are red, green, blue"
        )
    return array


def _tensor(array: np.ndarray, color: Literal["bgr", "rgb"]) -> np.ndarray:
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array, color = array.transpose(1, 2, 0), "rgb"
    if array.dtype.kind == "f" and array.size:
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):
            raise ImageError(
                f"image tensor: floats from {low:g} to {high:g}; they must lie in [0, 1]: undo the normalisation, or "
                "give uint8"
            )
        array = (array * 255).round().astype(np.uint8)
    return as_bgr(np.ascontiguousarray(_single(array)), color)
