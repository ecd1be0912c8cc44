"""CrowdPose, OCHuman and Halpe, on files written as their pages describe them (the real ones were not at hand)."""

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import PARTS, read_samples
from leanpose.datasets.readers.coco import coco_ground_truth
from leanpose.datasets.readers.coco_dialects import read_crowdpose, read_halpe, read_ochuman
from leanpose.pose.skeleton import COCO17, CROWDPOSE14, HALPE26


@pytest.mark.parametrize(
    "pattern", ["annotations/crowdpose_{}.json", "json/crowdpose_{}.json", "annotations/mmpose_crowdpose_{}.json"]
)
def test_crowdpose_has_three_parts_of_its_own(tmp_path, write_json, touch_images, coco_document, coco_person, pattern):
    touch_images(tmp_path / "images", "0007.jpg")
    for number, part in enumerate(PARTS):
        # its joints are called head and neck, its people have no area, and its images a field of their own
        category = {"id": 1, "name": "person", "keypoints": ["left_shoulder", "head", "neck"], "skeleton": [[1, 2]]}
        person = coco_person(number, joints=14, bbox=[10, 20, 30, 40])
        del person["area"]
        write_json(tmp_path / pattern.format(part), coco_document([person], categories=[category]))
    for number, part in enumerate(PARTS):
        (sample,) = read_crowdpose(tmp_path, part)
        assert sample.person_id == number
        assert sample.skeleton is CROWDPOSE14
        assert sample.keypoints.shape == (14, 2)
        assert sample.area == pytest.approx(0.53 * 30 * 40)
        assert sample.name == f"crowdpose/0007.jpg#{number}"


def test_areas_of_crowdpose_are_of_the_box_whatever_the_file_says(
    tmp_path, write_json, touch_images, coco_document, coco_person
):
    touch_images(tmp_path, "0007.jpg")
    person = coco_person(joints=14, area=5, bbox=[-10, 20, 30, 40])
    file = write_json(tmp_path / "crowdpose_test.json", coco_document([person]))
    (sample,) = read_samples([f"crowdpose:{file}"], "test")
    (annotation,) = coco_ground_truth(file, "test", kind="crowdpose")["annotations"]
    assert sample.area == annotation["area"] == pytest.approx(0.53 * 30 * 40)  # of the whole box, not of the clipped
    assert read_samples([f"crowdpose:{file}"], "val") == []


def test_ochuman_is_for_testing_only(tmp_path, write_json, touch_images, coco_document, coco_person):
    touch_images(tmp_path / "images", "0007.jpg")
    for number, part in enumerate(("val", "test")):
        name = f"annotations/ochuman_coco_format_{part}_range_0.00_1.00.json"
        write_json(tmp_path / name, coco_document([coco_person(number)], categories=[{"id": 1, "name": "person"}]))
    assert read_ochuman(tmp_path, "train") == []
    (val,), (test,) = read_ochuman(tmp_path, "val"), read_ochuman(tmp_path, "test")
    assert (val.person_id, test.person_id) == (0, 1)
    assert val.skeleton is test.skeleton is COCO17


@pytest.mark.parametrize("joints", [136, 26])
def test_halpe_keeps_body_and_feet(tmp_path, write_json, touch_images, coco_document, coco_person, joints):
    person = coco_person(joints=joints)
    person["keypoints"][3 * 25 + 2] = 1
    write_json(tmp_path / "annotations/halpe_val_v1.json", coco_document([person]))
    touch_images(tmp_path / "val2017", "0007.jpg")
    (sample,) = read_halpe(tmp_path, "test")
    assert sample.skeleton is HALPE26
    np.testing.assert_array_equal(sample.keypoints, [(20 + k, 30 + k) for k in range(26)])
    assert sample.occluded.tolist() == [False] * 25 + [True]
    (annotation,) = coco_ground_truth(tmp_path, "test", kind="halpe")["annotations"]
    assert annotation["num_keypoints"] == 26
    assert annotation["keypoints"] == person["keypoints"][:78]


def test_halpe_refuses_other_numbers_of_joints(tmp_path, write_json, touch_images, coco_document, coco_person):
    write_json(tmp_path / "halpe_val_v1.json", coco_document([coco_person(joints=133)]))
    touch_images(tmp_path / "val2017", "0007.jpg")
    problems: list[str] = []
    assert read_halpe(tmp_path, "test", problems=problems) == []
    assert "keypoints must be a list of 78 or 408 numbers, not 399" in problems[0]


def test_halpe_holds_out_training_images(tmp_path, write_json, touch_images, coco_document, coco_person):
    ids = tuple(range(100))
    write_json(tmp_path / "annotations/halpe_train_v1.json", coco_document([coco_person(i, i, 26) for i in ids], ids))
    touch_images(tmp_path / "hico_20160224_det/images/train2015", *(f"{i:04d}.jpg" for i in ids))
    train, val = read_halpe(tmp_path, "train"), read_halpe(tmp_path, "val")
    assert {s.image_id for s in train} | {s.image_id for s in val} == set(ids)
    assert len(train) + len(val) == 100
    assert 2 <= len(val) <= 25
    with pytest.raises(DatasetError, match=r"no halpe_val_v1\.json"):
        read_halpe(tmp_path, "test")


def test_options_reach_the_dialects(tmp_path, write_json, touch_images, coco_document, coco_person):
    touch_images(tmp_path / "pictures", "0007.jpg")
    file = write_json(tmp_path / "any.json", coco_document([coco_person(joints=14)]))
    boxes = write_json(tmp_path / "boxes.json", [{"image_id": 7, "bbox": [1, 2, 3, 4], "score": 0.25}])
    (sample,) = read_samples([f"crowdpose:{file},images={tmp_path / 'pictures'},boxes={boxes},whole=test"], "test")
    assert sample.box_score == 0.25
    with pytest.raises(
        DatasetError, match=r"unknown option 'layout': the options of crowdpose are images, boxes, part"
    ):
        read_samples([f"crowdpose:{file},layout=x"], "test")
