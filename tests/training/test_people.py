"""Who trains and who is held out."""

from dataclasses import replace
from pathlib import Path

import pytest

from leanpose.datasets import readers
from leanpose.datasets.readers.parts import part_of
from leanpose.training.people import training_people


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_samples):
    """Datasets of 60 people, two in each image; one with a validation part and one without."""
    people = [replace(s, image=Path(f"im{i // 2}.jpg"), name=f"{i}") for i, s in enumerate(made_samples(60, 0))]
    parts = {"train": people[:40], "val": people[40:], "test": []}
    monkeypatch.setitem(readers.READERS, "parted", lambda path, part, problems=None: parts[part])
    monkeypatch.setitem(readers.READERS, "whole", lambda path, part, problems=None: people if part == "train" else [])
    return lambda kind: [f"{kind}:{tmp_path}"]


def test_parts_of_a_dataset_are_kept(data) -> None:
    train, val = training_people(data("parted"))
    assert ([s.name for s in train], [s.name for s in val]) == (
        [str(i) for i in range(40)],
        [str(i) for i in range(40, 60)],
    )


def test_without_a_validation_part_images_are_held_out_whole(data) -> None:
    train, val = training_people(data("whole"))
    assert len(train) + len(val) == 60
    assert {s.name for s in val} == {str(i) for i in range(60) if part_of(f"im{i // 2}.jpg") == "val"}
    assert 0 < len(val) < 20
    assert not {s.image for s in train} & {s.image for s in val}


def test_a_share_is_a_fixed_draw_that_holds_the_smaller_ones(data) -> None:
    drawn = {share: {s.name for s in training_people(data("parted"), None, share)[0]} for share in (0.25, 0.5)}
    assert [len(names) for names in drawn.values()] == [10, 20]
    assert drawn[0.25] < drawn[0.5]
    assert drawn[0.5] != {str(i) for i in range(20)}
