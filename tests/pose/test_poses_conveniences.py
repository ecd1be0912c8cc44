"""Short words for what people do first with poses: look at a joint, at a table, at the picture."""

import csv
import sys

import cv2
import numpy as np
import pytest

from leanpose.core.errors import LeanposeError, PosesError
from leanpose.pose.poses import Poses
from leanpose.pose.reading import read_json
from leanpose.pose.skeleton import COCO17

IMAGE = np.full((100, 120, 3), 90, np.uint8)


def poses_of(people: int = 2, source: str | None = None, frame: int | None = None) -> Poses:
    rng = np.random.default_rng(0)
    return Poses(
        rng.uniform(10, 90, (people, 17, 2)), rng.uniform(0.5, 1, (people, 17)), np.tile([5.0, 5, 95, 95], (people, 1)),
        np.full(people, 0.9), COCO17, (100, 120), source=source, frame=frame,
    )  # fmt: skip


@pytest.mark.parametrize("joint", COCO17.joints)
def test_a_joint_by_its_name(joint):
    poses = poses_of()
    number = COCO17.joints.index(joint)
    np.testing.assert_array_equal(poses[joint][:, :2], poses.keypoints[:, number])
    np.testing.assert_array_equal(poses[joint][:, 2], poses.scores[:, number])
    assert poses_of(0)[joint].shape == (0, 3)


@pytest.mark.parametrize("joint", ["wrist", "", "LEFT_WRIST", "neck", "left wrist"])
def test_a_joint_that_is_not_there(joint):
    with pytest.raises(KeyError, match=r"coco17 has no joint .*left_wrist"):
        poses_of()[joint]


@pytest.mark.parametrize(
    ("poses", "line"),
    [
        (poses_of(1), "<Poses: 1 person, coco17, 120x100>"),
        (poses_of(0), "<Poses: 0 people, coco17, 120x100>"),
        (poses_of(2, "a/b.png"), "<Poses: 2 people, coco17, 120x100, b.png>"),
        (poses_of(2, "a/b.mp4", 7), "<Poses: 2 people, coco17, 120x100, b.mp4, frame 7>"),
        (poses_of(9, frame=0), "<Poses: 9 people, coco17, 120x100, frame 0>"),
    ],
)
def test_a_repr_of_one_line(poses, line):
    assert repr(poses) == line


def test_saved_as_a_picture_or_as_data(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), IMAGE)
    poses = poses_of(source=str(tmp_path / "a.png"))
    for save in (lambda path: poses.save(path), lambda path: poses.save(path, IMAGE)):
        save(tmp_path / "drawn.png")
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "drawn.png")), poses.draw(IMAGE))
    poses.save(tmp_path / "poses.json")
    np.testing.assert_array_equal(read_json(tmp_path / "poses.json")[0].keypoints, poses.keypoints)
    poses.save(tmp_path / "poses.csv")
    assert len(list(csv.DictReader((tmp_path / "poses.csv").open()))) == 34
    for none in (poses_of(), poses_of(source="a.mp4", frame=3)):
        with pytest.raises(PosesError, match="none was kept"):
            none.save(tmp_path / "b.png")


def test_show_gives_the_picture(monkeypatch):
    image = pytest.importorskip("PIL.Image")
    shown = []
    monkeypatch.setattr(image.Image, "show", lambda self: shown.append(self))
    poses = poses_of()
    picture = poses.show(IMAGE)
    np.testing.assert_array_equal(np.asarray(picture)[..., ::-1], poses.draw(IMAGE))
    assert shown == [picture]
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # a notebook shows it itself
    poses.show(IMAGE)
    assert len(shown) == 1
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(LeanposeError, match="pip install pillow"):
        poses.show(IMAGE)


def test_a_table(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(LeanposeError, match="pip install pandas"):
        poses_of().to_pandas()
    monkeypatch.undo()
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = poses_of(source="a.png").to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert len(table) == 34
    assert table[table.joint == "nose"].x.tolist() == pytest.approx(poses_of()["nose"][:, 0].tolist())
    assert poses_of(0, "a.png").to_pandas().x.isna().all()
