"""A stick that turns at a known rate while it moves at a known speed."""

import csv

import numpy as np
import pytest

from leanpose.core.errors import PosesError
from leanpose.pose.kinematics_file import write_kinematics
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import COCO17


def turning(number: int, people: int = 1) -> Poses:
    """Person 4: the left elbow opens by 3 degrees a frame, 20 a second; the whole moves by 5 pixels a frame."""
    keypoints = np.full((17, 2), np.nan)
    angle = np.radians(60 + 3 * number)
    for joint, (x, y) in {
        "left_shoulder": (0, -30), "left_elbow": (0, 0), "left_wrist": (30 * np.sin(angle), -30 * np.cos(angle)),
    }.items():  # fmt: skip
        keypoints[COCO17.index(joint)] = (50 + 5 * number + x, 80 + y)
    scores = np.where(np.isfinite(keypoints[:, 0]), 0.9, 0)
    return Poses(
        np.tile(keypoints, (people, 1, 1)), np.tile(scores, (people, 1)), np.tile([0.0, 0, 50, 100], (people, 1)),
        np.ones(people), COCO17, (200, 400), np.array([4])[:people], "a.mp4", number, number / 20,
    )  # fmt: skip


def test_angles_and_speeds_are_those_of_the_motion(tmp_path):
    path = tmp_path / "k.csv"
    write_kinematics([turning(n, people=int(n != 4)) for n in range(12)], path)
    rows = list(csv.DictReader(path.open()))
    assert [(row["id"], int(row["frame"])) for row in rows] == [("4", n) for n in range(12) if n != 4]
    for row in rows:
        number = int(row["frame"])
        assert float(row["time"]) == pytest.approx(number / 20)
        assert float(row["left_elbow_deg"]) == pytest.approx(60 + 3 * number, abs=0.1)
        assert float(row["left_elbow_deg_per_s"]) == pytest.approx(60, abs=0.1)
        assert float(row["left_elbow_speed"]) == pytest.approx(5 * 20 / 100, abs=1e-3)
        assert row["right_elbow_deg"] == row["right_wrist_speed"] == ""


def test_nobody_is_a_header(tmp_path):
    write_kinematics([turning(0, people=0)], tmp_path / "k.csv")
    assert (tmp_path / "k.csv").read_text() == "id,frame,time\n"


def test_images_without_times_are_refused(tmp_path):
    with pytest.raises(PosesError, match="timestamp"):
        write_kinematics([Poses.empty(COCO17, (4, 5))], tmp_path / "k.csv")
