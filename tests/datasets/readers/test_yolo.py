"""YOLO-pose: small datasets with numbers worked out by hand, and a few LSP people written in its form."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from leanpose.core.errors import DatasetError, SkeletonError
from leanpose.datasets.readers import read_samples
from leanpose.datasets.readers.lsp import read_lsp
from leanpose.datasets.readers.parts import PARTS, part_of
from leanpose.datasets.readers.yolo import read_yolo
from leanpose.pose.skeleton import COCO17, LSP14

NAMES = {part: [name for name in map("{:03d}.png".format, range(60)) if part_of(name) == part] for part in PARTS}
TOOL = {"kpt_shape": [3, 3], "flip_idx": [0, 2, 1], "names": {0: "tool"}}
ROW = "0 0.5 0.25 0.2 0.1 0.4 0.2 2 0.5 0.3 1 0 0 0"


def _dataset(root: Path, rows: dict[str, str], **fields: Any) -> Path:
    """Images of 200 x 100 pixels, each with its rows, by path below images/; folders are the parts."""
    for name, text in rows.items():
        for folder in ("images", "labels"):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100)).save(root / "images" / name)
        (root / "labels" / name).with_suffix(".txt").write_text(text)
    splits = {name.partition("/")[0]: f"images/{name.partition('/')[0]}" for name in rows}
    (root / "data.yaml").write_text(yaml.safe_dump(TOOL | splits | fields))
    return root


def test_fractions_become_pixels(tmp_path: Path) -> None:
    root = _dataset(tmp_path, {"train/a.png": ROW, "val/b.png": ROW, "test/c.png": ROW})
    (sample,) = read_yolo(root, "train")
    assert sample.name == "yolo/images/train/a.png#1"
    assert sample.image == root / "images" / "train" / "a.png"
    np.testing.assert_allclose(sample.keypoints[:2], [[79.5, 19.5], [99.5, 29.5]])
    assert sample.labelled.tolist() == [True, True, False]
    assert sample.occluded is not None
    assert sample.occluded.tolist() == [False, True, False]
    np.testing.assert_allclose(sample.box, [79.5, 19.5, 119.5, 29.5])
    assert sample.skeleton.flip_permutation.tolist() == [0, 2, 1]
    assert [s.image_id for s in read_samples([f"yolo:{root / 'data.yaml'}"], "test")] == ["images/test/c.png"]


def test_two_values_a_joint(tmp_path: Path) -> None:
    row = "0 0.5 0.5 1 1 0.5 0.5 0 0 -1 -1\n\n1 0.5 0.5 1 1 0 0 0 0 0 0"
    root = _dataset(tmp_path, {"train/a.png": row, "val/b.png": ""}, kpt_shape=[3, 2])
    (sample,) = read_yolo(root, "train")  # the second one has no labelled joint
    assert sample.labelled.tolist() == [True, False, False]
    assert sample.occluded is None
    np.testing.assert_allclose(sample.keypoints[0], [99.5, 49.5])
    np.testing.assert_allclose(sample.box, [-0.5, -0.5, 199.5, 99.5])


def _found(root: Path) -> dict[str, list[str]]:
    return {part: [Path(str(s.image_id)).name for s in read_yolo(root, part)] for part in PARTS}


def test_parts_follow_the_file_and_fill_the_gaps(tmp_path: Path) -> None:
    names = [*NAMES["train"][:3], *NAMES["val"][:2], *NAMES["test"][:2]]
    train = {f"train/{name}": ROW for name in names}
    full = _dataset(tmp_path / "full", train | {"val/x.png": ROW, "test/y.png": ROW})
    assert _found(full) == {"train": sorted(names), "val": ["x.png"], "test": ["y.png"]}
    for split in ("val", "test"):  # held out of the training images
        usual = _dataset(tmp_path / split, train | {f"{split}/x.png": ROW})
        expected = {"train": sorted(names[:3] + names[5:]), "val": sorted(names[3:5]), "test": ["x.png"]}
        assert _found(usual) == expected
    alone = _dataset(tmp_path / "alone", train)
    assert _found(alone) == {"train": names[:3], "val": names[3:5], "test": names[5:]}


def test_lists_several_folders_and_roots(tmp_path: Path) -> None:
    rows = {"train/a.png": ROW, "more/sub/b.png": ROW, "val/c.png": ROW}
    root = _dataset(
        tmp_path / "set", rows, train=["images/train", "./images/more", "images/more/sub"], test="images/val"
    )
    assert _found(root)["train"] == ["a.png", "b.png"]
    (root / "train.txt").write_text("./images/train/a.png\nimages/val/c.png\n../a.png\n/etc/a.png\n\n")
    (root / "data.yaml").write_text(
        yaml.safe_dump(TOOL | {"train": "train.txt", "val": "images/val", "test": "images/val"})
    )
    problems: list[str] = []
    assert len(read_yolo(root, "train", problems=problems)) == 2
    assert [("'../a.png'" in p, "'/etc/a.png'" in p) for p in problems] == [(True, False), (False, True)]
    # path of another machine, and ../ in front as Roboflow writes it
    moved = TOOL | {"path": "/home/nobody/set", "train": "../images/train", "val": "../images/val"}
    (root / "data.yaml").write_text(yaml.safe_dump(moved))
    assert len(read_yolo(root, "test")) == 1
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(moved | {"path": "set"}))
    assert len(read_yolo(tmp_path / "own.yaml", "test")) == 1
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(moved))
    assert len(read_yolo(tmp_path / "own.yaml", "test", root=str(root))) == 1
    with pytest.raises(DatasetError, match=r"own\.yaml: val: '../images/val' is not to be found .*root=DIR"):
        read_yolo(tmp_path / "own.yaml", "test")


@pytest.mark.parametrize(
    "entry", ["/etc", "images/../../..", "a\\b", "C:/images", 5, {"a": 1}, "images/none", "a" * 400, "a/" * 3000]
)
def test_places_outside_the_folder_are_refused(tmp_path: Path, entry: Any) -> None:
    root = _dataset(tmp_path, {"train/a.png": ROW}, train=entry)
    with pytest.raises(DatasetError, match=r"data\.yaml: train: .* is not to be found below"):
        read_yolo(root, "train")


def test_skeletons_from_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def skeleton(row: str = ROW, **fields: Any):
        root = _dataset(tmp_path, {"train/a.png": row}, **fields)
        return next(s.skeleton for part in PARTS for s in read_yolo(root, part))

    named = skeleton(kpt_names={0: ["nose", "left_ear", "right_ear"]}, flip_idx=[0, 2, 1])
    assert named.joints == ("nose", "left_ear", "right_ear")
    assert named.flips in (None, (("left_ear", "right_ear"),))
    coco = "0 0.5 0.5 1 1" + " 0.5 0.5 2" * 17
    pairs = COCO17.flip_permutation.tolist()
    assert skeleton(coco, kpt_shape=[17, 3], flip_idx=pairs) is COCO17
    assert skeleton(coco, kpt_shape=[17, 3], flip_idx=pairs, kpt_names={0: list(COCO17.joints)}) is COCO17
    assert not caplog.records
    wrong = skeleton(coco, kpt_shape=[17, 3], flip_idx=list(range(17)), kpt_names={0: list(COCO17.joints)})
    assert wrong.flip_permutation.tolist() == list(range(17))
    assert "not those that the names" in caplog.text
    with caplog.at_level(logging.WARNING):
        assert not skeleton(flip_idx=None).flippable
    assert "flips off" in caplog.text


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"kpt_shape": [3]}, DatasetError, "kpt_shape"),
        ({"kpt_shape": [3, 4]}, DatasetError, "kpt_shape"),
        ({"kpt_shape": [0, 3]}, DatasetError, "kpt_shape"),
        ({"kpt_shape": "17, 3"}, DatasetError, "kpt_shape"),
        ({"flip_idx": [0, 1]}, SkeletonError, "flip_idx"),
        ({"flip_idx": [1, 2, 0]}, SkeletonError, "and back"),
        ({"flip_idx": [0, 1, 3]}, SkeletonError, "flip_idx"),
        ({"flip_idx": [0, 1, True]}, SkeletonError, "flip_idx"),
        ({"kpt_names": ["a", "b"]}, SkeletonError, "kpt_names must be 3 names"),
        ({"kpt_names": {0: ["a", "b", "b"]}}, SkeletonError, "named twice"),
        ({"kpt_names": {0: ["a", "b", "c"], 1: ["a", "b", "d"]}}, SkeletonError, "differ between the classes"),
        ({"train": None}, DatasetError, "kpt_shape and train"),
    ],
)
def test_yaml_files_that_make_no_sense(tmp_path: Path, fields: dict[str, Any], error: type, message: str) -> None:
    root = _dataset(tmp_path, {"train/a.png": ROW}, **fields)
    with pytest.raises(error, match=message) as caught:
        read_yolo(root, "train")
    assert "data.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"a: [", b"- 1", b"\xff\xfe\x00", b"", b"{a: b", b"!!python/object:os.system {}", b"!!int x"]
)
def test_what_is_no_yaml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.yaml").write_bytes(content)
    with pytest.raises(DatasetError, match=r"data\.yaml: not"):
        read_yolo(tmp_path, "train")


def test_folders_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"0 \.yaml files"):
        read_yolo(tmp_path, "train")
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_yolo(tmp_path / "none.yaml", "train")
    root = _dataset(tmp_path, {"train/a.png": ROW, "val/b.png": ROW})
    (root / "labels" / "val" / "b.txt").unlink()
    with pytest.raises(DatasetError, match=r"none of the 1 images for test has its label file, such as .*val/b\.txt"):
        read_yolo(root, "test")
    (root / "images" / "val" / "b.png").unlink()
    with pytest.raises(DatasetError, match="no images in 'images/val'"):
        read_yolo(root, "test")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.25 0.2 0.1", "5 values, but kpt_shape asks for 5 and 3 x 3"),
        (ROW + " 0", "15 values"),
        (ROW.replace("0.3", "nan"), "no finite number"),
        (ROW.replace("0.3", "x"), "no finite number"),
        ("0.5" + ROW[1:], "class 0.5"),
        ("-1" + ROW[1:], "class -1"),
        ("0 0.5 0.25 0 0.1 0.4 0.2 2 0.5 0.3 1 0 0 0", "box has no area"),
        ("0 0.5 0.25 0.2 -0.1 0.4 0.2 2 0.5 0.3 1 0 0 0", "box has no area"),
        ("0 100 25 40 10 80 20 2 100 30 1 0 0 0", "not pixels"),
        ("0 0.5 0.25 0.2 0.1 0.4 0.2 2 0.5 30 1 0 0 0", "not pixels"),
        ("0 0.5 0.25 0.2 0.1 0.4 0.2 3 0.5 0.3 1 0 0 0", "a visibility is none of"),
        (ROW, "repeats row 1"),
    ],
)
def test_rows_that_make_no_sense_are_left_out(tmp_path: Path, row: str, message: str) -> None:
    root = _dataset(tmp_path, {f"train/{NAMES['train'][0]}": f"{ROW}\n{row}\n"})
    problems: list[str] = []
    assert [s.person_id for s in read_yolo(root, "train", problems=problems)] == [1]
    assert len(problems) == 1
    assert problems[0].startswith(f"{root / 'labels' / 'train' / NAMES['train'][0]}"[:-4] + ".txt: row 2: ")
    assert message in problems[0]


def test_broken_images_are_left_out(tmp_path: Path) -> None:
    first, second = NAMES["train"][:2]
    root = _dataset(tmp_path, {f"train/{first}": ROW, f"train/{second}": ROW})
    (root / "images" / "train" / first).write_bytes(b"no image")
    problems: list[str] = []
    assert len(read_yolo(root, "train", problems=problems)) == 1
    (problem,) = problems
    assert f"{first}: not a readable image: " in problem
    assert "its people left out" in problem


def test_lsp_people_come_back(data_root: Path, tmp_path: Path) -> None:
    people = read_lsp(data_root / "lsp_dataset", "val")[:6]
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for person in people:
        assert isinstance(person.image, Path)
        assert person.occluded is not None
        (tmp_path / "images" / person.image.name).write_bytes(person.image.read_bytes())
        with Image.open(person.image) as image:
            size = np.array(image.size)
        box = (person.box.reshape(2, 2) + 0.5) / size
        joints = np.column_stack(((person.keypoints + 0.5) / size, 2 - person.occluded))
        row = [0, *box.mean(axis=0), *np.ptp(box, axis=0), *joints.ravel()]
        (tmp_path / "labels" / person.image.name).with_suffix(".txt").write_text(" ".join(map(repr, map(float, row))))
    document = {"train": "images", "val": "images", "test": "images", "kpt_shape": [14, 3]}
    document |= {"flip_idx": LSP14.flip_permutation.tolist(), "kpt_names": {0: list(LSP14.joints)}}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(document))
    for got, want in zip(read_yolo(tmp_path, "train"), people, strict=True):
        np.testing.assert_allclose(got.keypoints, want.keypoints, atol=1e-9)
        np.testing.assert_allclose(got.box, want.box, atol=1e-9)
        assert got.skeleton is LSP14
        assert got.occluded is not None
        assert np.array_equal(got.occluded, want.occluded)


texts = st.sampled_from(["images/train", "../images/train", "/", "", "a", "images", "0.5"]) | st.text(max_size=4)
things = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers(0, 2), inner, max_size=3),
    max_leaves=5,
)
numbers = st.sampled_from(["0", "1", "2", "0.5", "-0.5", "nan", "inf", "1e308", "-1e400", "x", "٣", "1_0"])


@given(
    fields=st.dictionaries(
        st.sampled_from(["path", "train", "val", "test", "kpt_shape", "flip_idx", "kpt_names", "names"]),
        things,
        max_size=2,
    ),
    rows=st.lists(st.lists(numbers, min_size=14, max_size=14) | st.lists(numbers, max_size=15), max_size=3),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_dataset_gives_samples_problems_or_a_typed_error(
    tmp_path: Path, fields: dict[str, Any], rows: list
) -> None:
    root = _dataset(tmp_path, {"train/a.png": "\n".join(map(" ".join, rows)), "val/b.png": ROW}, **fields)
    problems: list[str] = []
    try:
        samples = [s for part in PARTS for s in read_yolo(root, part, problems=problems)]
    except (DatasetError, SkeletonError) as error:
        problems.append(str(error))
        samples = []
    assert all(str(root) in problem for problem in problems)
    for sample in samples:
        assert np.isfinite(sample.box).all()
        assert (sample.box[2:] > sample.box[:2]).all()
        assert np.isfinite(sample.keypoints[sample.labelled]).all()
        assert sample.labelled.any()
