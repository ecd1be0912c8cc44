"""Images in and out: one loader that refuses what it cannot trust, and one writer.

An image is a BGR uint8 array (H, W, 3), turned as its EXIF orientation says.
"""

import glob
import os
import struct
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from leanpose.core.errors import ImageError
from leanpose.core.files import write_whole

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_PIXELS = 100_000_000


def load_image(source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """An image file, or its bytes, as a BGR uint8 array (H, W, 3), upright by its EXIF orientation.

    Grey and CMYK become BGR, 16 bits become 8, transparency is dropped, and of several frames the first is taken.
    OpenCV up to 4.12 leaves WebP files as they lie, and 4.10 cannot decode GIF.
    Nothing is decoded before the size that the header declares is known to be at most ``max_pixels``.

    Raises:
        ImageError: when the file is missing, unreadable, empty, no image of a known kind (JPEG, PNG, WebP, BMP, GIF,
            TIFF), damaged, cut off or too large. The message names it.
    """
    if isinstance(source, bytes):
        name, data = f"image of {len(source)} bytes", source
    else:
        name = os.fspath(source)
        data = _read(Path(source))
    if not data:
        raise ImageError(f"{name}: empty, 0 bytes; copy it again from where it came from")
    kind = _kind(data)
    if kind is None:
        raise ImageError(f"{name}: not an image of a kind read here (JPEG, PNG, WebP, BMP, GIF, TIFF); convert it")
    damaged = ImageError(f"{name}: damaged or cut off, not a whole {kind} image; copy it again from where it came from")
    try:
        height, width = _SIZE_READERS[kind](data)
    except (struct.error, IndexError, ValueError):
        raise damaged from None
    if height * width > max_pixels:
        raise ImageError(
            f"{name}: {width} x {height} pixels are over the limit of {max_pixels:,}; shrink it or raise max_pixels"
        )
    try:
        # IMREAD_COLOR, for IMREAD_UNCHANGED applies EXIF in OpenCV 5 and not in 4.
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        raise damaged from None
    if image is None:
        raise damaged
    return image


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
        if path.is_dir():
            files = [file for file in path.iterdir() if _looks_like_image(file)]
        elif path.exists():
            files = [path]
        elif glob.has_magic(str(path)):
            files = [file for match in glob.iglob(str(path), recursive=True) if _looks_like_image(file := Path(match))]
        else:
            raise ImageError(f"{path}: no such file or folder")
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


def _read(path: Path) -> bytes:
    """The bytes of a file, only the first few of one that is no image: it could be a film of many gigabytes."""
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not an image; name a file in it")
    if path.exists() and not path.is_file():
        raise ImageError(f"{path}: not a regular file")
    try:
        with path.open("rb") as file:
            head = file.read(16)
            return head + file.read() if _kind(head) else head
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ImageError(f"{path}: cannot be read: {error}") from error


def is_image_data(head: bytes) -> bool:
    """Whether a file with these first bytes (12 are enough) is an image of a kind that :func:`load_image` reads."""
    return _kind(head) is not None


def _kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF":
        return "WebP" if data[8:12] == b"WEBP" else None
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


# The readers below give (height, width) from the header, before any pixel takes memory: 400 kB of PNG can declare
# 144 million pixels. A header that is cut off or makes no sense raises struct.error, IndexError or ValueError.


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walks the segments as libjpeg does, up to the pixels; OpenCV 4 would fill up a file that is cut off with grey."""
    at, size = 2, None
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:  # no segment follows
            at += 1
            continue
        if marker == 0xDA:  # start of scan; its FFs are followed by 00 or restart markers, so FFD9 is the end
            data.index(b"\xff\xd9", at)
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            size = struct.unpack_from(">HH", data, at + 5)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    if size is None:
        raise ValueError("no frame before the scan")
    return size


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return height, width


def _bmp_size(data: bytes) -> tuple[int, int]:
    core = struct.unpack_from("<I", data, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if core else "<ii", data, 18)
    return abs(height), abs(width)  # a negative height means rows from the top


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
    elif chunk == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (n & 0x3FFF for n in struct.unpack_from("<HH", data, 26))
    return height, width


def _tiff_size(data: bytes) -> tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", data, 4)[0]
    sides = {}
    for entry in range(struct.unpack_from(order + "H", data, at)[0]):
        tag, kind = struct.unpack_from(order + "HH", data, at + 2 + 12 * entry)
        if tag in (256, 257):  # ImageWidth, ImageLength, as SHORT or LONG
            sides[tag] = struct.unpack_from(order + {3: "H"}.get(kind, "I"), data, at + 10 + 12 * entry)[0]
    if len(sides) != 2:
        raise ValueError("no size in the first directory")
    return sides[257], sides[256]


_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_SIZE_READERS = {
    "JPEG": _jpeg_size,
    "PNG": _png_size,
    "WebP": _webp_size,
    "GIF": _gif_size,
    "BMP": _bmp_size,
    "TIFF": _tiff_size,
}
