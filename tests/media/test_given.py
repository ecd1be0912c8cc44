"""What people give for an image, against the pixels that are in it; and what is refused, with what to do."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from leanpose.core.errors import ImageError
from leanpose.media import save_image
from leanpose.media.given import pixels_of

BGR = np.random.default_rng(0).integers(0, 256, (12, 18, 3), np.uint8)
RGB = np.ascontiguousarray(BGR[..., ::-1])
GREY = BGR[..., 1]


class Arraylike:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def png(array) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "png")
    return data.getvalue()


def with_orientation(number: int) -> Image.Image:
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = number
    data = io.BytesIO()
    image.save(data, "png", exif=exif)
    return Image.open(io.BytesIO(data.getvalue()))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (BGR, BGR), (Arraylike(BGR), BGR), (Image.fromarray(RGB), BGR), (Image.fromarray(GREY), GREY), (png(RGB), BGR),
        (Image.fromarray(RGB).convert("RGBA"), BGR), (bytearray(png(RGB)), BGR), (memoryview(png(RGB)), BGR),
        (Image.fromarray(RGB).quantize(4), None), (Image.fromarray(RGB).convert("CMYK"), None),
        (Image.fromarray(GREY > 99), (GREY > 99) * np.uint8(255)), (Image.open(io.BytesIO(png(RGB))), BGR),
        (Image.fromarray(GREY.astype(np.uint16) * 257), GREY), (with_orientation(6), BGR),
    ],
)  # fmt: skip
def test_pixels(given, expected):
    pixels, name, _ = pixels_of(given)
    assert name is None
    if expected is None:
        expected = np.asarray(given.convert("RGB"))[..., ::-1]
    elif expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_array_equal(pixels, expected)


def test_the_channel_order_is_of_arrays_alone():
    np.testing.assert_array_equal(pixels_of(RGB, "rgb")[0], BGR)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(RGB), "bgr")[0], BGR)
    np.testing.assert_array_equal(pixels_of(png(RGB), "rgb")[0], BGR)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float16", "float64"])
def test_tensors(kind):
    torch = pytest.importorskip("torch")
    tensor = (
        torch.tensor(RGB)
        if kind == "uint8"
        else torch.tensor(RGB, dtype=torch.float64).div(255).to(getattr(torch, kind))
    )
    for given in (tensor.permute(2, 0, 1), tensor.permute(2, 0, 1).contiguous()):
        assert np.abs(pixels_of(given)[0].astype(int) - BGR).max() <= (kind == "float16")
    np.testing.assert_array_equal(pixels_of(torch.tensor(BGR))[0], BGR)
    np.testing.assert_array_equal(pixels_of(torch.tensor(RGB), "rgb")[0], BGR)
    grey = torch.tensor(GREY)
    for given in (grey, grey[None]):
        np.testing.assert_array_equal(pixels_of(given)[0], np.repeat(GREY[..., None], 3, axis=2))
    if kind != "uint8":
        assert pixels_of(tensor.permute(2, 0, 1).requires_grad_())[0].shape == BGR.shape


def test_files(tmp_path, monkeypatch):
    save_image(tmp_path / "a.png", BGR)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given in (str(tmp_path / "a.png"), tmp_path / "a.png", "~/a.png", Path("~/a.png")):
        pixels, name, _ = pixels_of(given)
        np.testing.assert_array_equal(pixels, BGR)
        assert name == str(tmp_path / "a.png")


class Nothing:
    pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"None is no image: cv2\.imread gives it"),
        ("https://example.com/a.jpg", "https://example.com/a.jpg: an address"),
        ("rtsp://camera/1", "estimator.stream"),
        ("gone.jpg", "gone.jpg: no such file"),
        (5, "int is no image: give a file's"),
        (Nothing(), "Nothing is no image"),
        ({"a": 1}, "dict is no image"),
        (b"", "empty, 0 bytes"),
        (b"\x89PNG", "image of 4 bytes"),
        (cv2.VideoCapture(), "estimator.stream"),
        (np.zeros((2, 9, 9, 3), np.uint8), r"2 images: give list\(images\)"),
        (np.zeros((3, 40, 50), np.uint8), r"channels first.*transpose\(1, 2, 0\)"),
        (np.zeros((9, 9, 3)), "uint8 or uint16"),
        (Arraylike(np.zeros((9, 9, 3), bool)), "uint8 or uint16"),
    ],
)
def test_refusals(given, message):
    with pytest.raises(ImageError, match=message):
        pixels_of(given)


def test_folders_and_videos(tmp_path):
    with pytest.raises(ImageError, match=r"a folder: .*find_images"):
        pixels_of(tmp_path)
    (tmp_path / "v.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 20)
    with pytest.raises(ImageError, match=r"v\.mp4: a video: .*estimator\.stream"):
        pixels_of(tmp_path / "v.mp4")


@pytest.mark.parametrize("factor", [2.0, -1.0, float("nan")])
def test_tensors_that_were_normalised(factor):
    torch = pytest.importorskip("torch")
    with pytest.raises(ImageError, match=r"must lie in \[0, 1\]: undo the normalisation"):
        pixels_of(torch.ones(3, 20, 20) * factor)
