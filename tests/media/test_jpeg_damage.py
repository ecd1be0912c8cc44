"""Against what libjpeg itself complains of, which OpenCV prints on file descriptor 2 and nothing else."""

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import ImageError
from leanpose.media import jpeg, load_image
from leanpose.media.images import read_image
from leanpose.media.jpeg import read_jpeg
from leanpose.media.jpeg_damage import decode_without_end, jpeg_damage

KINDS = {
    "sequential": [],
    "optimised": [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    "best": [cv2.IMWRITE_JPEG_QUALITY, 100],
    "restarts within a row": [cv2.IMWRITE_JPEG_RST_INTERVAL, 5],
    "restarts each row": [cv2.IMWRITE_JPEG_RST_INTERVAL, 9],
    "restarts across rows": [cv2.IMWRITE_JPEG_RST_INTERVAL, 14],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
}
LISTEN = """
import sys, os, cv2, numpy as np, struct
data = sys.stdin.buffer.read(); at = 0
while at < len(data):
    size = struct.unpack_from("<I", data, at)[0]
    try: image = cv2.imdecode(np.frombuffer(data, np.uint8, size, at + 4), 1)
    except cv2.error: image = None
    os.write(2, b"|%d|" % (image is not None)); at += 4 + size
"""


def encoded(kind: str, seed: int = 0) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 255, (16, 18, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (141, 123), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", image, KINDS[kind])[1].tobytes()


def complaints(files: list[bytes]) -> list[tuple[bool, str]]:
    """Of each file whether there is a picture, and what libjpeg said of it."""
    given = b"".join(len(data).to_bytes(4, "little") + data for data in files)
    heard = subprocess.run([sys.executable, "-c", LISTEN], input=given, capture_output=True, check=True).stderr
    parts = heard.decode().split("|")
    return [(flag == "1", text.strip()) for text, flag in zip(parts[:-1:2], parts[1::2], strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_whole_and_nothing_is_printed(kind, capfd):
    for seed in range(3):
        data = encoded(kind, seed)
        for complete in (False, True):
            assert jpeg_damage(data, read_jpeg(data), complete) is None
    for image in (np.zeros((64, 64, 3), np.uint8), np.full((1, 1), 128, np.uint8), np.full((200, 9), 255, np.uint8)):
        data = cv2.imencode(".jpg", image, KINDS[kind])[1].tobytes()
        assert jpeg_damage(data, read_jpeg(data)) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "progressive"])
def test_what_libjpeg_complains_of_is_damage_and_nothing_else_is(kind):
    draw = np.random.default_rng(1)
    files = []
    for seed in range(40):
        data = bytearray(encoded(kind, seed % 3))
        start = read_jpeg(bytes(data)).scans[0].start
        if seed % 2:
            files.append(bytes(data[: draw.integers(start, len(data) - 20)] + b"\xff\xd9"))
        else:
            data[draw.integers(start, len(data) - 20)] ^= 1 << draw.integers(8)
            files.append(bytes(data))
    for data, (decoded, said) in zip(files, complaints(files), strict=True):
        try:
            found = jpeg_damage(data, read_jpeg(data)) is not None
            complete = decode_without_end(data, read_jpeg(data)) is not None
            assert (jpeg_damage(data, read_jpeg(data), complete) is not None) == found
        except ValueError:  # no JPEG any more
            found = True
        few = "extraneous" in said and int(said.split("data: ")[1].split()[0]) <= 12
        if decoded and not few and "bad Huffman" not in said:
            assert found == bool(said), said


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_the_one_that_opencv_gives_whichever_way_it_is_looked_at(kind):
    for seed in range(3):
        data = encoded(kind, seed)
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        behind = data + b"a few bytes behind the end"
        for whole in (data, behind):
            np.testing.assert_array_equal(read_image(whole).image, expected)
            np.testing.assert_array_equal(read_image(whole, thorough=False).image, expected)


@given(
    st.lists(st.sampled_from([b"\xff", b"\x00", b"\xd0", b"\xd7", b"\xd8", b"\xcf", b"\x11"]), max_size=30),
    st.integers(0, 30),
    st.sampled_from([3, 5, 64, 1 << 18]),
)
def test_a_scan_ends_at_its_first_marker_that_is_none_of_restarts(parts, at, at_once):
    data = b"".join(parts)
    at = min(at, len(data))
    found = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]").search(data, at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg, "_AT_ONCE", at_once)
        assert jpeg._scan_end(data, at) == (found.start() if found else len(data))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lost_its_scan_but_ends_properly_is_refused(kind, share):
    if kind == "progressive":
        pytest.importorskip("av")
    data = encoded(kind)
    cut = data[: int(len(data) * share)] + b"\xff\xd9"
    with pytest.raises(ImageError, match="damaged or cut off, not a whole JPEG image"):
        load_image(cut)
    if read_jpeg(data).scans[0].start + 100 < len(cut):
        found = read_image(cut, lenient=True)
        assert found.image.shape == (123, 141, 3)
        assert found.damage


def test_lenient_says_nothing_of_whole_files():
    assert read_image(encoded("sequential"), lenient=True).damage is None


def test_a_few_bytes_more_than_are_needed_pass_as_some_cameras_write_them():
    data = encoded("sequential")
    np.testing.assert_array_equal(load_image(data[:-2] + bytes(4) + data[-2:]), load_image(data))


@pytest.mark.parametrize("scans", [101, 5000])
def test_a_progressive_jpeg_of_very_many_scans_is_refused(scans):
    data = encoded("progressive")
    last = read_jpeg(data).scans[-1]
    again = last.header + data[last.start : last.end]
    with pytest.raises(ImageError, match=f"{scans} scans"):
        load_image(data[: last.end] + again * (scans - 10) + data[last.end :])
