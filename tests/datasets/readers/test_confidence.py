"""How far a label is to be believed, from the files that say so to what a joint counts in training."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.datasets.conversion import convert
from leanpose.datasets.readers import Sample, map_sample, read_samples
from leanpose.datasets.readers.coco import read_coco
from leanpose.datasets.readers.csv_labels import read_csv
from leanpose.datasets.readers.pack import read_pack, write_pack
from leanpose.pose.skeleton import BODY19, COCO17, MPII16, Skeleton

CONFIDENCES = [k / 16 for k in range(17)]


@pytest.fixture
def read_one(tmp_path, write_json, touch_images, coco_document):
    """People of one image of a COCO file, with the problems."""

    def read(people, options="", part="test"):
        file = write_json(tmp_path / "people.json", coco_document(people))
        touch_images(tmp_path, "0007.jpg")
        problems: list[str] = []
        return read_samples([f"coco:{file},part={part}{options}"], "test", problems=problems), problems

    return read


def test_a_coco_file_says_what_joints_count(read_one, coco_person):
    people = [coco_person(1, confidences=CONFIDENCES), coco_person(2), coco_person(3, confidences=None)]
    people[0]["keypoints"][3 * 5 + 2] = 0  # not labelled
    (told, plain, null), problems = read_one(people)
    assert problems == []
    assert told.confidence.tolist() == CONFIDENCES
    assert told.weights.tolist() == [0 if k == 5 else k / 16 for k in range(17)]
    assert plain.confidence is None
    assert null.confidence is None
    assert plain.weights.tolist() == [1] * 17


@pytest.mark.parametrize(
    "confidences",
    [
        [], [1.0] * 16, [1.0] * 18, [1.0] * 16 + [1.1], [1.0] * 16 + [-0.1], [1.0] * 16 + [math.nan],
        [1.0] * 16 + ["1"], [1.0] * 16 + [None], [1.0] * 16 + [True], 0.5, "sure", {"nose": 1.0}, False,
    ],
)  # fmt: skip
def test_confidences_that_make_no_sense_are_named_and_their_people_left_out(read_one, coco_person, confidences):
    samples, problems = read_one([coco_person(1), coco_person(2, confidences=confidences)])
    assert [sample.person_id for sample in samples] == [1]
    (problem,) = problems
    assert "people.json: annotation 2: confidences must be a list of 17 numbers from 0 to 1" in problem


def test_confidences_beyond_the_skeleton_are_cut_with_its_joints(tmp_path, write_json, touch_images, coco_document):
    """Halpe files have 136 joints to a person, of which 26 are the body's."""
    person = {
        "id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 20, 40, 50], "area": 900,
        "keypoints": [value for k in range(136) for value in (20, 30, 2)], "confidences": [k / 136 for k in range(136)],
    }  # fmt: skip
    file = write_json(tmp_path / "halpe.json", coco_document([person]))
    touch_images(tmp_path, "0007.jpg")
    (sample,) = read_samples([f"halpe:{file},part=train"], "train")
    assert sample.confidence is not None
    assert sample.confidence.tolist() == [k / 136 for k in range(26)]


def test_the_part_of_a_file_has_one_name_in_a_spec_and_an_older_one(read_one, coco_person, tmp_path):
    people = [coco_person(1)]
    assert len(read_one(people)[0]) == 1
    assert read_one(people, part="val")[0] == []
    file = tmp_path / "people.json"
    assert len(read_samples([f"coco:{file},whole=test"], "test")) == 1
    with pytest.raises(DatasetError, match=r"part=dev: give one of train, val, test"):
        read_one(people, part="dev")
    with pytest.raises(DatasetError, match=r"unknown option 'parts': the options of coco are .*skeleton, part, aspect"):
        read_one(people, options=",parts=test")


def test_a_joint_in_the_middle_of_two_is_believed_as_the_lesser_of_them():
    sample = Sample(
        "coco", "coco/a", b"", np.zeros((17, 2)), np.ones(17, bool), np.array([0, 0, 9, 9]), COCO17,
        confidence=np.array(CONFIDENCES),
    )  # fmt: skip
    mapped = map_sample(sample, MPII16)
    assert mapped is not None
    assert mapped.confidence is not None
    for k, joint in enumerate(MPII16.joints):
        middle = {"thorax": ("left_shoulder", "right_shoulder"), "pelvis": ("left_hip", "right_hip")}.get(joint)
        middle = ("left_shoulder", "right_shoulder") if joint == "neck" else middle
        sources = middle or ((joint,) if joint in COCO17.joints else ())
        if mapped.labelled[k] and sources:
            assert mapped.confidence[k] == min(CONFIDENCES[COCO17.index(source)] for source in sources), joint
        assert mapped.weights[k] == (mapped.confidence[k] if mapped.labelled[k] else 0)
    assert (mapped.labelled & (mapped.confidence < 1)).sum() >= 12
    to_body = map_sample(sample, BODY19)
    assert to_body is not None
    assert to_body.weights[[BODY19.index(joint) for joint in COCO17.joints]].tolist() == CONFIDENCES


def test_a_pack_keeps_them(tmp_path: Path) -> None:
    two = Skeleton("two", ("a", "b"), flips=())
    samples = [
        Sample("csv", f"csv/{i}", b"x", np.zeros((2, 2)), np.ones(2, bool), np.array([0, 0, 9, 9.0]), two, confidence=c)
        for i, c in enumerate((np.array([0.1, 1 / 3]), None))
    ]
    write_pack(tmp_path / "p", {"train": samples})
    first, second = read_pack(tmp_path / "p", "train")
    assert first.confidence is not None
    assert first.confidence.tolist() == [0.1, 1 / 3]
    assert second.confidence is None


def test_a_column_of_a_table_says_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    header = "file,part,a_x,a_y,a_c,b_x,b_y,b_v,b_c"
    rows = ["a.jpg,train,1,2,0.5,3,4,2,", "a.jpg,train,1,2,,3,4,0,0.25", "a.jpg,train,1,2,0,7,8,1,1"]
    (tmp_path / "labels.csv").write_text("\n".join((header, *rows[:1], rows[1].replace("1,2", "9,2"), rows[2])))
    problems: list[str] = []
    samples = read_csv(tmp_path / "labels.csv", "train", problems=problems)
    assert len(problems) == 1  # a single joint makes no box
    assert "line 3" in problems[0]
    assert [sample.weights.tolist() for sample in samples] == [[0.5, 1], [0, 1]]
    for wrong in ("-0.1", "1.5", "nan", "x"):
        (tmp_path / "labels.csv").write_text(f"{header}\n{rows[0]}\na.jpg,train,1,2,{wrong},3,4,2,1\n")
        problems.clear()
        assert len(read_csv(tmp_path / "labels.csv", "train", problems=problems)) == 1
        assert f"line 3: a_c '{wrong}' is no number from 0 to 1" in problems[0]


@given(
    st.lists(st.none() | st.lists(st.floats(0, 1), min_size=17, max_size=17), min_size=1, max_size=3),
    st.sampled_from(["coco", "csv"]),
)
@settings(max_examples=30)
def test_conversions_keep_them_where_the_format_can(tmp_path_factory, confidences, to: str) -> None:
    root = tmp_path_factory.mktemp("conversion")
    file = _people(root, confidences)
    report = convert([f"coco:{file},part=train"], to, root / "out", images="none")
    assert not any("believed" in what for what in report.lost)
    (root / "out" / "images").mkdir()
    (root / "out" / "images" / "7.jpg").touch()
    again = read_samples([report.spec], "train")
    for sample, expected in zip(again, confidences, strict=True):
        assert sample.weights.tolist() == ([1.0] * 17 if expected is None else expected)


def test_what_loses_them_says_so(tmp_path: Path) -> None:
    file = _people(tmp_path, [[0.5] * 17, None, [1.0] * 17])
    report = convert([f"coco:{file},part=train"], "yolo", tmp_path / "out")
    assert report.lost["how far the joints of people are to be believed: all count in full"] == 1


def test_a_table_without_them_has_no_column(tmp_path: Path) -> None:
    convert([f"coco:{_people(tmp_path, [None])},part=train"], "csv", tmp_path / "out")
    with (tmp_path / "out" / "labels.csv").open(newline="") as table:
        assert not any(name.endswith("_c") for name in next(csv.reader(table)))


def _people(root: Path, confidences: list[list[float] | None]) -> Path:
    """A COCO file of people whose joints are all labelled, in an image that is there."""
    import cv2

    cv2.imwrite(str(root / "7.jpg"), np.zeros((80, 100, 3), np.uint8))
    people = [
        {
            "id": i, "image_id": 7, "category_id": 1, "iscrowd": 0, "bbox": [10, 20, 40, 50], "area": 900.5,
            "keypoints": [value for k in range(17) for value in (20 + k, 30 + i + k, 2)],
        } | ({} if values is None else {"confidences": values})
        for i, values in enumerate(confidences, start=1)
    ]  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    image = {"id": 7, "file_name": "7.jpg", "width": 100, "height": 80}
    (root / "people.json").write_text(json.dumps({"images": [image], "annotations": people, "categories": [category]}))
    assert len(read_coco(root / "people.json", "train", whole="train")) == len(people)
    return root / "people.json"
