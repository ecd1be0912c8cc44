import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from leanpose.core.errors import ImageError
from leanpose.media import as_bgr, find_images, load_image, save_image

FORMATS = {
    "jpeg": {"quality": 95, "subsampling": 0},
    "jpeg progressive": {"quality": 95, "subsampling": 0, "progressive": True},
    "png": {},
    "webp lossless": {"lossless": True},
    "webp": {"quality": 95},
    "bmp": {},
    "tiff": {},
    "tiff lzw": {"compression": "tiff_lzw"},
}
LOSSY = {"jpeg", "jpeg progressive", "webp"}


def scene(height: int = 40, width: int = 64) -> np.ndarray:
    """RGB, smooth, another colour in each corner: every turn, mirror and channel swap shows."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    return np.stack((255 * x / width, 255 * y / height, 120 + 100 * np.cos(x / width * 3)), -1).round().astype(np.uint8)


def encoded(kind: str, image: Image.Image | None = None, **options) -> bytes:
    buffer = io.BytesIO()
    image = image or Image.fromarray(scene())
    image.save(buffer, kind.split()[0], **FORMATS.get(kind, {}), **options)
    return buffer.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(image.convert("RGB"))[..., ::-1].astype(int)


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_decode_to_what_pillow_sees(kind):
    data = encoded(kind)
    image = load_image(data)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image, by_pillow(data), atol=4 if kind in LOSSY else 0)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp lossless", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    if kind == "tiff":
        tags = ImageFileDirectory_v2()
        tags[274] = orientation
        data = encoded(kind, tiffinfo=tags)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        data = encoded(kind, exif=exif)
    expected = by_pillow(data)
    assert (expected.shape[0] > expected.shape[1]) == (orientation >= 5)
    np.testing.assert_allclose(load_image(data), expected, atol=4 if kind == "jpeg" else 0)


def test_grey_cmyk_transparent_and_16_bit_become_bgr():
    rgb = scene()
    grey = load_image(encoded("png", Image.fromarray(rgb[..., 0])))
    np.testing.assert_array_equal(grey, np.repeat(rgb[..., :1], 3, axis=2))
    clear = np.dstack((rgb, np.zeros(rgb.shape[:2], np.uint8)))
    np.testing.assert_array_equal(load_image(encoded("png", Image.fromarray(clear))), rgb[..., ::-1])
    deep = (rgb[..., 1].astype(np.uint16) << 8) + 200
    np.testing.assert_array_equal(load_image(encoded("png", Image.fromarray(deep)))[..., 0], rgb[..., 1])
    bits = Image.fromarray(rgb[..., 0] > 100)
    np.testing.assert_array_equal(load_image(encoded("png", bits))[..., 0], np.where(rgb[..., 0] > 100, 255, 0))
    cmyk = encoded("jpeg", Image.fromarray(rgb).convert("CMYK"))
    assert np.abs(load_image(cmyk) - by_pillow(cmyk)).mean() < 4


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("kept", [0.98, 0.6, 0.3, 0.02])
def test_a_file_that_was_cut_off_is_refused(kind, kept, tmp_path):
    data = encoded(kind)
    path = tmp_path / "half"
    path.write_bytes(data[: max(int(len(data) * kept), 12)])
    with pytest.raises(ImageError, match=r"half: damaged or cut off, not a whole (JPEG|PNG|WebP|BMP|TIFF) image"):
        load_image(path)


def test_a_jpeg_that_ends_in_its_pixels_is_refused_even_where_its_thumbnail_is_whole():
    data = encoded("jpeg")
    thumbnail = b"Exif\0\0" + encoded("jpeg", Image.fromarray(scene(8, 8)))
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + data[2:]
    assert load_image(data).shape == (40, 64, 3)
    with pytest.raises(ImageError, match="cut off"):
        load_image(data[:-2])


def test_bytes_after_the_end_of_a_jpeg_do_not_matter():
    np.testing.assert_array_equal(load_image(encoded("jpeg") + b"camera's own"), load_image(encoded("jpeg")))


def test_files_that_are_no_images_are_named(tmp_path):
    for name, content, message in [
        ("empty.jpg", b"", "empty, 0 bytes"),
        ("text.png", b"hello, this is a text", "not an image of a kind read here"),
        ("film.mp4", b"\0\0\0\x18ftypmp42" + bytes(50), "not an image of a kind read here"),
        ("sound.wav", b"RIFF\x10\0\0\0WAVEfmt ", "not an image of a kind read here"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=f"{name}: {message}"):
            load_image(tmp_path / name)
    with pytest.raises(ImageError, match=r"gone\.jpg: no such file"):
        load_image(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="a folder, not an image"):
        load_image(str(tmp_path))
    with pytest.raises(ImageError, match="not a regular file"):
        load_image(os.devnull)
    with pytest.raises(ImageError, match="image of 0 bytes: empty"):
        load_image(b"")


def bombs() -> dict[str, bytes]:
    """Small files whose headers declare 50000 x 60000 pixels (16383 squared, the most there is, for WebP)."""
    w, h = 50_000, 60_000
    frame = struct.pack(">HBHHBBBB", 11, 8, h, w, 1, 1, 0x11, 0)
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0), b"IDAT", b"IEND"]
    png = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    vp8x, vp8l, vp8 = (w - 1).to_bytes(3, "little") + (h - 1).to_bytes(3, "little"), 16382 | 16382 << 14, (16383, 16383)
    entries = [(256, 4, w), (257, 4, h)]
    return {
        "png": b"\x89PNG\r\n\x1a\n" + b"".join(png),
        "jpeg": b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2" + frame + b"\xff\xda\0\x06\1\1\0\0\xff\xd9",
        "gif": b"GIF89a" + struct.pack("<HHBBBBHHHHBBBB", w, h, 0, 0, 0, 0x2C, 0, 0, w, h, 0, 2, 0, 0x3B),
        "bmp": b"BM" + struct.pack("<III", 0, 0, 54) + struct.pack("<IiiHHI", 40, w, -h, 1, 8, 1) + bytes(20),
        "webp extended": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + vp8x,
        "webp lossless": b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", vp8l),
        "webp lossy": b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", *vp8),
        "tiff little": b"II*\0\x08\0\0\0\x02\0" + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in entries),
        "tiff big": b"MM\0*\0\0\0\x08\0\x02" + b"".join(struct.pack(">HHIHH", t, 3, 1, v, 0) for t, _, v in entries),
    }


@pytest.mark.parametrize("kind", bombs())
def test_a_small_file_that_declares_a_huge_image_is_refused_before_it_is_decoded(kind, monkeypatch):
    monkeypatch.setattr("cv2.imdecode", lambda *_: pytest.fail("decoded"))
    size = "16383 x 16383" if kind in ("webp lossless", "webp lossy") else "50000 x 60000"
    with pytest.raises(ImageError, match=f"{size} pixels are over the limit of 100,000,000"):
        load_image(bombs()[kind])


@pytest.mark.parametrize("kind", FORMATS)
def test_the_limit_is_on_the_true_number_of_pixels(kind):
    assert load_image(encoded(kind), max_pixels=40 * 64).shape == (40, 64, 3)
    with pytest.raises(ImageError, match="64 x 40 pixels are over the limit of 2,559"):
        load_image(encoded(kind), max_pixels=40 * 64 - 1)


def test_of_a_large_file_that_is_no_image_only_the_head_is_read(tmp_path):
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(1 << 28)
    tracemalloc.start()
    with pytest.raises(ImageError, match="not an image"):
        load_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


HEADS = [data[:12] for data in bombs().values()]


@given(st.sampled_from(HEADS), st.binary(max_size=80))
@example(b"II*\x00", b"\xff\xff\xff\xff")
@example(b"\xff\xd8", b"\xff\xe0\x00\x00" * 20)
def test_any_bytes_give_an_image_or_an_image_error(head, tail):
    try:
        image = load_image(head + tail, max_pixels=10_000)
    except ImageError:
        return
    assert image.ndim == 3


def test_paths_of_any_name(tmp_path):
    for name in ("żółw 人 🏃.png", "a [1].png", "no_suffix"):
        (tmp_path / name).write_bytes(encoded("png"))
        assert load_image(tmp_path / name).shape == (40, 64, 3)
        assert load_image(str(tmp_path / name)).shape == (40, 64, 3)
    with pytest.raises(ImageError, match="cannot be read"):
        load_image("a\0b.png")


def test_arrays_of_every_layout_become_bgr():
    bgr = scene()
    grey = bgr[..., 0]
    alpha = np.full(grey.shape, 9, np.uint8)
    assert np.shares_memory(as_bgr(bgr), bgr)
    np.testing.assert_array_equal(as_bgr(bgr), bgr)
    np.testing.assert_array_equal(as_bgr(grey), np.dstack([grey] * 3))
    np.testing.assert_array_equal(as_bgr(grey[..., None]), np.dstack([grey] * 3))
    np.testing.assert_array_equal(as_bgr(np.dstack((bgr, alpha))), bgr)
    np.testing.assert_array_equal(as_bgr(bgr[..., ::-1], color="rgb"), bgr)
    np.testing.assert_array_equal(as_bgr(np.dstack((bgr[..., ::-1], alpha)), color="rgb"), bgr)
    np.testing.assert_array_equal(as_bgr(bgr.astype(np.uint16) * 257), bgr)
    assert as_bgr(bgr[..., ::-1], color="rgb").flags.c_contiguous
    assert as_bgr(np.full((2, 2), 65535, np.uint16)).max() == 255


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5, 3)), r"not float64; convert it \(for values in \[0, 1\]"),
        (np.zeros((4, 5, 3), bool), "not bool"),
        (np.zeros((4, 5, 3), np.int32), "not int32"),
        (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)"),
        (np.zeros((3, 4, 5), np.uint8), "put channels last"),
        (np.zeros((1, 4, 5, 3), np.uint8), r"shape \(1, 4, 5, 3\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.zeros((0, 5, 3), np.uint8), "has no pixels"),
        (np.zeros((4, 0), np.uint8), "has no pixels"),
        ([[1, 2], [3, 4]], "a NumPy array is needed, not list"),
    ],
)
def test_arrays_that_are_no_images(array, message):
    with pytest.raises(ImageError, match=message):
        as_bgr(array)


def test_color_is_bgr_or_rgb():
    with pytest.raises(ImageError, match="color: 'bgr' or 'rgb', not 'hsv'"):
        as_bgr(scene(), color="hsv")


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "plain", "sub/c.webp", "sub/.d.png", "none/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_find_images(folder):
    def names(*sources):
        return [str(path.relative_to(folder)) for path in find_images(sources)]

    assert names(folder) == ["a.png", "b.JPG"]
    assert names(str(folder / "**" / "*")) == ["a.png", "b.JPG", "sub/c.webp"]
    assert names(folder / "*.png") == ["a.png"]
    assert names(folder / "plain", folder / ".hidden.png") == [".hidden.png", "plain"]
    assert names(folder / "b.JPG", folder, folder / "sub") == ["a.png", "b.JPG", "sub/c.webp"]
    assert find_images(folder / "a.png") == [folder / "a.png"]
    assert find_images(str(folder)) == [folder / "a.png", folder / "b.JPG"]


def test_a_file_whose_name_looks_like_a_pattern(folder):
    (folder / "x[1].png").write_bytes(b"x")
    assert find_images(folder / "x[1].png") == [folder / "x[1].png"]


def test_a_source_without_images_is_refused(folder):
    for source, message in [
        (folder / "gone", "gone: no such file or folder"),
        (folder / "none", "none: no images there"),
        (folder / "*.bmp", r"\*\.bmp: no images there"),
    ]:
        with pytest.raises(ImageError, match=message):
            find_images([folder / "a.png", source])
    with pytest.raises(ImageError, match="no images: name files"):
        find_images([])


def test_saved_images_come_back(tmp_path):
    image = scene()
    save_image(tmp_path / "new" / "ż.png", image)
    np.testing.assert_array_equal(load_image(tmp_path / "new" / "ż.png"), image)
    save_image(str(tmp_path / "grey.bmp"), image[..., 0])
    np.testing.assert_array_equal(load_image(tmp_path / "grey.bmp")[..., 1], image[..., 0])


@pytest.mark.parametrize("name", ["picture", "picture.xyz", "wide.jpg"])
def test_what_cannot_be_encoded_is_not_written(name, tmp_path):
    image = np.zeros((1, 70_000, 3), np.uint8)  # JPEG ends at 65,500
    with pytest.raises(ImageError, match=f"{name}: cannot hold 70000 x 1 pixels"):
        save_image(tmp_path / name, image)
    assert list(tmp_path.iterdir()) == []


def test_the_sample_photo():
    image = load_image(Path(__file__).parents[2] / "examples" / "cameraman.png")
    assert image.shape == (512, 512, 3)
