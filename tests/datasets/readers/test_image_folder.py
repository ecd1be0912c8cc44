import os
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.image_folder import ImageFolder, find_image_folder, is_safe_name

PIECES = st.lists(st.sampled_from(["..", ".", "/", "a", "b.jpg", "\\", "C:", "\0", "...", "é"]), max_size=7)


@given(PIECES.map("".join))
def test_safe_names_stay_below_the_folder(name):
    below = posixpath.normpath(posixpath.join("/data/images", name))
    if is_safe_name(name):
        assert below == "/data/images" or below.startswith("/data/images/")
        assert not set(name) & {"\\", "\0"}
    else:
        assert not name or name[0] == "/" or ".." in name.split("/") or set(name) & {"\\", "\0"} or name[:2] == "C:"


@pytest.mark.parametrize(
    "name", ["x.jpg", "a/b/x.jpg", "./x.jpg", "...jpg", "a..b.jpg", "日本.jpg", "x y.jpg", "12:30.jpg"]
)
def test_ordinary_names_are_safe(name):
    assert is_safe_name(name)


def test_a_folder_holds_its_files_and_no_others(tmp_path, touch_images):
    touch_images(tmp_path / "images", "x.jpg", "a/b/y.jpg")
    touch_images(tmp_path, "outside.jpg")
    folder = ImageFolder(tmp_path / "images")
    assert "x.jpg" in folder
    assert "./x.jpg" in folder
    assert "a/b/y.jpg" in folder
    for name in ("y.jpg", "X.jpg", "a/x.jpg", "../outside.jpg", "none/z.jpg", "x.jpg/", "a/" + "n" * 5000 + "/x.jpg"):
        assert name not in folder


def test_each_folder_is_listed_once(tmp_path, touch_images, monkeypatch):
    touch_images(tmp_path, *(f"{i}.jpg" for i in range(50)), *(f"a/{i}.jpg" for i in range(50)))
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    folder = ImageFolder(tmp_path)
    assert sum(f"{below}{i}.jpg" in folder for i in range(60) for below in ("", "a/")) == 100
    assert len(listed) == 2


def test_the_first_folder_with_an_image_is_taken(tmp_path, touch_images):
    touch_images(tmp_path / "one", "other.jpg")
    touch_images(tmp_path / "two", "b.jpg")
    touch_images(tmp_path / "three", "a.jpg", "b.jpg")
    candidates = [tmp_path / name for name in ("zero", "one", "two", "three")]
    assert find_image_folder(candidates, ["a.jpg", "b.jpg"], tmp_path / "x.json").root == tmp_path / "two"
    with pytest.raises(DatasetError, match=r"x\.json: none of its images is in .*zero.*three: .*images=DIR"):
        find_image_folder(candidates, ["c.jpg"], tmp_path / "x.json")
