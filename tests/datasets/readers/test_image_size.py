"""Sizes from headers against what OpenCV decodes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.image_size import image_size


def _decoded(path: Path) -> tuple[int, ...] | None:
    image = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else image.shape[:2]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_format(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"image{suffix}"
    Image.new(mode, (37, 23)).save(path)
    assert image_size(path) == (23, 37) == _decoded(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_turned_images(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"image{suffix}"
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", orientation
    Image.new("RGB", (37, 23)).save(path, exif=exif)
    assert image_size(path) == _decoded(path)
    if suffix == ".jpg":
        assert image_size(path) == ((37, 23) if orientation >= 5 else (23, 37))


def test_progressive_and_commented_jpegs_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (23, 37, 3), np.uint8)
    Image.fromarray(noise).save(path, progressive=True, comment=b"c" * 40_000)
    monkeypatch.setattr("cv2.imdecode", lambda *_: pytest.fail("decoded"))
    assert image_size(path) == (23, 37)


def test_a_header_longer_than_what_is_read_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    Image.new("RGB", (37, 23)).save(path, comment=b"c" * 60_000, icc_profile=b"p" * 60_000)
    assert image_size(path) == (23, 37)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    with pytest.raises(DatasetError, match=r"image\.jpg: No such file"):
        image_size(path)
    for content in (b"", b"text", b"\xff\xd8\xff\xd8", b"\x89PNG\r\n\x1a\n" + b"\0" * 30):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="not a readable image"):
            image_size(path)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_gives_a_size_or_a_typed_error(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / data.draw(st.sampled_from(["a.jpg", "a.png"]))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (37, 23)).save(path, exif=exif)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content) - 1, 200)))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, 2 * len(content)))])
    try:
        assert min(image_size(path)) > 0
    except DatasetError as error:
        message = str(error)
    else:
        message = str(path)
    assert str(path) in message


def test_real_images(data_root: Path) -> None:
    files = [
        *sorted((data_root / "lsp_dataset" / "images").glob("*.jpg"))[::50],
        *(data_root / "mpii_sample").glob("*.jpg"),
    ]
    files += sorted((data_root / "coco_sample").rglob("*.jpg"))[::20]
    assert len(files) > 50
    assert [image_size(file) for file in files] == [_decoded(file) for file in files]
