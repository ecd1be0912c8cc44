import io
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leanpose.core.errors import ImageError
from leanpose.media import load_image
from leanpose.media.images import read_image
from leanpose.media.picture_structure import STRUCTURES

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)


def encoded(kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


FILES = {
    "JPEG": encoded("JPEG"),
    "PNG": encoded("PNG"),
    "WebP": encoded("WebP"),
    "GIF": encoded("GIF"),
    "BMP": encoded("BMP"),
    "TIFF": encoded("TIFF", compression="tiff_lzw"),
}


def chunk(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return struct.pack(">I", size) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


PICTURE = chunk(b"IDAT", zlib.compress(bytes(64 * 193)))
END = chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FILES)
def test_sizes_are_those_that_are_decoded_and_nothing_is_wrong_with_whole_files(kind):
    structure = STRUCTURES[kind](FILES[kind])
    assert (structure.height, structure.width) == (20, 30)
    assert structure.fault is None
    assert load_image(FILES[kind]).shape == (20, 30, 3)


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFF, 200])
def test_a_png_whose_chunk_is_longer_than_the_file_is_refused_before_it_is_decoded(length, monkeypatch):
    data = png(chunk(b"IDAT", zlib.compress(bytes(64 * 193)), length), END)
    monkeypatch.setattr("cv2.imdecode", lambda *_: pytest.fail("decoded"))
    for lenient in (False, True):
        with pytest.raises(ImageError, match=f"chunk b'IDAT' says {length} bytes, "):
            load_image(data, lenient=lenient)


def test_texts_and_profiles_of_a_png_are_not_unpacked():
    bomb = zlib.compress(bytes(8_000_000), 9)
    data = png(*[chunk(b"zTXt", b"a\0\0" + bomb)] * 50, PICTURE, END)
    structure = STRUCTURES["PNG"](data)
    assert len(structure.data) == len(png(PICTURE, END))
    assert load_image(data).shape == (64, 64, 3)


def test_a_png_with_a_wrong_checksum_is_damaged():
    data = bytearray(png(chunk(b"tEXt", b"a\0b"), PICTURE, END))
    data[data.index(b"tEXt") + 5] ^= 1
    with pytest.raises(ImageError, match="the checksum of chunk tEXt is wrong"):
        load_image(bytes(data))
    found = read_image(bytes(data), lenient=True)
    assert (found.image.shape, found.damage) == ((64, 64, 3), "the checksum of chunk tEXt is wrong")


def tiff(**tags: tuple[int, int]) -> bytes:
    """A grey picture of 64 x 64 pixels; each tag is its number and its value, which may replace a usual one."""
    usual = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 300, 277: 1, 278: 64, 279: 4096}
    entries = sorted((usual | dict(tags.values())).items())
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in entries)
    return (b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)).ljust(300, b"\0") + bytes(4096)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff(offset=(273, 2**31)), "bytes of pixels at 2147483648"),
        (tiff(count=(279, 2**32 - 1)), "4294967295 bytes of pixels"),
        (tiff(wide=(322, 2**31), high=(323, 2**31)), "decoding it takes"),
        (tiff(bits=(258, 2**20)), "samples of 1048576 bits"),
        (b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 54, 40, 5000, 5000, 1, 24, 0) + bytes(99), "75000054"),
        (b"RIFF" + struct.pack("<I", 2**31) + FILES["WebP"][8:], "says 2147483648 bytes"),
        (FILES["GIF"][:-1], "ends within"),
        (FILES["GIF"][:6] + b"\1\0\1\0" + FILES["GIF"][10:], "reaches over the picture"),
        (FILES["JPEG"][:4] + b"\xff\xff" + FILES["JPEG"][6:], "says 65535 bytes"),
    ],
)  # fmt: skip
def test_what_is_declared_and_not_there_is_refused_before_it_is_decoded(data, message, monkeypatch):
    monkeypatch.setattr("cv2.imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=message):
        load_image(data)


def test_the_made_up_tiff_is_a_picture():
    assert load_image(tiff()).shape == (64, 64, 3)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(FILES)), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12), st.data()
)
def test_broken_files_of_every_kind_end_in_a_picture_or_an_image_error(kind, changes, data):
    broken = bytearray(FILES[kind])
    for place, value in changes:
        broken[place % len(broken)] = value
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(1, len(broken))) :]
    for lenient in (False, True):
        try:
            image = load_image(bytes(broken), max_pixels=1_000_000, lenient=lenient)
        except ImageError:
            continue
        assert image.ndim == 3
        assert image.shape[0] * image.shape[1] <= 1_000_000


PEAK = """
import resource, sys, time
from leanpose.media import load_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
shape, seconds = load_image(sys.argv[1]).shape, time.process_time() - start
print(shape, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]])
def test_the_largest_picture_takes_less_than_a_gigabyte_and_ten_seconds(options, tmp_path):
    file = tmp_path / "large.jpg"
    file.write_bytes(cv2.imencode(".jpg", cv2.resize(PIXELS, (10_000, 10_000)), options)[1].tobytes())
    run = subprocess.run([sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, check=True)
    shape, seconds, kilobytes = run.stdout.rsplit(" ", 2)
    assert shape == "(10000, 10000, 3)"
    assert float(seconds) < 10
    assert int(kilobytes) < 1_000_000
