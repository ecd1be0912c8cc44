"""Boxes from callers and from files."""

import json
import os

import numpy as np
import pytest

from leanpose.core.boxes import check_boxes, read_boxes
from leanpose.core.errors import BoxError


def test_accepted_boxes():
    boxes, scores = check_boxes([1, 2, 30, 40], (50, 60))
    np.testing.assert_array_equal(boxes, [[1, 2, 30, 40]])
    np.testing.assert_array_equal(scores, [1])
    boxes, scores = check_boxes(np.array([[1, 2, 30, 40, 0.5], [-9, -9, 90, 90, 0]]), (50, 60))
    np.testing.assert_array_equal(boxes, [[1, 2, 30, 40], [-9, -9, 90, 90]])
    np.testing.assert_array_equal(scores, [0.5, 0])


@pytest.mark.parametrize("nobody", [[], np.zeros((0, 4)), np.zeros((0, 5)), [[]]])
def test_nobody(nobody):
    boxes, scores = check_boxes(nobody, (50, 60))
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ([1, 2, float("nan"), 40], "not finite"),
        ([1, 2, float("inf"), 40], "not finite"),
        ([30, 2, 1, 40], "x2 < x1"),
        ([1, 40, 30, 2], "y2 < y1"),
        ([5, 5, 5, 40], "smaller than a pixel"),
        ([0.1, 0.2, 0.7, 0.9], "fractions"),
        ([59.5, 2, 80, 40], "outside the image, which is 60 wide and 50 high"),
        ([1, 49.5, 30, 90], "outside"),
        ([-30, 2, -0.5, 40], "outside"),
        ([1, -30, 30, -0.5], "outside"),
        ([1, 2, 1202, 40], "20 times larger"),
        ([1, 2, 30, 40, 1.5], "score"),
        ([1, 2, 30, 40, float("nan")], "not finite"),
    ],
)
def test_refused_boxes_are_named(box, fault):
    good = [1, 2, 30, 40, 1][: len(box)]
    with pytest.raises(BoxError, match=f"photo.jpg: box 1 .*{fault}"):
        check_boxes([good, box], (50, 60), "photo.jpg")


@pytest.mark.parametrize(
    "boxes", [[1, 2, 3], [[1, 2, 3, 4, 5, 6]], [[[1, 2, 3, 4]]], 7, [[1, 2, 3, 4], [1, 2]], "box", [None]]
)
def test_what_is_no_box(boxes):
    with pytest.raises(BoxError, match=r"boxes must be|not finite"):
        check_boxes(boxes, (50, 60))


def test_just_inside_the_edge_is_inside():
    check_boxes([[59.4, 2, 80, 40], [-30, 2, -0.4, 40], [1, 2, 1200, 40]], (50, 60))


def test_csv(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text('file,x1,y1,x2,y2,score\na.jpg,1,2,3,4,0.5\n"b, c.jpg",1.5,2,3,4,1\na.jpg,5,6,7,8,0.25\n\n')
    boxes = read_boxes(path)
    np.testing.assert_array_equal(boxes.find("/x/a.jpg"), [[1, 2, 3, 4, 0.5], [5, 6, 7, 8, 0.25]])
    np.testing.assert_array_equal(boxes.find("b, c.jpg"), [[1.5, 2, 3, 4, 1]])
    assert boxes.find("c.jpg").shape == (0, 5)
    assert boxes.names == ["a.jpg", "b, c.jpg"]


def test_csv_without_scores(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("file,x1,y1,x2,y2\na.jpg,1,2,3,4\n")
    np.testing.assert_array_equal(read_boxes(path).find("a.jpg"), [[1, 2, 3, 4, 1]])


def test_folders_tell_images_of_one_name_apart(tmp_path, monkeypatch):
    path = tmp_path / "boxes.csv"
    absolute = tmp_path / "two" / "a.jpg"
    path.write_text(f"file,x1,y1,x2,y2\none/a.jpg,1,2,3,4\n{absolute},5,6,7,8\n")
    boxes = read_boxes(path)
    np.testing.assert_array_equal(boxes.find("/x/one/a.jpg"), [[1, 2, 3, 4, 1]])
    np.testing.assert_array_equal(boxes.find(absolute), [[5, 6, 7, 8, 1]])
    assert len(boxes.find("/x/three/a.jpg")) == 0
    assert len(boxes.find("a.jpg")) == 0
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(boxes.find(os.path.join("two", "a.jpg")), [[5, 6, 7, 8, 1]])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "first line"),
        ("a.jpg,1,2,3,4\n", "first line"),
        ("file,x1,y1,x2,y2\na.jpg,1,2,3\n", "line 2"),
        ("file,x1,y1,x2,y2\na.jpg,1,2,3,4\na.jpg,1,2,3,x\n", "line 3"),
    ],
)
def test_refused_csv(tmp_path, text, fault):
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(BoxError, match=f"boxes.csv.*{fault}"):
        read_boxes(path)


def test_coco_annotations(tmp_path):
    """A COCO box (x, y, w, h) = (0, 0, 60, 50) covers a whole 60x50 image: -0.5 to 59.5 and 49.5 here."""
    path = tmp_path / "people.json"
    path.write_text(
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "val/a.jpg"}, {"id": 8, "file_name": "val/b.jpg"}],
                "annotations": [
                    {"image_id": 7, "category_id": 3, "bbox": [0, 0, 60, 50]},
                    {"image_id": 7, "category_id": 1, "bbox": [1, 1, 2, 2]},
                ],
                "categories": [{"id": 1, "name": "dog"}, {"id": 3, "name": "person"}],
            }
        )
    )
    boxes = read_boxes(path)
    np.testing.assert_array_equal(boxes.find("/x/val/a.jpg"), [[-0.5, -0.5, 59.5, 49.5, 1]])
    assert len(boxes.find("/x/val/b.jpg")) == 0


def test_coco_detections(tmp_path):
    path = tmp_path / "detections.json"
    detections = [
        {"image_id": 139, "category_id": 1, "bbox": [0, 0, 60, 50], "score": 0.75},
        {"image_id": 139, "category_id": 62, "bbox": [0, 0, 6, 5], "score": 0.9},
        {"image_id": "c.jpg", "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5},
    ]
    path.write_text(json.dumps(detections))
    boxes = read_boxes(path)
    np.testing.assert_array_equal(boxes.find("000000000139.jpg"), [[-0.5, -0.5, 59.5, 49.5, 0.75]])
    np.testing.assert_array_equal(boxes.find("/x/c.jpg"), [[0.5, 0.5, 2.5, 2.5, 0.5]])
    assert len(boxes.find("39.jpg")) == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 1' + "0" * 400 + "]}]", "a number of 401 digits"),
        ("{}", "not a COCO file"),
        ("7", "not a COCO file"),
        ('[{"image_id": 1, "bbox": [1, 2, 3]}]', "not a COCO file"),
        ('{"images": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}', "KeyError 1"),
        ('[{"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}]', "none of category"),
    ],
)
def test_refused_coco(tmp_path, text, fault):
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(BoxError, match=fault):
        read_boxes(path)


def test_boxes_of_numbers_that_no_float_holds_and_very_many_boxes_are_refused():
    with pytest.raises(BoxError, match="boxes must be numbers"):
        check_boxes([[0, 0, 10**400, 5]], (9, 9))
    assert len(check_boxes([[0, 0, 5, 5]] * 1000, (9, 9))[0]) == 1000
    with pytest.raises(BoxError, match=r"a\.jpg: 1,001 boxes: .*over 1,000 in one image are refused"):
        check_boxes([[0, 0, 5, 5]] * 1001, (9, 9), "a.jpg")


def test_missing_box_file(tmp_path):
    with pytest.raises(BoxError, match=r"nowhere\.csv"):
        read_boxes(tmp_path / "nowhere.csv")
