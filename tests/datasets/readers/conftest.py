"""Fixtures for readers: small datasets written to the distributed layouts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leanpose.pose.skeleton import COCO17


@pytest.fixture
def write_json() -> Callable[[Path, Any], Path]:
    """Writes a JSON file, and the folders it is in."""

    def write(path: Path, content: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture
def touch_images() -> Callable[..., None]:
    """Makes empty files of those names in a folder: readers look which images are there and open none."""

    def touch(folder: Path, *names: str) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()

    return touch


@pytest.fixture
def coco_person() -> Callable[..., dict[str, Any]]:
    """Makes an annotation of one person: its joints are the points (20 + k, 30 + k), all visible if not said."""

    def make(id_: int | str = 1, image_id: int | str = 7, joints: int = 17, visibility: int = 2, **fields: Any) -> dict:
        keypoints = [value for k in range(joints) for value in (20 + k, 30 + k, visibility)]
        person = {
            "id": id_,
            "image_id": image_id,
            "category_id": 1,
            "iscrowd": 0,
            "bbox": [10, 20, 40, 50],
            "area": 900.5,
            "num_keypoints": joints if visibility else 0,
            "keypoints": keypoints,
        }
        return person | fields

    return make


@pytest.fixture
def coco_document() -> Callable[..., dict[str, Any]]:
    """Makes a COCO annotation file: people in images of 100 by 80 pixels, number 7 in ``0007.jpg``."""

    def make(people: list[dict[str, Any]], image_ids: tuple[int, ...] = (7,), **fields: Any) -> dict[str, Any]:
        category = {
            "id": 1,
            "name": "person",
            "keypoints": list(COCO17.joints),
            "skeleton": [[COCO17.index(a) + 1, COCO17.index(b) + 1] for a, b in COCO17.limbs],
        }
        images = [{"id": i, "file_name": f"{i:04d}.jpg", "width": 100, "height": 80} for i in image_ids]
        return {"images": images, "annotations": people, "categories": [category]} | fields

    return make
