"""The cache folder: kept whole or absent, bounded, never in the way."""

import os
import sys
from pathlib import Path

import pytest

from leanpose.engines.cache import FILES, cache_folder, read_cached, write_cached


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_what_is_kept_comes_back(folder):
    write_cached(b"one", "model", 1)
    write_cached(b"two", "model", "1")
    assert (read_cached("model", 1), read_cached("model", "1"), read_cached("model")) == (b"one", b"two", None)
    write_cached(b"", "model", 1)
    assert read_cached("model", 1) == b""


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:20], lambda b: b[:-1], lambda b: b"x" + b[1:]])
def test_damaged_files_count_as_absent(folder, damage):
    write_cached(b"something long enough", "key")
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert read_cached("key") is None
    write_cached(b"again", "key")
    assert read_cached("key") == b"again"


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LEANPOSE_CACHE", str(tmp_path / "file"))
    write_cached(b"one", "key")
    assert read_cached("key") is None


def test_the_longest_unused_go(folder):
    for number in range(FILES):
        write_cached(b"x", number)
        file = max(folder.iterdir(), key=lambda f: f.stat().st_mtime_ns)
        os.utime(file, (number, number))
    assert read_cached(0) == b"x"  # used just now
    write_cached(b"y", FILES)
    assert len(list(folder.iterdir())) == FILES
    assert (read_cached(0), read_cached(1), read_cached(2), read_cached(FILES)) == (b"x", None, b"x", b"y")


def test_where_it_is(monkeypatch):
    monkeypatch.setenv("LEANPOSE_CACHE", "0")
    assert cache_folder() is None
    monkeypatch.delenv("LEANPOSE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("LOCALAPPDATA", "/there")
    expected = {
        "linux": Path("/somewhere/leanpose"),
        "win32": Path("/there/leanpose/cache"),
        "darwin": Path.home() / "Library/Caches/leanpose",
    }
    for platform, path in expected.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == path
