import math

import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.detections import read_detections

GOOD = {"image_id": 139, "category_id": 1, "bbox": [1.5, 2, 3, 4], "score": 0.5}


def test_people_come_in_the_order_of_the_file(tmp_path, write_json):
    entries = [GOOD, GOOD | {"category_id": 2}, GOOD | {"image_id": "a", "score": 1}]
    del entries[2]["category_id"]
    problems: list[str] = []
    found = list(read_detections(write_json(tmp_path / "boxes.json", entries), problems))
    assert [(d.number, d.image_id, d.bbox.tolist(), d.score) for d in found] == [
        (0, 139, [1.5, 2, 3, 4], 0.5),
        (2, "a", [1.5, 2, 3, 4], 1.0),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (None, "no image_id"),
        ({}, "no image_id"),
        (GOOD | {"image_id": 1.5}, "no image_id"),
        (GOOD | {"bbox": [1, 2, 3]}, "bbox must be"),
        (GOOD | {"bbox": [1, 2, 0, 4]}, "bbox must be"),
        (GOOD | {"bbox": [1, 2, 3, -4]}, "bbox must be"),
        (GOOD | {"bbox": [1, 2, math.nan, 4]}, "bbox must be"),
        (GOOD | {"bbox": [1, math.inf, 3, 4]}, "bbox must be"),
        (GOOD | {"score": None}, "score must be"),
        (GOOD | {"score": math.nan}, "score must be"),
        ({"image_id": 1, "bbox": [1, 2, 3, 4]}, "score must be"),
    ],
)
def test_detections_that_make_no_sense_are_left_out_by_number(tmp_path, write_json, entry, message):
    problems: list[str] = []
    found = list(read_detections(write_json(tmp_path / "boxes.json", [GOOD, entry]), problems))
    assert len(found) == 1
    (problem,) = problems
    assert f"boxes.json: detection 1: {message}" in problem


def test_other_files_are_refused(tmp_path, write_json):
    with pytest.raises(DatasetError, match=r"x\.json: cannot be read"):
        list(read_detections(tmp_path / "x.json", []))
    with pytest.raises(DatasetError, match=r"x\.json: not a detections file"):
        list(read_detections(write_json(tmp_path / "x.json", {"annotations": []}), []))
