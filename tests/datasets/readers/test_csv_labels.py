"""CSV labels: tables with values known by eye, and a few LSP people written as a table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.csv_labels import read_csv
from leanpose.datasets.readers.lsp import read_lsp
from leanpose.datasets.readers.parts import PARTS, part_of
from leanpose.pose.skeleton import LSP14

HEADER = (
    "file,part,x1,y1,x2,y2,nose_x,nose_y,nose_v,left_ear_x,left_ear_y,left_ear_v,right_ear_x,right_ear_y,right_ear_v"
)
ROW = "a.jpg,train,1,2,30.5,40,10,20.25,2,11,21,1,,,"


def _table(root: Path, *lines: str, images: tuple[str, ...] = ("a.jpg",)) -> Path:
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return root / "labels.csv"


def test_a_row(tmp_path: Path) -> None:
    file = _table(tmp_path, HEADER, ROW)
    (sample,) = read_csv(file, "train")
    assert sample.name == "csv/a.jpg#2"
    assert sample.image == tmp_path / "a.jpg"
    assert sample.keypoints[:2].tolist() == [[10, 20.25], [11, 21]]
    assert sample.labelled.tolist() == [True, True, False]
    assert sample.occluded is not None
    assert sample.occluded.tolist() == [False, True, False]
    assert sample.box.tolist() == [1, 2, 30.5, 40]
    assert sample.skeleton.joints == ("nose", "left_ear", "right_ear")
    assert sample.skeleton.flip_permutation.tolist() == [0, 2, 1]
    assert [s.name for s in read_samples([f"csv:{tmp_path}"], "train")] == ["csv/a.jpg#2"]
    assert read_csv(file, "test") == []


def test_without_boxes_visibility_and_parts(tmp_path: Path) -> None:
    names = [name for part in PARTS for name in map("{:03d}.jpg".format, range(60)) if part_of(name) == part]
    rows = [f"sub/{name}, 5 ,6,9.5,4" for name in names]
    file = _table(tmp_path, "\ufefffile,a_x,a_y,b_x,b_y", *rows, "", images=tuple(f"images/sub/{n}" for n in names))
    found = {part: [Path(str(s.image_id)).name for s in read_csv(file, part)] for part in PARTS}
    assert found == {part: [name for name in names if part_of(name) == part] for part in PARTS}
    sample = read_csv(file, "val")[0]
    assert sample.box.tolist() == [5, 4, 9.5, 6]
    assert sample.occluded is None
    assert not sample.skeleton.flippable


def test_another_skeleton_in_its_own_order(tmp_path: Path) -> None:
    header = "left_ankle_x,left_ankle_y,file,neck_y,neck_x,part"
    file = _table(tmp_path, header, "1,2,a.jpg,4,3,val")
    (sample,) = read_csv(file, "val", skeleton="lsp14")
    assert sample.skeleton is LSP14
    assert np.flatnonzero(sample.labelled).tolist() == [5, 12]
    assert sample.keypoints[[5, 12]].tolist() == [[1, 2], [3, 4]]
    (tmp_path / "own.json").write_text('{"joints": ["neck", "left_ankle"], "flips": []}')
    (own,) = read_csv(file, "val", skeleton=str(tmp_path / "own.json"))
    assert own.keypoints.tolist() == [[3, 4], [1, 2]]
    with pytest.raises(DatasetError, match=r"labels\.csv: skeleton coco17 has no neck: it has nose"):
        read_csv(file, "val", skeleton="coco17")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW, "repeats line 2"),
        (ROW[:-1], "14 cells, but 15 columns"),
        (ROW + ",", "16 cells, but 15 columns"),
        (ROW.replace("20.25", "nan"), "nose_y 'nan' is no place in an image"),
        (ROW.replace("20.25", "inf"), "nose_y 'inf' is no place in an image"),
        (ROW.replace("20.25", "1e9"), "nose_y '1e9' is no place in an image"),
        (ROW.replace("20.25", "20.2.5"), "nose_y '20.2.5' is no place in an image"),
        (ROW.replace("20.25", ""), "nose has no y"),
        (ROW.replace("10,20.25", ","), "nose has no x"),
        (ROW.replace("20.25,2", "20.25,3"), "nose_v is none of 0"),
        (ROW.replace(",2,11,21,1", ",0,11,21,0"), "no joint is labelled"),
        (ROW.replace("30.5", ""), "its box lacks a side"),
        (ROW.replace("30.5", "1"), "its box has no area"),
        (ROW.replace("30.5", "-30.5"), "its box has no area"),
        ("a.jpg,train,,,,,10,20,2,,,,,,", "a single joint makes none"),
        (ROW.replace("a.jpg", "../a.jpg"), "file '../a.jpg' is no path below the image folder"),
        (ROW.replace("a.jpg", "/etc/passwd"), "file '/etc/passwd' is no path below"),
        (ROW.replace("a.jpg", ""), "file '' is no path below"),
        (ROW.replace("a.jpg", "b.jpg"), "b.jpg is not in"),
        (ROW.replace("train", "dev"), "part 'dev' is none of train, val, test"),
        (ROW.replace("train", ""), "part '' is none of"),
    ],
)
def test_rows_that_make_no_sense_are_left_out(tmp_path: Path, row: str, message: str) -> None:
    file = _table(tmp_path, HEADER, ROW, row)
    problems: list[str] = []
    assert [s.person_id for s in read_csv(file, "train", problems=problems)] == [2]
    assert len(problems) == 1
    assert problems[0].startswith(f"{file}: line 3: ")
    assert message in problems[0]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", DatasetError, "empty"),
        ("file,part\n", DatasetError, "no joints"),
        ("a_x,a_y\n", DatasetError, "columns missing: file"),
        ("file,a_x\n", DatasetError, "columns missing: a_y"),
        ("file,a_x,a_y,x1,y1\n", DatasetError, "columns missing: x2, y2"),
        ("file,a_x,a_y,b_v,a.z\n", DatasetError, r"unknown columns: b_v, a\.z"),
        ("file,a_x,a_y,a_x\n", DatasetError, "columns named twice: a_x"),
        ("file;a_x;a_y\n", DatasetError, "unknown columns"),
        ('file,a_x,a_y\n"a.jpg,1,2\n', DatasetError, "not a CSV table"),
        ("file,a_x,a_y\n" + "9" * 200_000, DatasetError, "not a CSV table"),
        ("file,a_x,a_y,b_x,b_y\nb.jpg,1,2,3,4\n", DatasetError, "none of its images is in"),
    ],
)
def test_tables_that_make_no_sense_are_refused(tmp_path: Path, text: str, error: type, message: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(error, match=message) as caught:
        [read_csv(tmp_path / "labels.csv", part) for part in PARTS]
    assert "labels.csv" in str(caught.value)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"0 \.csv files"):
        read_csv(tmp_path, "train")
    with pytest.raises(DatasetError, match=r"none\.csv: cannot be read: No such file"):
        read_csv(tmp_path / "none.csv", "train")
    (tmp_path / "a.csv").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DatasetError, match=r"a\.csv: not a CSV table"):
        read_csv(tmp_path, "train")


def test_lsp_people_come_back(data_root: Path, tmp_path: Path) -> None:
    people = read_lsp(data_root / "lsp_dataset", "val")[:6]
    columns = ["file", "part", *(f"{joint}_{value}" for joint in LSP14.joints for value in "xyv")]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for person in people:
            assert isinstance(person.image, Path)
            assert person.occluded is not None
            cells = np.column_stack((person.keypoints, 2 - person.occluded)).ravel().tolist()
            table.writerow([person.image.name, "val", *map(repr, cells)])
    found = read_csv(tmp_path / "labels.csv", "val", images=str(data_root / "lsp_dataset" / "images"))
    for got, want in zip(found, people, strict=True):
        assert np.array_equal(got.keypoints, want.keypoints)
        assert np.array_equal(got.box, want.box)
        assert got.occluded is not None
        assert np.array_equal(got.occluded, want.occluded)
        assert got.image == want.image
        assert got.skeleton is LSP14


cells = st.sampled_from(["", "0", "1", "2", "3.5", "-4", "nan", "1e400", "x", "a.jpg", "train", '"', "'", "\x00", "١"])


@given(
    header=st.sampled_from([HEADER, HEADER, "file,a_x,a_y", "file,left_a_x,left_a_y,a_v,_x,_y"]) | st.text(max_size=20),
    rows=st.lists(st.lists(cells, min_size=1, max_size=16).map(",".join) | st.just(ROW), max_size=4),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_gives_samples_problems_or_a_typed_error(tmp_path: Path, header: str, rows: list[str]) -> None:
    file = _table(tmp_path, header.encode(errors="replace").decode(), *rows)
    problems: list[str] = []
    try:
        samples = [s for part in PARTS for s in read_csv(file, part, problems=problems)]
    except (DatasetError, SkeletonError) as error:
        problems.append(str(error))
        samples = []
    assert all("labels.csv" in problem for problem in problems)
    for sample in samples:
        assert np.isfinite(sample.box).all()
        assert (sample.box[2:] >= sample.box[:2]).all()
        assert np.isfinite(sample.keypoints).all()
        assert sample.labelled.any()
