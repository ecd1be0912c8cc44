"""Which files of folders are read, and that the others are counted and named."""

import io

import numpy as np
import pytest
from PIL import Image

from leanpose.core.errors import ImageError, VideoError
from leanpose.media import choosing, is_video, open_video
from leanpose.media.choosing import choose
from leanpose.media.sources import is_animated

GREY = np.full((20, 30, 3), 90, np.uint8)


def moving(kind: str, frames: int = 3, **options) -> bytes:
    images = [Image.fromarray(np.full((32, 48, 3), 10 + 30 * number, np.uint8)) for number in range(frames)]
    data = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:], "duration": 100} if frames > 1 else {}
    images[0].save(data, kind, **more, **options)
    return data.getvalue()


@pytest.fixture
def folder(tmp_path):
    files = (
        "b.JPG", "a.png", ".hidden.png", "notes.txt", "plain", "IMG_1.HEIC", "IMG_2.heic", "c.avif", "d.jp2", "e.ppm",
        "sub/f.webp", "sub/deep/g.png", "sub/deep/h.mp4", "sub/.x/i.png", "none/x.txt",
    )  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.fixture(autouse=True)
def without_heif(monkeypatch):
    monkeypatch.setattr(choosing, "reads_heic", lambda: False)


def names(found, folder):
    return [str(path.relative_to(folder)) for path in found]


def test_what_is_left_out_is_counted_and_named(folder):
    chosen = choose([str(folder)])
    assert names(chosen.images, folder) == ["a.png", "b.JPG", "c.avif", "d.jp2", "e.ppm"]
    assert chosen.videos == []
    assert dict(chosen.left_out) == {".heic": 2, ".txt": 1, "without a suffix": 1}
    assert chosen.folders == 2
    assert chosen.notes() == [
        "left out: 4 files of kinds not read here (2 .heic, 1 .txt, 1 without a suffix), 2 subfolders (--recursive "
        "looks into subfolders)",
        "HEIC is read with pillow-heif: pip install pillow-heif",
    ]


def test_all_the_way_down(folder):
    (folder / "sub" / "round").symlink_to(folder)  # would have no end
    chosen = choose([str(folder)], recursive=True)
    assert names(chosen.images, folder) == [
        "a.png",
        "b.JPG",
        "c.avif",
        "d.jp2",
        "e.ppm",
        "sub/deep/g.png",
        "sub/f.webp",
    ]
    assert chosen.videos == [str(folder / "sub/deep/h.mp4")]
    assert chosen.folders == 1


def test_with_pillow_heif_photos_of_phones_are_chosen(folder, monkeypatch):
    monkeypatch.setattr(choosing, "reads_heic", lambda: True)
    chosen = choose([folder])
    assert names(chosen.images, folder)[:2] == ["IMG_1.HEIC", "IMG_2.heic"]
    assert ".heic" not in chosen.left_out


@pytest.mark.parametrize(
    ("sources", "images"),
    [
        (["*.png"], ["a.png"]),
        (["**/*.png"], ["a.png", "sub/deep/g.png"]),
        (["plain", ".hidden.png"], [".hidden.png", "plain"]),
        (["b.JPG", "", "a.png", "sub"], ["a.png", "b.JPG", "c.avif", "d.jp2", "e.ppm", "sub/f.webp"]),
        (["IMG_1.HEIC"], ["IMG_1.HEIC"]),
    ],
)
def test_files_and_patterns(folder, sources, images):
    assert names(choose([folder / source for source in sources]).images, folder) == images


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (
            "none",
            ImageError,
            r"none: no images or videos there \(left out: 1 file of .* \(1 \.txt\)\)",
        ),
        ("IMG_*", ImageError, "2 .heic.*pip install pillow-heif"),
        ("*.bmp", ImageError, "no images or videos there"),
        ("gone.png", VideoError, "no such file or folder"),
        ("sub/.x", ImageError, None),
    ],
)
def test_a_source_with_nothing_to_read_is_refused(folder, source, error, message):
    if message is None:
        assert len(choose([folder / source]).images) == 1  # it was named itself
        return
    with pytest.raises(error, match=message):
        choose([folder / "a.png", folder / source])


def test_no_source():
    with pytest.raises(ImageError, match="no images: name files"):
        choose([])


def test_home_is_where_it_is(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert names(choose(["~/a.png"]).images, folder) == ["a.png"]


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_a_gif_that_moves_is_a_video(tmp_path, frames):
    path = tmp_path / "a.gif"
    path.write_bytes(moving("gif", frames))
    assert is_video(path) == (frames > 1)
    chosen = choose([tmp_path])
    assert (len(chosen.images), len(chosen.videos)) == ((1, 0) if frames == 1 else (0, 1))
    if frames > 1:
        with open_video(path) as video:
            found = [frame.image[0, 0, 0] for frame in video]
        np.testing.assert_allclose(found, [10 + 30 * number for number in range(frames)], atol=3)


@pytest.mark.parametrize("cut", [0, 6, 12, 30, -1, -20])
def test_a_gif_that_is_cut_off_is_no_riddle(tmp_path, cut):
    (tmp_path / "a.gif").write_bytes(moving("gif")[:cut])
    assert is_video(tmp_path / "a.gif") in (True, False)


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("kind", ["webp", "png", "avif"])
def test_other_animated_images_are_named(tmp_path, kind, moves):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(moving(kind, 3 if moves else 1))
    assert is_animated(path) == moves
    (note,) = choose([path, path]).notes() or [""]
    assert note.startswith(f"animated, only the first frame is read: {path}") == moves


def test_several_animated_images_are_one_line(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.webp").write_bytes(moving("webp"))
    (note,) = choose([tmp_path]).notes()
    assert note == f"animated, only the first frame is read: {tmp_path / 'a.webp'} and 2 others; convert it to a video"
