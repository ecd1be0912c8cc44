"""One pass over image files."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.datasets.inspection.images import ImageFacts, find_image_faults, measure, measure_all
from leanpose.datasets.inspection.people import Image
from leanpose.datasets.readers.sample import FileSlice


def _image(source: Path | bytes, name: str = "x") -> Image:
    return Image(source, name, ("train",), (0,))


def test_facts_of_a_picture_whose_cells_are_known() -> None:
    """Nine columns that get brighter to the fourth and then darker, in eight equal rows: 1110_0000 eight times."""
    levels = np.array([10, 40, 80, 120, 100, 90, 80, 70, 60], np.uint8)
    pixels = np.repeat(np.repeat(levels[None], 8, axis=0), 16, axis=0).repeat(16, axis=1)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    facts = measure(data)
    assert isinstance(facts, ImageFacts)
    assert (facts.height, facts.width) == (128, 144)
    assert facts.gradients == int("11100000" * 8, 2)
    assert facts.digest == hashlib.blake2b(data, digest_size=16).digest()
    first = pixels[:8, :9].mean()
    assert facts.thumbnail[0, 0] == pytest.approx(first, abs=1)


def test_files_slices_and_bytes_are_read_alike(picture: Callable[..., np.ndarray], tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", picture(0))[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "b.bin").write_bytes(b"before" + data + b"after")
    facts = [measure(s) for s in (data, tmp_path / "a.jpg", FileSlice(tmp_path / "b.bin", 6, len(data)))]
    assert all(isinstance(f, ImageFacts) for f in facts)
    assert len({(f.digest, f.gradients) for f in facts if isinstance(f, ImageFacts)}) == 1


def test_what_cannot_be_read_says_why(picture: Callable[..., np.ndarray], tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", picture(0))[1].tobytes()
    assert "No such file" in str(measure(tmp_path / "gone.jpg"))
    assert "cut off" in str(measure(data[: len(data) // 2]))
    assert "not an image" in str(measure(b"hello there, no picture"))
    assert "empty" in str(measure(b""))
    assert isinstance(measure(tmp_path), str)


def test_of_too_many_images_a_choice_is_opened(picture: Callable[..., np.ndarray]) -> None:
    data = cv2.imencode(".png", picture(0, 40, 40))[1].tobytes()
    images = [_image(data) for _ in range(300)]
    assert sorted(measure_all(images, 300)) == list(range(300))
    chosen = measure_all(images, 50)
    assert len(chosen) == 50
    assert max(chosen) > 200  # not just the first
    assert measure_all(images, 50).keys() == chosen.keys()
    assert measure_all(images, 0) == {}


def test_the_progress_wraps_batches_of_all_images(picture: Callable[..., np.ndarray]) -> None:
    data = cv2.imencode(".png", picture(0, 40, 40))[1].tobytes()
    seen: list[int] = []

    def progress(batches):
        for batch in batches:
            seen.extend(batch)
            yield batch

    measure_all([_image(data) for _ in range(150)], 1000, progress)
    assert seen == list(range(150))


@pytest.mark.parametrize(
    ("height", "width", "odd"),
    [(31, 60, True), (32, 128, False), (32, 129, True), (4000, 5000, False), (4001, 5000, True)],
)
def test_unusual_sizes(height: int, width: int, odd: bool) -> None:
    facts: dict[int, ImageFacts | str] = {0: ImageFacts(height, width, b"", 0, np.zeros((16, 16), np.uint8))}
    found = find_image_faults([_image(b"", "lsp/a.jpg")], facts)
    assert [f.kind for f in found] == ["odd_image"] * odd


def test_a_broken_image_is_found_once_with_its_people() -> None:
    image = Image(b"", "lsp/a.jpg", ("train",), (4, 7))
    (found,) = find_image_faults([image], {0: "damaged"})
    assert (found.kind, found.grade, found.names, found.people) == ("broken_image", "error", ("lsp/a.jpg",), (4, 7))
