"""What is read for an evaluation: labels of the file where the dataset has one, without images that are not there."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.measure.datasets import read_data
from leanpose.pose.skeleton import COCO17, LSP14


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Images 1 to 3, the third not at hand; a person in each, a crowd and one without joints in the first."""
    images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 80} for i in (1, 2, 3)]
    for image in images[:2]:
        cv2.imwrite(str(tmp_path / image["file_name"]), np.zeros((80, 100, 3), np.uint8))
    annotations: list[dict[str, Any]] = []
    for image, visibility, crowd in ((1, 2, 0), (1, 0, 0), (1, 2, 1), (2, 2, 0), (3, 2, 0)):
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image,
                "category_id": 1,
                "keypoints": [30, 40, visibility] * 17,
                "num_keypoints": 17 if visibility else 0,
                "area": 500.0,
                "bbox": [10, 10, 40, 50],
                "iscrowd": crowd,
            }
        )
    categories = [{"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}]
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


def test_the_file_tells_the_truth_but_for_images_that_are_absent(three: Path) -> None:
    problems: list[str] = []
    data = read_data([f"coco:{three},whole=test,images={three.parent}"], "test", None, problems)
    assert [sample.image_id for sample in data.samples] == [1, 2]
    assert data.people is None
    assert data.ground_truth is not None
    assert [image["id"] for image in data.ground_truth["images"]] == [1, 2]
    assert [annotation["id"] for annotation in data.ground_truth["annotations"]] == [1, 2, 3, 4]
    assert len(problems) == 1
    assert "3.png" in problems[0]


def test_detected_boxes_come_with_the_annotated_people(three: Path) -> None:
    boxes = three.with_name("boxes.json")
    boxes.write_text(json.dumps([{"image_id": 2, "category_id": 1, "bbox": [10, 10, 40, 50], "score": 0.7}]))
    data = read_data([f"coco:{three},whole=test,images={three.parent},boxes={boxes}"], "test", None, [])
    assert [sample.box_score for sample in data.samples] == [0.7]
    assert data.people is not None
    assert [person.image_id for person in data.people] == [1, 2]
    assert data.ground_truth is not None
    assert len(data.ground_truth["annotations"]) == 4


def test_other_figures_and_mapped_labels_need_no_file(three: Path) -> None:
    spec = [f"coco:{three},whole=test,images={three.parent}"]
    assert read_data(spec, "test", "pck", []).ground_truth is None
    mapped = read_data(spec, "test", None, [], LSP14)
    assert mapped.ground_truth is None
    assert mapped.samples[0].skeleton == LSP14


def test_nobody_is_an_error_that_names_what_was_left_out(three: Path) -> None:
    with pytest.raises(DatasetError, match="nobody to evaluate is in the part val"):
        read_data([f"coco:{three},whole=test,images={three.parent}"], "val", None, [])
