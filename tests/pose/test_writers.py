"""Writers against the functions that write the same at once, and files that are there only when they are whole."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.errors import PosesError
from leanpose.pose.coco import write_coco
from leanpose.pose.formats import write_csv, write_json
from leanpose.pose.poses import Poses
from leanpose.pose.reading import read_json, read_json_lines
from leanpose.pose.skeleton import COCO17, LSP14
from leanpose.pose.writers import WRITERS

RNG = np.random.default_rng(0)


def frame(number: int, people: int, source: str = "clip.mp4") -> Poses:
    keypoints = RNG.uniform(0, 90, (people, 14, 2))
    scores = RNG.uniform(0.1, 1, (people, 14))
    keypoints[:, 3], scores[:, 3] = np.nan, 0
    return Poses(
        keypoints, scores, np.tile([1.0, 2, 80, 90], (people, 1)), np.full(people, 0.75), LSP14, (100, 100),
        np.arange(people) + 5, source, number, number / 25, uncertainties=1 + 0 * keypoints[..., 0] + scores,
    )  # fmt: skip


def same(a: Poses, b: Poses) -> bool:
    arrays = ("keypoints", "scores", "boxes", "box_scores")
    ids = (a.ids is None and not len(a)) or np.array_equal(a.ids, b.ids) or not len(b)
    fields = all(getattr(a, name) == getattr(b, name) for name in ("skeleton", "image_hw", "source", "frame"))
    equal = all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in arrays)
    off = (b.uncertainties is None and not len(b)) or np.array_equal(a.uncertainties, b.uncertainties, equal_nan=True)
    return bool(equal and off and ids and fields and a.timestamp == b.timestamp)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_one_after_the_other_is_the_same_as_all_at_once(tmp_path_factory, counts):
    folder = tmp_path_factory.mktemp("files")
    frames = [frame(number, people) for number, people in enumerate(counts)]
    for name in ("json", "jsonl", "csv", "coco"):
        with WRITERS[name](folder / name) as writer:
            for poses in frames:
                writer.write(poses)
    write_json(frames, folder / "all.json")
    write_csv(frames, folder / "all.csv")
    write_coco(frames, folder / "all.coco")
    for name in ("json", "coco"):
        assert json.loads((folder / name).read_text()) == json.loads((folder / f"all.{name}").read_text())
    assert (folder / "csv").read_text() == (folder / "all.csv").read_text()
    for back in (read_json(folder / "json"), list(read_json_lines(folder / "jsonl"))):
        assert len(back) == len(frames)
        assert all(same(a, b) for a, b in zip(frames, back, strict=True))


def test_frame_time_and_id_in_each_format(tmp_path):
    for name, writer_of in WRITERS.items():
        with writer_of(tmp_path / name) as writer:
            writer.write(frame(0, 0))
            writer.write(frame(7, 1))
    (image,) = json.loads((tmp_path / "json").read_text())["images"][1:]
    line = json.loads((tmp_path / "jsonl").read_text().splitlines()[2])
    for entry in (image, line):
        assert (entry["frame"], entry["time"], entry["people"][0]["id"]) == (7, 0.28, 5)
    nobody, row, *_ = csv.DictReader((tmp_path / "csv").open())
    assert [nobody[name] for name in ("file", "frame", "time", "person", "joint", "x")] == [
        "clip.mp4",
        "0",
        "0.0",
        "",
        "",
        "",
    ]
    assert (row["frame"], row["time"], row["id"]) == ("7", "0.28", "5")
    (result,) = json.loads((tmp_path / "coco").read_text())
    assert (result["image_id"], result["track_id"]) == (7, 5)
    names = sorted(path.name for path in (tmp_path / "openpose").iterdir())
    assert names == ["clip_000000000000_keypoints.json", "clip_000000000007_keypoints.json"]
    nobody, somebody = (json.loads((tmp_path / "openpose" / name).read_text()) for name in names)
    assert nobody == {"version": 1.3, "people": []}
    (person,) = somebody["people"]
    assert person["person_id"] == [5]
    assert len(person["pose_keypoints_2d"]) == 3 * 14
    assert person["pose_keypoints_2d"][9:12] == [0, 0, 0]  # the joint that was not found


def test_openpose_images_of_one_name_do_not_meet(tmp_path):
    with WRITERS["openpose"](tmp_path) as writer:
        for folder in "ab":
            writer.write(Poses.empty(LSP14, (4, 5), f"{folder}/1.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1_2_keypoints.json", "1_keypoints.json"]


@pytest.mark.parametrize("name", ["json", "csv", "coco"])
def test_a_file_is_there_when_it_is_whole_also_after_an_error(tmp_path, name):
    path = tmp_path / "new" / "file"

    def interrupted():
        with WRITERS[name](path) as writer:
            writer.write(frame(0, 1))
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text().endswith("\n")
    assert [file.name for file in path.parent.iterdir()] == ["file"]
    if name != "csv":
        json.loads(path.read_text())


def test_json_lines_are_there_at_once_and_a_half_line_is_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    with WRITERS["jsonl"](path) as writer:
        writer.write(frame(0, 1))
        assert [poses.frame for poses in read_json_lines(tmp_path / "a.partial.jsonl")] == [0]
        writer.write(frame(1, 2))
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    path.write_bytes(path.read_bytes()[:-40])
    assert [poses.frame for poses in read_json_lines(path)] == [0]
    with path.open("a") as file:
        file.write("\n")
    with pytest.raises(PosesError, match=r"a.jsonl, line 3: not JSON"):
        list(read_json_lines(path))


def test_nothing_written_is_no_file(tmp_path):
    for name, writer_of in WRITERS.items():
        with writer_of(tmp_path / name):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WRITERS)
def test_refusals(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(PosesError, match="cannot write"), WRITERS[name](tmp_path / "file" / "below") as writer:
        writer.write(frame(0, 1))
    with WRITERS[name](tmp_path / name) as writer:
        writer.write(frame(0, 1))
        with pytest.raises(PosesError, match="share it"):
            writer.write(Poses.empty(COCO17, (4, 5)))
