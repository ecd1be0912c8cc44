"""Images in and out: one loader that refuses what it cannot trust, and one writer.

An image is a BGR uint8 array (H, W, 3), turned as its EXIF orientation says.
"""

import glob
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from leanpose.core.errors import ImageError
from leanpose.core.files import write_whole
from leanpose.media.decoder_lines import damage_printed, log_for_all, printed_so_far, silently
from leanpose.media.further_kinds import FURTHER_STRUCTURES, decode_heic, further_kind
from leanpose.media.jpeg_damage import decode_without_end, jpeg_damage
from leanpose.media.picture_structure import STRUCTURES

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".pgm",
    ".pbm", ".pnm",
)  # fmt: skip
KINDS = "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, JPEG 2000, PNM, and HEIC with pillow-heif"
MAX_PIXELS = 100_000_000
BYTES_PER_PIXEL = 10  # of the limit: what a file and its decoding may take together,
LEAST_BYTES = 64_000_000  # which they always may


@dataclass(frozen=True, eq=False)
class Picture:
    """An image file as it was read.

    Attributes:
        image: BGR uint8, (H, W, 3), upright.
        damage: what is wrong with the file in words, where :func:`read_image` was to be lenient; else ``None``.
    """

    image: np.ndarray
    damage: str | None = None


def load_image(
    source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS, lenient: bool = False
) -> np.ndarray:
    """An image file, or its bytes, as a BGR uint8 array (H, W, 3); arguments and errors as :func:`read_image`."""
    return read_image(source, max_pixels, lenient).image


@silently
def read_image(
    source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS, lenient: bool = False, thorough: bool = True
) -> Picture:
    """An image file, or its bytes, as a BGR uint8 array (H, W, 3), upright by its EXIF orientation.

    Grey and CMYK become BGR, 16 bits become 8, transparency is dropped, and of several frames the first is taken.
    OpenCV up to 4.12 leaves WebP files as they lie, and 4.10 cannot decode GIF.

    Nothing is decoded before every length that the file declares is known to fit it, its pixels to be at most
    ``max_pixels``, and file and decoding to take at most 10 bytes for each of these: 1 GB by default. Damage that the
    decoder knows of is refused; in WebP and GIF, and in codes that stay in step, it is not to be seen. What libtiff
    alone knows is refused by the command; elsewhere OpenCV prints it (:mod:`leanpose.media.decoder_lines`).

    Args:
        lenient: take of a damaged file what can be decoded, and say so in ``damage``.
        thorough: look for damage in the coded data of a JPEG, too, which takes about half as long as decoding it.

    Raises:
        ImageError: when the file is missing, unreadable, empty, no image of a known kind (:data:`KINDS`),
            damaged, cut off or too large. The message names it.
    """
    max_bytes = max(BYTES_PER_PIXEL * max_pixels, LEAST_BYTES)
    if isinstance(source, bytes):
        name, data = f"image of {len(source)} bytes", source
    else:
        name = os.fspath(source)
        data = _read(Path(source), max_bytes)
    if not data:
        raise ImageError(f"{name}: empty, 0 bytes; copy it again from where it came from")
    kind = _kind(data)
    if kind is None:
        raise ImageError(f"{name}: not an image of a kind read here ({KINDS}); convert it")

    def damaged(fault: object) -> ImageError:
        why = f" ({fault})" if fault else ""
        return ImageError(
            f"{name}: damaged or cut off, not a whole {kind} image{why}; copy it again from where it came from"
        )

    try:
        structure = (STRUCTURES | FURTHER_STRUCTURES)[kind](data)
    except ValueError as fault:
        raise damaged(fault) from None
    except (struct.error, LookupError):
        raise damaged("it ends within its header") from None
    height, width = structure.height, structure.width
    if height * width > max_pixels:
        raise ImageError(
            f"{name}: {width} x {height} pixels are over the limit of {max_pixels:,}; shrink it or raise max_pixels"
        )
    if structure.memory + len(data) > max_bytes:
        raise ImageError(
            f"{name}: decoding it takes {(structure.memory + len(data)) // 1_000_000:,} MB, over the limit of "
            f"{max_bytes // 1_000_000:,} MB for {max_pixels:,} pixels; shrink it or raise max_pixels"
        )
    fault, image = structure.fault, None
    if fault is None and thorough and structure.jpeg is not None:
        image = decode_without_end(data, structure.jpeg)
        fault = jpeg_damage(data, structure.jpeg, image is not None)
    if fault is not None and not lenient:
        raise damaged(fault)
    printed = printed_so_far()
    try:
        # IMREAD_COLOR, for IMREAD_UNCHANGED applies EXIF in OpenCV 5 and not in 4.
        if kind == "HEIC":
            image = decode_heic(name, data)
        elif image is None:
            with log_for_all() if kind == "TIFF" else nullcontext():
                image = cv2.imdecode(np.frombuffer(structure.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    fault = fault or damage_printed(printed)
    if image is None or (fault is not None and not lenient):
        raise damaged(fault)
    return Picture(image, fault)


def as_bgr(array: np.ndarray, color: str = "bgr") -> np.ndarray:
    """An array of pixels as a BGR uint8 image (H, W, 3); what is one already comes back as it is, not copied.

    Args:
        array: (H, W) or (H, W, 1) grey, (H, W, 3), or (H, W, 4) whose last channel, transparency, is dropped; uint8,
            or uint16 over its whole range, of which the upper 8 bits are taken as OpenCV does with 16-bit files.
        color: order of three or four channels, ``"bgr"`` or ``"rgb"``.

    Raises:
        ImageError: for another shape, no pixels, another type of number, or an unknown ``color``.
    """
    if color not in ("bgr", "rgb"):
        raise ImageError(f"color: 'bgr' or 'rgb', not {color!r}")
    if not isinstance(array, np.ndarray):
        raise ImageError(f"image array: a NumPy array is needed, not {type(array).__name__}")
    if array.dtype not in (np.uint8, np.uint16):
        hint = " (for values in [0, 1]: (image * 255).round().astype(np.uint8))" if array.dtype.kind == "f" else ""
        raise ImageError(f"image array: uint8 or uint16 is needed, not {array.dtype}; convert it{hint}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(f"image array: shape {array.shape} is not (H, W) or (H, W, 1, 3 or 4); put channels last")
    if array.size == 0:
        raise ImageError(f"image array: shape {array.shape} has no pixels")
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    array = array[..., :3] if color == "bgr" else array[..., 2::-1]
    return np.ascontiguousarray(array)


def find_images(sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The image files among files, folders and patterns, each once, sorted.

    A folder gives the images directly in it, a pattern such as ``photos/**/*.jpg`` those it matches; both by suffix
    and without hidden files. A file that is named itself is taken whatever it is called.

    Raises:
        ImageError: when a source gives no image, or there is no source.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    found: set[Path] = set()
    for source in sources:
        path = Path(source)
        if os.path.isdir(path):  # False, too, for a name that no file can have, where Path raises OSError
            files = [file for file in path.iterdir() if _looks_like_image(file)]
        elif os.path.exists(path):
            files = [path]
        elif glob.has_magic(str(path)):
            files = [file for match in glob.iglob(str(path), recursive=True) if _looks_like_image(file := Path(match))]
        else:
            raise ImageError(f"{path!s:.200}: no such file or folder")
        if not files:
            raise ImageError(f"{path}: no images there (files ending in {', '.join(IMAGE_SUFFIXES)})")
        found.update(files)
    if not found:
        raise ImageError("no images: name files, folders or patterns")
    return sorted(found)


def save_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Writes an image that :func:`as_bgr` takes, in the format that the suffix names, whole or not at all.

    Raises:
        ImageError: when the format is unknown, cannot hold the image, or the file cannot be written.
    """
    path = Path(path)
    pixels = as_bgr(image)
    height, width = pixels.shape[:2]
    try:
        done, data = cv2.imencode(path.suffix, pixels)
    except cv2.error:
        done, data = False, np.zeros(0, np.uint8)
    if not done:
        raise ImageError(f"{path}: cannot hold {width} x {height} pixels in a file ending in '{path.suffix}'; try .png")
    write_whole(path, data.tobytes(), ImageError)


def _looks_like_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _read(path: Path, limit: int) -> bytes:
    """The bytes of a file, only the first few of one that is no image: it could be a film of many gigabytes."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise ImageError(f"{path}: a folder, not an image; name a file in it")
        if not stat.S_ISREG(kind):
            raise ImageError(f"{path}: not a regular file")
        with path.open("rb") as file:
            head = file.read(16)
            if not _kind(head):
                return head
            data = head + file.read(limit)
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ImageError(f"{path!s:.200}: cannot be read: {error!s:.200}") from error
    if len(data) > limit:
        raise ImageError(f"{path}: over {limit:,} bytes, which no image takes; shrink it or raise max_pixels")
    return data


def is_image_data(head: bytes) -> bool:
    """Whether a file with these first bytes (12 are enough) is an image of a kind that :func:`load_image` reads."""
    return _kind(head) is not None


def _kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF":
        return "WebP" if data[8:12] == b"WEBP" else None
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None) or further_kind(data)


_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
