"""``leanpose label``: what it writes, says and refuses, and that it may be killed."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.cli import label as command
from leanpose.datasets.readers import read_samples
from leanpose.estimate.teachers.agreement import Rule
from leanpose.pose.skeleton import COCO17


class Corners:
    """Finds every joint at the middle of the box, half as sure in the left half of the picture."""

    name, skeleton, input_hw, padding = "corners", COCO17, (8, 8), 1.0

    def __init__(self, shift=0.0):
        self.shift = shift

    def __call__(self, image, boxes):
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + self.shift
        sure = np.where(middle[:, 0] < image.shape[1] / 2, 0.45, 0.9)
        return np.repeat(middle[:, None], 17, axis=1), np.repeat(sure[:, None], 17, axis=1)

    def describe(self):
        return f"model {self.name}"


class Bright:
    """A detector of one bright rectangle."""

    threshold = 0.3

    def __init__(self, *given, **options):
        Bright.asked = given

    def __call__(self, image):
        rows, columns = np.nonzero(image[..., 0] > 128)
        if not len(rows):
            return np.zeros((0, 5))
        return np.array([[columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5, 0.8]])

    def describe(self):
        return "detector bright"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        picture = np.zeros((100, 200, 3), np.uint8)
        if number:
            picture[10:90, 40 * number : 40 * number + 30] = 255
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("leanpose.datasets.labelling.parties.PersonDetector", Bright)
    teachers = {"first": Corners(), "second": Corners(1.0), "third": Corners(30.0)}
    monkeypatch.setattr("leanpose.estimate.teachers.open_teacher", lambda spec, *given: teachers[spec])

    def call(*arguments, out="labels.json"):
        return CliRunner().invoke(app, ["label", *map(str, arguments), "--out", out])

    return call


def labels(tmp_path, name="labels.json"):
    return json.loads((tmp_path / name).read_text())


def test_a_folder_of_photos(run, photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    result = run("photos", "--teacher", "first")
    assert result.exit_code == 1
    assert "4 pictures, 1 of them without people; 3 people, 3 of them with joints" in result.output
    assert "skipped: " in result.output
    assert "broken.jpg" in result.output
    assert "skipped 1 of 5 pictures" in result.output
    assert "--data coco:labels.json,images=photos\n" in result.output
    written = labels(tmp_path)
    assert [annotation["bbox"] for annotation in written["annotations"]] == [[40 * n, 10, 30, 80] for n in (1, 2, 3)]
    assert written["info"]["teachers"] == [{"name": "first", "sha256": None}]
    assert written["info"]["rules"] == {"boxes_from": 0.3, "joints_from": 0.3, "min_side": 56, "least": 0.2}
    assert str(tmp_path) not in json.dumps(written)
    samples = read_samples([f"coco:labels.json,images={photos},part=train"], "train")
    np.testing.assert_allclose([s.confidence[0] for s in samples], [0.45, 0.45, 0.9])
    for sample, number in zip(samples, (1, 2, 3), strict=True):
        np.testing.assert_allclose(sample.keypoints, np.tile([40 * number + 14.5, 49.5], (17, 1)))


def test_what_is_left_out_is_counted_at_the_end(run, photos):
    for number in range(3):
        (photos / f"broken{number}.jpg").write_bytes(b"\xff\xd8\xff")
    (photos / "notes.txt").write_text("notes")
    result = run("photos", "--teacher", "first", "--min-side", "90")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-4:]
    assert last[0] == "left out: 1 file of kinds not read here (1 .txt)"
    assert last[1].startswith("without joints: 3 people ")
    assert last[2] == "skipped 3 of 7 pictures:"
    assert last[3].endswith("(and 2 more like it)")
    assert not any(word in result.stdout for word in ("left out:", "without joints:", "skipped"))


def test_the_same_command_again_does_nothing_twice(run, photos, tmp_path):
    assert run("photos", "--teacher", "first").exit_code == 0
    before = (tmp_path / "labels.json").read_bytes()
    result = run("photos", "--teacher", "first")
    assert result.exit_code == 0
    assert "4 of 4 pictures are labelled already" in result.output
    assert (tmp_path / "labels.json").read_bytes() == before
    other = run("photos", "--teacher", "first", "--least", "0.5")
    assert other.exit_code == 2
    assert "made with other arguments" in other.output
    assert run("photos", "--teacher", "first", "--least", "0.5", "--overwrite").exit_code == 0
    assert [a["num_keypoints"] for a in labels(tmp_path)["annotations"]] == [0, 0, 17]


def test_two_teachers_are_believed_where_they_agree(run, photos, tmp_path):
    assert run("photos", "--teacher", "first", "--teacher", "second").exit_code == 0
    written = labels(tmp_path)
    assert written["info"]["agreement"] == vars(Rule())
    assert [a["confidences"][0] for a in written["annotations"]] == [0.8, 0.8, 0.9]
    assert written["annotations"][0]["keypoints"][:2] == [55, 50]
    run("photos", "--teacher", "first", "--teacher", "third", out="apart.json")
    assert [a["confidences"][0] for a in labels(tmp_path, "apart.json")["annotations"]] == [0.45, 0.45, 0.79]
    run("photos", "--teacher", "first", "--teacher", "third", "--near", "9", "--agreed", "0.95", out="near.json")
    assert [a["confidences"][0] for a in labels(tmp_path, "near.json")["annotations"]] == [0.95, 0.95, 0.95]


def test_its_numbers_are_those_of_the_rules():
    import inspect

    defaults = {name: p.default for name, p in inspect.signature(command.label).parameters.items()}
    assert {name: defaults[name] for name in vars(Rule())} == vars(Rule())


def test_boxes_of_several_views(run, photos, tmp_path):
    result = run("photos", "--boxes-only", "--detector", "a", "--detector", "b", "--mirror")
    assert result.exit_code == 0, result.output
    assert "--data boxes:labels.json" in result.output
    written = labels(tmp_path)
    assert [a["score"] for a in written["annotations"]] == [0.8] * 3
    assert written["info"]["rules"]["boxes_from"] == 0.2
    assert (written["info"]["mirror"], len(written["info"]["detectors"])) == (True, 2)
    assert "keypoints" not in written["annotations"][0]


def test_boxes_from_a_file_and_from_labels(run, photos, tmp_path):
    (tmp_path / "boxes.csv").write_text("file,x1,y1,x2,y2,score\n0.png,10,10,60,90,0.9\n1.png,10,10,60,90,0.3\n")
    result = run("photos", "--teacher", "first", "--boxes", "boxes.csv")
    assert result.exit_code == 0, result.output
    assert "2 of 4 pictures have no box in boxes.csv" in result.output
    written = labels(tmp_path)
    assert [(a["score"], a["num_keypoints"]) for a in written["annotations"]] == [(0.9, 17), (0.3, 0)]
    result = run("coco:labels.json,images=photos", "--teacher", "second", out="again.json")
    assert result.exit_code == 0, result.output
    (person,) = labels(tmp_path, "again.json")["annotations"]
    assert (person["bbox"], person["keypoints"][:2]) == ([10.5, 10.5, 50, 80], [36, 51])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a --teacher, or say --boxes-only"),
        (["--teacher", "first", "--boxes-only"], "leave --teacher out"),
        (["--boxes-only", "--skeleton", "coco17"], "leave --skeleton out"),
        (["--teacher", "first"] * 3, "one, or two that are to agree, not 3"),
        (["--teacher", "first", "--near", "0.1"], "there are not two"),
        (["--teacher", "first", "--boxes", "b.csv", "--mirror"], "leave --detector, --mirror out"),
        (["--teacher", "first", "--boxes", "b.csv"], "b.csv has no box for"),
        (["--teacher", "first", "--skeleton", "mpii16"], "does not have its neck"),
    ],
)
def test_what_does_not_go_together(run, photos, tmp_path, arguments, message):
    (tmp_path / "b.csv").write_text("file,x1,y1,x2,y2\nelsewhere.png,1,2,30,40\n")
    result = run("photos", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "labels.journal.jsonl").exists()
    assert not (tmp_path / "labels.json").exists()


def test_a_detector_where_all_people_are_known(run, photos, tmp_path):
    (tmp_path / "b.csv").write_text("file,x1,y1,x2,y2\n0.png,1,2,30,90\n")
    assert run("photos", "--boxes-only", "--boxes", "b.csv", "--least", "0.5").exit_code == 0
    result = run("boxes:labels.json,images=photos", "--teacher", "first", "--detector", "person", out="x.json")
    assert result.exit_code == 2
    assert "say where all people are" in result.output
    result = run("photos", "--teacher", "first", out="labels.csv")
    assert result.exit_code == 2
    assert "ends in .json" in result.output


SLOW = """
import sys, time
sys.path.insert(0, {tests!r})
import leanpose.datasets.labelling.parties, leanpose.estimate.teachers
from cli.test_label import Bright, Corners

class Slow(Corners):
    def __call__(self, image, boxes):
        with open("asked", "a") as file:
            file.write(f"{{boxes[0, 0]:g}} ")
        time.sleep({seconds})
        return super().__call__(image, boxes)

leanpose.datasets.labelling.parties.PersonDetector = Bright
leanpose.estimate.teachers.open_teacher = lambda *given: Slow()
from leanpose.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("how", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_it_may_be_ended_at_any_time(tmp_path, photos, how, status):
    def begin(seconds):
        tests = os.path.dirname(os.path.dirname(__file__))
        arguments = ["label", "photos", "--teacher", "slow", "--out", "labels.json"]
        code = SLOW.format(tests=tests, seconds=seconds)
        return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=tmp_path, stderr=subprocess.PIPE)

    journal = tmp_path / "labels.journal.jsonl"
    first = begin(1.5)
    deadline = time.monotonic() + 30
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    first.send_signal(how)
    _, said = first.communicate(timeout=30)
    assert first.returncode == status
    assert not (tmp_path / "labels.json").exists()
    if how == signal.SIGINT:
        assert b"the same command goes on there" in said
    again = begin(0)
    _, said = again.communicate(timeout=30)
    assert (again.returncode, said) == (0, b"")
    assert not journal.exists()
    written = labels(tmp_path)
    assert [annotation["bbox"][0] for annotation in written["annotations"]] == [40, 80, 120]
    asked = (tmp_path / "asked").read_text().split()
    assert asked.count("39.5") == 1  # in the journal before the end
    assert set(asked) == {"39.5", "79.5", "119.5"}
    assert len(asked) <= 4
