import os
from contextlib import suppress

import pytest

from leanpose.core.errors import ImageError
from leanpose.core.files import whole_folder, write_whole


def test_writes_into_new_folders_and_over_old_files(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    write_whole(path, b"old and long")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file.bin"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ImageError, match=r"cannot write .*file\.bin: No space left on device"):
        write_whole(path, b"new", ImageError)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_files_are_as_readable_as_any_other(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "whole", b"")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match=r"cannot write .*inside: .*; choose another place"):
        write_whole(tmp_path / "file" / "inside", b"", ImageError)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "new" / "out"
    with suppress(RuntimeError), whole_folder(out, "mark", error=ImageError) as folder:
        (folder / "half").write_bytes(b"")
        raise RuntimeError
    assert os.listdir(tmp_path / "new") == []
    with whole_folder(out, "mark", error=ImageError) as folder:
        (folder / "mark").write_bytes(b"1")
        assert not out.exists()
    assert os.listdir(tmp_path / "new") == ["out"]


def test_only_a_marked_folder_is_replaced(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photo").write_bytes(b"")
    with pytest.raises(ImageError, match="holds other files"), whole_folder(tmp_path / "other", "m", True, ImageError):
        pass
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(ImageError, match="file is a file: choose a folder"),
        whole_folder(tmp_path / "file", "m", True, ImageError),
    ):
        pass
    (tmp_path / "marked").mkdir()
    for name in ("m", "old"):
        (tmp_path / "marked" / name).write_bytes(b"")
    with pytest.raises(ImageError, match="--overwrite"), whole_folder(tmp_path / "marked", "m", False, ImageError):
        pass
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "marked", "m", True, ImageError):
        _ = 1 / 0
    assert sorted(os.listdir(tmp_path / "marked")) == ["m", "old"]
    with whole_folder(tmp_path / "marked", "m", True, ImageError) as folder:
        (folder / "m").write_bytes(b"new")
    assert os.listdir(tmp_path / "marked") == ["m"]
    assert sorted(os.listdir(tmp_path)) == ["file", "marked", "other"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with (
        pytest.raises(ImageError, match=r"cannot write .*out: No space left"),
        whole_folder(tmp_path / "out", "m", False, ImageError),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []
