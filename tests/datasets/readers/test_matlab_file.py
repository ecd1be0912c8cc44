"""Against SciPy on the files that it writes itself, and on files that declare what is not there."""

import random
import resource
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from scipy.io import loadmat, savemat

from campaign_mutations import broken
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import matlab_structure
from leanpose.datasets.readers.matlab_file import read_mat

CELLS = np.empty((2, 2), object)
CELLS[:] = [["text", np.zeros((2, 3))], [np.array([1 + 2j, 3]), np.empty((1, 0), object)]]
VALUES: dict[str, Any] = {
    "numbers": np.arange(24.0).reshape(2, 3, 4),
    "bytes": np.arange(5, dtype=np.uint8),
    "truth": np.array([[True, False]]),
    "text": np.array(["äb", "cd"]),
    "cells": CELLS,
    "structure": {"a": 1.0, "b": {"c": "x", "d": np.zeros((0, 3))}, "a_name_of_thirty_letters_and_on": CELLS},
    "structures": np.array([(1.0, "x"), (2.0, "y")], dtype=[("a", object), ("b", object)]),
    "empty": np.zeros((0, 0)),
}


def saved(path: Path, compressed: bool = False, **values: Any) -> bytes:
    savemat(path, values or VALUES, do_compression=compressed, long_field_names=True)
    return path.read_bytes()


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind: int, sides: tuple[int, ...], *parts: bytes, name: bytes = b"") -> bytes:
    head = element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack(f"<{len(sides)}i", *sides))
    return element(14, head + element(1, name) + b"".join(parts))


def file_of(*variables: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(variables)


def nested(depth: int) -> bytes:
    inner = matrix(6, (1, 1), element(9, struct.pack("<d", 1)))
    for _ in range(depth):
        inner = matrix(1, (1, 1), inner)
    return inner


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("options", [{}, {"struct_as_record": False, "squeeze_me": True}], ids=["arrays", "objects"])
@pytest.mark.parametrize("name", VALUES)
def test_a_variable_is_what_scipy_reads(name, options, compressed, tmp_path):
    saved(tmp_path / "a.mat", compressed)
    expected = loadmat(tmp_path / "a.mat", **options)[name]
    if isinstance(expected, str):
        return
    assert repr_of(read_mat(tmp_path / "a.mat", name, **options)) == repr_of(expected)


def repr_of(value: Any) -> Any:
    """Arrays and structures as nested lists, so that they compare."""
    if hasattr(value, "_fieldnames"):
        return {name: repr_of(getattr(value, name)) for name in value._fieldnames}
    if hasattr(value, "toarray"):
        return repr_of(value.toarray())
    if isinstance(value, np.ndarray):
        fields = value.dtype.names
        if fields:
            return [[repr_of(entry[name]) for name in fields] for entry in value.ravel()]
        return value.shape, str(value.dtype), [repr_of(entry) for entry in value.ravel().tolist()]
    return value


@settings(max_examples=50)
@given(value=arrays_of.arrays(np.float64, arrays_of.array_shapes(min_dims=2, max_dims=4)), compressed=st.booleans())
def test_any_numbers_come_back(value, compressed, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "numbers.mat"
    saved(path, compressed, joints=value)
    np.testing.assert_array_equal(read_mat(path, "joints"), value)


def test_files_of_the_other_byte_order(tmp_path):
    head = struct.pack(">IIII", 6, 8, 6, 0) + struct.pack(">IIii", 5, 8, 1, 2) + struct.pack(">HH4s", 1, 1, b"j")
    head = head[:-8] + struct.pack(">I", 1 << 16 | 1) + b"j\0\0\0" + struct.pack(">IIdd", 9, 16, 1.5, 2.5)
    data = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI" + struct.pack(">II", 14, len(head)) + head
    (tmp_path / "a.mat").write_bytes(data)
    assert read_mat(tmp_path / "a.mat", "j").tolist() == [[1.5, 2.5]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header"),
        (bytes(200), "no header"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM", "save it with -v7"),
        (file_of(), "array 'j'$"),
        (file_of(matrix(6, (1, 1), element(9, bytes(8)), name=b"other")), "array 'j'$"),
        (file_of(struct.pack("<II", 14, 0xFFFFFFF0)), "says 4,294,967,280 bytes"),
        (file_of(struct.pack("<II", 15, 4) + b"nope"), "incorrect header"),
        (file_of(element(15, zlib.compress(bytes(800))[:-6])), "ends early"),
        (file_of(matrix(6, (-1, 1), element(9, bytes(8)), name=b"j")), "a side of -1"),
        (file_of(matrix(6, (1 << 30, 1 << 30), element(9, bytes(8)), name=b"j")), "not a MATLAB file"),
        (file_of(matrix(6, (1, 1), struct.pack("<II", 9, 0xFFFFFFF0), name=b"j")), "4,294,967,280 bytes"),
        (file_of(matrix(6, (1, 1), element(9, bytes(8)), element(9, bytes(8)), name=b"j")), "whose parts take"),
        (file_of(matrix(1, (1 << 30, 1), name=b"j")), "at 184|unpack_from"),
        (file_of(matrix(2, (1 << 30, 1), element(5, b"\x08\0\0\0"), element(1, b""), name=b"j")), "structures in 0"),
        (file_of(matrix(2, (1, 1), element(5, bytes(4)), element(1, b"abcd"), name=b"j")), "names of 0"),
        (file_of(matrix(5, (1, 1), *[element(5, bytes(4))] * 2, element(9, bytes(8)), name=b"j")), "array of class 5"),
        (file_of(matrix(16, (1, 1), nested(0), name=b"j")), "array of class 16"),
        (file_of(matrix(17, (1, 1), name=b"j")), "array of class 17"),
        (file_of(matrix(6, (1, 1), element(2001, bytes(8)), name=b"j")), "type 2001 at 56"),
        (file_of(matrix(6, (1, 1), element(8, bytes(8)), name=b"j")), "type 8 at"),
        (file_of(matrix(4, (1, 2), element(9, bytes(8)), name=b"j")), "type 9 at"),
        (file_of(matrix(4, (1, 3), element(16, b"abc"), name=b"j")), "not a MATLAB file"),
        (file_of(matrix(1, (1, 1), nested(2000), name=b"j")), "within one another"),
    ],
)  # fmt: skip
def test_files_that_declare_what_is_not_there(data, message, tmp_path):
    (tmp_path / "a.mat").write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.mat: not a MATLAB file with an array 'j'") as caught:
        read_mat(tmp_path / "a.mat", "j", squeeze_me=True)
    assert caught.match(message)


def test_what_unpacks_to_more_than_it_may_is_refused_before_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(matlab_structure, "MOST_BYTES", 1_000_000)
    packed = zlib.compress(matrix(6, (1, 1), element(9, bytes(8))) + bytes(100_000_000), 1)
    (tmp_path / "a.mat").write_bytes(file_of(element(15, packed)))
    with pytest.raises(DatasetError, match="unpacks to over 1,000,000 bytes"):
        read_mat(tmp_path / "a.mat", "j")


def test_many_arrays_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a.mat").write_bytes(file_of(matrix(1, (50, 1), nested(0) * 50, name=b"j")))
    assert read_mat(tmp_path / "a.mat", "j").shape == (50, 1)
    monkeypatch.setattr(matlab_structure, "MOST_ARRAYS", 50)
    with pytest.raises(DatasetError, match="over 50 arrays"):
        read_mat(tmp_path / "a.mat", "j")


@pytest.mark.parametrize("compressed", [False, True])
def test_broken_files_end_in_a_value_or_the_error(compressed, tmp_path):
    whole = saved(tmp_path / "a.mat", compressed, structure=VALUES["structure"], structures=VALUES["structures"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(300):
        (tmp_path / "b.mat").write_bytes(broken(whole, random.Random(seed)))
        for name in ("structure", "structures"):
            with suppress(DatasetError):
                read_mat(tmp_path / "b.mat", name, struct_as_record=False, squeeze_me=True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_nothing_is_read_but_the_variable(tmp_path):
    other = matrix(6, (1, 1), struct.pack("<II", 9, 0xFFFFFFF0), name=b"other")
    (tmp_path / "a.mat").write_bytes(file_of(other, matrix(6, (1, 1), element(9, bytes(8)), name=b"j")))
    assert read_mat(tmp_path / "a.mat", "j").tolist() == [[0]]
