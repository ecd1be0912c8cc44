"""Folds: every image in exactly one, people of an image together, and none preferred by the parts."""

import re
from dataclasses import replace

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.parts import fold_of, part_of, without_fold
from leanpose.pose.skeleton import LSP14

PERSON = Sample("made", "made/0", b"", np.zeros((14, 2)), np.ones(14, bool), np.array([0, 0, 9, 9.0]), LSP14)
PEOPLE = [replace(PERSON, name=f"made/{i}", image_id=f"im{i // 2:05d}.jpg") for i in range(8000)]


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_divide_the_people(folds: int) -> None:
    kept = [{p.name for p in without_fold(PEOPLE, f"{k}/{folds}")} for k in range(folds)]
    left_out = [{p.name for p in PEOPLE} - names for names in kept]
    assert sum(map(len, left_out)) == len(PEOPLE)
    assert set.union(*left_out) == {p.name for p in PEOPLE}
    assert all(fold_of(a, folds) == fold_of(b, folds) for a, b in zip(PEOPLE[::2], PEOPLE[1::2], strict=True))
    # of 4,000 images about as many in each, among those of each part too: five standard deviations
    images = PEOPLE[::2]
    for part in ("train", "val", "test"):
        members = [fold_of(p, folds) for p in images if part_of(str(p.image_id)) == part]
        expected = len(members) / folds
        assert np.abs(np.bincount(members, minlength=folds) - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("fold", ["2/2", "1", "a/2", "-1/2", "1/2/3", ""])
def test_folds_written_otherwise_are_refused(fold: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"without={fold}: write the fold")):
        without_fold(PEOPLE[:4], fold)
