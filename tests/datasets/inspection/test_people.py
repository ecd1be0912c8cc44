"""People as arrays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.inspection.people import gather
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.sample import FileSlice
from leanpose.pose.skeleton import MPII16


def test_what_is_not_labelled_has_no_position(person: Callable[..., Sample]) -> None:
    one = person(0)
    labelled = one.labelled.copy()
    labelled[3] = False
    hidden = np.arange(14) < 5
    people = gather({"train": [replace(one, labelled=labelled, occluded=hidden)], "test": [person(1)]})
    assert np.isnan(people.keypoints[0, 3]).all()
    assert np.array_equal(people.labelled[0], labelled)
    assert np.array_equal(people.occluded[0], hidden & labelled)
    assert people.labelled[1].all()
    assert not people.occluded[1].any()
    assert people.parts.tolist() == ["train", "test"]


def test_a_labelled_joint_without_a_finite_position_counts_as_unlabelled(person: Callable[..., Sample]) -> None:
    points = person(0).keypoints.copy()
    points[0, 1] = np.inf
    assert gather({"train": [person(0, keypoints=points)]}).labelled[0].tolist() == [False] + [True] * 13


def test_a_file_is_one_image_whoever_is_in_it(person: Callable[..., Sample]) -> None:
    shared, encoded = Path("a/b.jpg"), b"pixels"
    samples = [
        person(0, image=shared, name="lsp/b.jpg#1"), person(1, image=encoded), person(2, image=Path("a/c.jpg")),
        person(3, image=FileSlice(shared, 0, 9)), person(4, image=FileSlice(shared, 9, 9)),
    ]  # fmt: skip
    people = gather({"train": samples, "test": [person(5, image=Path("a/b.jpg")), person(6, image=encoded)]})
    assert people.image_of.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert people.images[0].name == "lsp/b.jpg"
    assert people.images[0].parts == ("train", "test")
    assert people.images[0].people == (0, 5)
    assert people.images[2].parts == ("train",)


def test_nobody_and_different_skeletons_are_refused(person: Callable[..., Sample]) -> None:
    with pytest.raises(DatasetError, match="nobody"):
        gather({"train": [], "test": []})
    other = person(0, skeleton=MPII16, keypoints=np.zeros((16, 2)), labelled=np.ones(16, bool))
    with pytest.raises(DatasetError, match="lsp14, mpii16"):
        gather({"train": [person(1)], "test": [other]})
