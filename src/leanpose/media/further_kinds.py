"""AVIF, HEIC, JPEG 2000 and PNM: what they declare before they are decoded, and HEIC's pixels, unknown to OpenCV.

Headers that are cut off or make no sense raise struct.error, LookupError or ValueError, as those of other kinds do in
:mod:`leanpose.media.picture_structure`.
"""

import re
import struct
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from leanpose.core.errors import ImageError
from leanpose.media.picture_structure import Structure

HEIC_SUFFIXES = (".heic", ".heif", ".hif")
INSTALL_HEIC = "pip install pillow-heif"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"


def reads_heic() -> bool:
    """Whether the package is installed that decodes HEIC."""
    return find_spec("pillow_heif") is not None


def further_kind(data: bytes) -> str | None:
    """``"AVIF"``, ``"HEIC"``, ``"JPEG 2000"`` or ``"PNM"`` by the first 12 bytes, else ``None``."""
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS + _HEIC_BRANDS:
        brands = re.findall(b"(?s)....", data[8 : int.from_bytes(data[:4], "big")][: 4 * 32])
        return "AVIF" if set(brands) & set(_AVIF_BRANDS) else "HEIC"
    if data.startswith(_JP2):
        return "JPEG 2000"
    return "PNM" if re.match(rb"P[1-6][\s#]", data) else None


def boxed_size(data: bytes) -> tuple[int, int]:
    """(height, width) of the largest image in an AVIF or HEIC file: of its parts each says its own."""
    sizes = [struct.unpack_from(">II", data, found.end() + 4) for found in re.finditer(b"ispe", data[: 1 << 20])]
    if not sizes or min(map(min, sizes)) < 1:
        raise ValueError("no size in it")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return height, width


def jp2_size(data: bytes) -> tuple[int, int]:
    """(height, width) of a JPEG 2000 file, by the codestream that is decoded, whatever the boxes about it say."""
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0:
        raise ValueError("no codestream in it")
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
    return bottom - top, right - left


def pnm_size(data: bytes) -> tuple[int, int]:
    """(height, width) of a PBM, PGM or PPM file."""
    found = re.match(rb"P[1-6](?:\s|#[^\n]*\n)+([0-9]{1,9})(?:\s|#[^\n]*\n)+([0-9]{1,9})\s", data[:4096])
    if found is None:
        raise ValueError("no size in it")
    height, width = int(found[2]), int(found[1])
    if data[:2] in (b"P5", b"P6") and len(data) - found.end() < height * width * (3 if data[:2] == b"P6" else 1):
        raise ValueError(f"{width} x {height} pixels are more than it holds")
    return height, width


def decode_heic(name: str, data: bytes) -> np.ndarray | None:
    """A HEIC file's first image as BGR uint8 (H, W, 3), upright; ``None`` when it is damaged.

    Raises:
        ImageError: when pillow-heif is not installed.
    """
    if not reads_heic():
        raise ImageError(f"{name}: HEIC, as iPhones write it, needs pillow-heif: {INSTALL_HEIC}, or convert it to .jpg")
    import pillow_heif  # pyright: ignore[reportMissingImports]

    try:
        image = np.asarray(pillow_heif.read_heif(data, convert_hdr_to_8bit=True))
    except (ValueError, RuntimeError, EOFError, SyntaxError):
        return None
    return np.ascontiguousarray(image[..., 2::-1]) if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _structure(size: Callable[[bytes], tuple[int, int]]) -> Callable[[bytes], Structure]:
    def read(data: bytes) -> Structure:
        height, width = size(data)
        if min(height, width) < 1:
            raise ValueError(f"{width} x {height} pixels")
        return Structure(height, width, 8 * height * width, data)

    return read


FURTHER_STRUCTURES = {
    "AVIF": _structure(boxed_size),
    "HEIC": _structure(boxed_size),
    "JPEG 2000": _structure(jp2_size),
    "PNM": _structure(pnm_size),
}
