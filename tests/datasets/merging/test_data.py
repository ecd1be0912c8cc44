"""The people of a merge: with corrections that they were named with, and each of them once."""

from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging.data import read_data
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.corrections import Correction, write_corrections


def _table(folder: Path, name: str, people: int, part: str = "train") -> str:
    rows = [f"{name}{n}.jpg,0,0,50,50,{n},10,2,{part}" for n in range(people)]
    for n in range(people):
        (folder / f"{name}{n}.jpg").touch()
    (folder / f"{name}.csv").write_text("file,x1,y1,x2,y2,nose_x,nose_y,nose_v,part\n" + "\n".join(rows))
    return f"csv:{folder / f'{name}.csv'}"


def test_people_have_their_corrections_and_keep_their_labels_as_distributed(tmp_path: Path) -> None:
    data, trusted, file = _table(tmp_path, "a", 3), _table(tmp_path, "b", 2), tmp_path / "c.json"
    found = [Correction("nose", "move", (20.0, 30.0))]
    write_corrections(file, read_samples([data], "train"), [[], found, []], {})
    read = read_data([f"{data},corrections={file}"], [trusted])
    assert read.trusted.tolist() == [False] * 3 + [True] * 2
    assert [sample.keypoints[0].tolist() for sample in read.samples] == [[0, 10], [20, 30], [2, 10], [0, 10], [1, 10]]
    assert [sample.keypoints[0, 0] for sample in read.distributed] == [0, 1, 2, 0, 1]
    assert read.earlier == [[], found, [], [], []]
    assert [s.name for s in read.samples] == [s.name for s in read.distributed]
    assert read.problems == []


def test_nobody_and_people_who_are_there_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nobody to merge is in the part train of csv:.*a.csv"):
        read_data([_table(tmp_path, "a", 2, "val")])
    data = _table(tmp_path, "a", 2)
    with pytest.raises(DatasetError, match=r"csv/a0.jpg.* is there twice: name each dataset once"):
        read_data([data], [data])


def test_what_the_reader_leaves_out_is_told(tmp_path: Path) -> None:
    data = _table(tmp_path, "a", 2)
    (tmp_path / "a1.jpg").unlink()
    read = read_data([data])
    assert len(read.samples) == 1
    assert len(read.problems) == 1
    assert np.array_equal(read.trusted, [False])
