"""AVIF, HEIC, JPEG 2000 and PNM: pixels against those that were written, and sizes before anything is decoded."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from leanpose.core.errors import ImageError
from leanpose.media import further_kinds, load_image

RNG = np.random.default_rng(0)
SMOOTH = cv2.resize(RNG.integers(0, 256, (5, 7, 3), np.uint8), (70, 50), interpolation=cv2.INTER_CUBIC)
HEIC = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + b"\0" * 40


@pytest.mark.parametrize(("suffix", "off"), [(".avif", 5), (".jp2", 1), (".ppm", 0), (".pnm", 0)])
def test_pixels_come_back(tmp_path, suffix, off):
    if not cv2.haveImageWriter(f"x{suffix}"):
        pytest.skip(f"this OpenCV does not write {suffix}")
    assert cv2.imwrite(str(tmp_path / f"a{suffix}"), SMOOTH)
    assert np.abs(load_image(tmp_path / f"a{suffix}").astype(int) - SMOOTH).mean() <= off


@pytest.mark.parametrize(
    "data",
    [
        b"P3\n# made by hand\n2 1\n255\n1 2 3\n4 5 6\n",
        b"P6 2 1 255\n\x01\x02\x03\x04\x05\x06",
        b"P6\n# a\n# b\n2\n1\n255\n\x01\x02\x03\x04\x05\x06",
    ],
)
def test_pnm_by_hand(data):
    np.testing.assert_array_equal(load_image(data), [[[3, 2, 1], [6, 5, 4]]])


@pytest.mark.parametrize("kind", ["avif", "jp2", "ppm"])
def test_size_is_known_before_it_is_decoded(kind):
    data = io.BytesIO()
    Image.fromarray(SMOOTH[..., ::-1]).save(data, {"jp2": "jpeg2000"}.get(kind, kind))
    assert load_image(data.getvalue()).shape == SMOOTH.shape
    with pytest.raises(ImageError, match="70 x 50 pixels are over the limit"):
        load_image(data.getvalue(), max_pixels=3000)


@pytest.mark.parametrize(
    "data",
    [
        b"P6\n", b"P6 1", b"P6 99999 99999 255\n", b"P6 -1 4 255\n", b"P6 2 2 255\n\0\0",
        further_kinds._JP2, further_kinds._JP2 + b"\0\0\0\x2djp2h\0\0\0\x16ihdr" + b"\0\0\0\x09" * 2 + b"\0" * 8,
        struct.pack(">I", 24) + b"ftypavif\0\0\0\0mif1avif", struct.pack(">I", 24) + b"ftypavis" + b"\xff" * 90,
        struct.pack(">I", 24) + b"ftypavif\0\0\0\0mif1avif\0\0\0\x14ispe\0\0\0\0" + b"\0\0\0\x09" * 2,
    ],
)  # fmt: skip
def test_what_is_cut_off_or_made_up_is_refused(data):
    with pytest.raises(ImageError):
        load_image(data)


def test_heic_names_the_package_that_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(further_kinds, "reads_heic", lambda: False)
    data = HEIC + b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", 40, 30)
    (tmp_path / "IMG_1.HEIC").write_bytes(data)
    with pytest.raises(ImageError, match=r"IMG_1.HEIC: HEIC.*pip install pillow-heif"):
        load_image(tmp_path / "IMG_1.HEIC")


def test_heic_is_read_where_it_is_installed():
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    data = io.BytesIO()
    heif.from_pillow(Image.fromarray(SMOOTH[..., ::-1])).save(data, quality=95)
    assert np.abs(load_image(data.getvalue()).astype(int) - SMOOTH).mean() <= 6
    with pytest.raises(ImageError, match="damaged"):
        load_image(data.getvalue()[:-300])


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1", "AVIF"), (b"\0\0\0\x18ftypheix\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41", None), (b"P6\n1 1 255\n", "PNM"), (b"P9\n1 1 255\n", None),
        (b"Plain", None),
        (b"", None), (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)  # fmt: skip
def test_kinds(head, kind):
    assert further_kinds.further_kind(head) == kind
