import json
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from leanpose.batch.configuration import Cutting
from leanpose.batch.merging import merge_to_coco, merge_to_dataset
from leanpose.batch.processes import Processes
from leanpose.batch.run import plan, run
from leanpose.batch.table import read_skeleton
from leanpose.batch.work import Job
from leanpose.core.errors import BatchError
from leanpose.pose.coco import coco_annotations

from ..videos import write_key_frames
from .driving import rows_by_file
from .simulated import DOTS, answer, opening, people_of, write_pictures


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merging")
    write_pictures(folder / "p" / "a", 9, broken=(2,))
    write_pictures(folder / "p" / "b", 4)
    write_key_frames(folder / "p" / "a" / "v.mp4", 60, 10)
    found = plan([str(folder / "p")], folder / "out", {}, Cutting(4, 1.0, 0.4), recursive=True)
    for _ in run(found, Job(folder / "out", "simulated", opening()), Processes(1)):
        pass
    return folder / "out"


def test_one_coco_file(results: Path, tmp_path: Path) -> None:
    counted = merge_to_coco(results, tmp_path / "all.json")
    document = json.loads((tmp_path / "all.json").read_text())
    people = sum(people_of(grey) for grey in (0, 1, 3, 4, 5, 6, 7, 8, *range(4))) + 2 * 60
    assert counted == (len(document["images"]), len(document["annotations"])) == (8 + 4 + 60, people)
    names = {image["file_name"]: image for image in document["images"]}
    assert {"a/00000.png", "b/00003.png", "a/v_000000000059.jpg"} <= names.keys()
    assert len({image["id"] for image in document["images"]}) == len(names) == 72
    assert len({one["id"] for one in document["annotations"]}) == len(document["annotations"])
    assert document["categories"][0]["keypoints"] == list(DOTS.joints)
    image = names["a/00003.png"]["id"]
    mine = [{**one, "id": 0} for one in document["annotations"] if one["image_id"] == image]
    assert mine == [{**one, "id": 0} for one in coco_annotations(answer(3), image, 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["all.json"]


@pytest.mark.parametrize(("by", "parts"), [("kind", {"images", "videos"}), ("folder", {"a", "b"})])
def test_a_partitioned_data_set(results: Path, tmp_path: Path, by: str, parts: set[str]) -> None:
    files, rows = merge_to_dataset(results, tmp_path / "set", by)  # type: ignore[arg-type]
    found = ds.dataset(tmp_path / "set", format="parquet", partitioning="hive").to_table().to_pylist()
    expected = [row for mine in rows_by_file(results).values() for row in mine]
    assert len(found) == rows == len(expected)
    assert {row.pop(by) for row in found} == parts
    assert files == len(parts)

    def key(row: dict) -> tuple:
        return row["file"], -1 if row["frame"] is None else row["frame"], row["person"] or 0

    assert sorted(found, key=key) == sorted(expected, key=key)
    assert read_skeleton(next((tmp_path / "set").rglob("*.parquet"))) == DOTS
    with pytest.raises(BatchError, match="choose a new folder"):
        merge_to_dataset(results, tmp_path / "set", "kind")


def test_what_is_not_done_is_not_merged(results: Path, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="no results of leanpose batch"):
        merge_to_coco(tmp_path, tmp_path / "all.json")
    victim = next((results / "poses").glob("*.parquet"))
    held = victim.read_bytes()
    victim.unlink()
    try:
        with pytest.raises(BatchError, match="not all of it is done"):
            merge_to_coco(results, tmp_path / "all.json")
        victim.write_bytes(held[:100])
        with pytest.raises(BatchError, match="delete it, and the same command"):
            merge_to_coco(results, tmp_path / "all.json")
    finally:
        victim.write_bytes(held)
    assert not list(tmp_path.iterdir())
    assert pq.read_table(victim).num_rows
