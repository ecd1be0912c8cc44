"""The option ``name``, which calls the people of a dataset otherwise."""

import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import read_samples


@pytest.fixture
def coco_file(tmp_path, write_json, touch_images, coco_document, coco_person):
    touch_images(tmp_path, "0007.jpg")
    return write_json(tmp_path / "people.json", coco_document([coco_person(1), coco_person(2)]))


@pytest.mark.parametrize("part", ["train", "test"])
def test_people_of_every_part_are_called_so_and_nothing_else_changes(coco_file, part):
    (plain, _), (named, other) = (
        read_samples([f"coco:{coco_file},part={part}{option}"], part) for option in ("", ",name=market_2")
    )
    assert (plain.dataset, named.dataset, other.dataset) == ("coco", "market_2", "market_2")
    assert (named.name, named.image, named.keypoints.tolist()) == (plain.name, plain.image, plain.keypoints.tolist())


@pytest.mark.parametrize("name", ["", "two words", "a/b"])
def test_what_is_no_name_is_refused(coco_file, name):
    with pytest.raises(DatasetError, match="letters, digits and underscores"):
        read_samples([f"coco:{coco_file},part=test,name={name}"], "test")
