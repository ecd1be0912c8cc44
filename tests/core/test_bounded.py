import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core import bounded
from leanpose.core.bounded import parse_json, read_arrays, read_bytes, read_text
from leanpose.core.errors import DatasetError, ModelError


def test_what_is_read_is_what_is_there(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf\xc3\xa4")
    assert read_bytes(tmp_path / "a.txt", ModelError, 5) == b"\xef\xbb\xbf\xc3\xa4"
    assert read_text(tmp_path / "a.txt", ModelError) == "\u00e4"


@pytest.mark.parametrize("name", ["gone", "a" * 5000, "a\0b", "/dev/zero", "."])
def test_what_is_no_file_is_the_error_that_was_asked_for(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"cannot be read|not a regular file"):
        read_bytes(name, ModelError)


def test_a_file_over_the_limit_is_not_read_whole(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DatasetError, match="over 1,000 bytes"):
        read_bytes(path, DatasetError, 1000)
    (tmp_path / "text").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="not a text in UTF-8"):
        read_text(tmp_path / "text", DatasetError)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.text(), st.lists, max_leaves=20))
def test_json_comes_back(value):
    assert parse_json(json.dumps(value), DatasetError) == value


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "9" * 5000, "1" * 311, "", "{", "nul", b"\xff"])
def test_hostile_json_is_the_error_that_was_asked_for(text):
    with pytest.raises(DatasetError, match=r"x\.json: not JSON"):
        parse_json(text, DatasetError, "x.json")


def test_a_document_of_very_many_values_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(bounded, "MOST_VALUES", 10)
    with pytest.raises(DatasetError, match="over 10 values"):
        parse_json(b"[[],[],[],[],[],[],[],[]]", DatasetError)
    assert parse_json("[1,2,3]", DatasetError) == [1, 2, 3]


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def header(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_arrays_come_back_as_numpy_reads_them(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"]), "c": np.array(True), "d": np.zeros((0, 4))}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_arrays(tmp_path / "a.npz", DatasetError)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK", b"no archive",
        archive(a=header((10**12,))),
        archive(a=header((2**62, 2**62))),
        archive(a=header((-1,))),
        archive(a=header((1,), "|O") + bytes(8)),
        archive(a=b"\x93NUMPY\x09\x00"),
        archive(a=b"\x93NUMPY\x01\x00\x08\x00import os"),
        archive(a=b""),
        archive(a=bytes(2_000_000)),
    ],
)  # fmt: skip
def test_archives_that_declare_or_unpack_to_more_than_there_is_are_refused(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.npz: (not a file of arrays|unpacks to)"):
        read_arrays(tmp_path / "a.npz", DatasetError, 1_000_000)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_broken_archives_end_in_arrays_or_the_error(tmp_path_factory, changes):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(50), b=np.array(["x"]))
    data = bytearray(buffer.getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    path: Path = tmp_path_factory.getbasetemp() / "broken.npz"
    path.write_bytes(data)
    with suppress(DatasetError):
        read_arrays(path, DatasetError)
