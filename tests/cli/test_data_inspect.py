"""``leanpose data inspect``: what it prints, writes, and exits with."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.pose.skeleton import COCO17


def _run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", "inspect", *map(str, words)], env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Five people, each in an image of noise of their own."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    for i in range(5):
        noise = cv2.resize(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8), (120, 160), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), noise)
        images.append({"id": i, "file_name": f"{i}.png", "width": 120, "height": 160})
        points = rng.uniform(20, 100, (17, 2)).round(2)
        keypoints = [value for x, y in points.tolist() for value in (x, y, 2)]
        box = [10, 10, 100, 100]
        annotations.append(
            {"id": i, "image_id": i, "category_id": 1, "bbox": box, "area": 5000, "keypoints": keypoints, "iscrowd": 0}
        )
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    (tmp_path / "people.json").write_text(json.dumps(document))
    return tmp_path


def _spec(dataset: Path) -> str:
    return f"coco:{dataset / 'people.json'},images={dataset / 'images'}"


def test_tables_are_printed_and_files_written(dataset: Path) -> None:
    code, shown, _ = _run(_spec(dataset), "--out", dataset / "out")
    assert code == 0
    assert "5 people in 5 images" in shown
    assert str(dataset / "out" / "inspection.html") in shown.replace("\n", "")
    report = json.loads((dataset / "out" / "inspection.json").read_text())
    assert report["title"] == "coco in people.json, all parts"
    assert report["people"] == 5


def test_json_goes_to_standard_output_alone(dataset: Path) -> None:
    code, shown, told = _run(_spec(dataset), "--json", "--out", dataset / "out")
    assert code == 0
    assert json.loads(shown) == json.loads((dataset / "out" / "inspection.json").read_text())
    assert "report:" in told


def test_one_part_and_few_images(dataset: Path) -> None:
    code, shown, _ = _run(_spec(dataset) + ",whole=val", "--part", "val", "--images", 2, "--json")
    assert code == 0
    assert json.loads(shown)["images_read"] == 2
    assert {row["part"] for row in json.loads(shown)["counts"]} == {"val"}


def test_errors_in_the_data_give_exit_status_1(dataset: Path) -> None:
    (dataset / "images" / "3.png").write_bytes(b"no picture")
    code, shown, _ = _run(_spec(dataset))
    assert code == 1
    assert "images that cannot be read" in shown


def test_annotations_left_out_give_exit_status_1(dataset: Path) -> None:
    (dataset / "images" / "3.png").unlink()
    code, shown, _ = _run(_spec(dataset), "--json")
    assert code == 1
    assert [f["kind"] for f in json.loads(shown)["findings"]].count("left_out") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch:/tmp"], "KIND one of"),
        (["lsp:/nowhere"], "does not exist"),
        (["lsp:/tmp", "--skeleton", "nosuch"], "unknown skeleton 'nosuch'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str) -> None:
    code, _, told = _run(*words)
    assert code == 2
    assert message in told
    assert "Traceback" not in told
