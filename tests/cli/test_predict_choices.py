"""``leanpose predict``: what is read of folders, whose numbers images have, and which part of a video is looked at."""

import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from leanpose.cli.predict_sources import seconds
from leanpose.core.errors import LeanposeError
from leanpose.media import open_video
from leanpose.pose.reading import read_json

from ..videos import picture, write_video

FRAMES = 20


def photos(folder, *names, people=2):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), picture(0, people))


def test_what_is_left_out_is_said(run, tmp_path):
    photos(tmp_path, "in/a.png", "in/b.ppm", "in/more/c.png")
    (tmp_path / "in/IMG.HEIC").write_bytes(b"x")
    result = run("in")
    assert result.exit_code == 0, result.output
    assert "images 2" in result.stdout
    assert "left out: 1 file of kinds not read here (1 .heic), 1 subfolder" in result.stderr
    result = run("in", "-r")
    assert "images 3" in result.stdout
    assert "subfolder" not in result.stderr


def test_a_gif_that_moves_is_a_film_and_a_webp_is_said_to_be_one(run, tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("scipy")
    frames = [Image.fromarray(picture(number)[..., ::-1]) for number in range(3)]
    for kind in ("gif", "webp"):
        frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], duration=40, lossless=True)
    result = run("a.gif", "a.webp")
    assert result.exit_code == 0, result.output
    assert "a.json: frames 3" in result.stdout
    assert "images 1" in result.stdout
    assert "animated, only the first frame is read: a.webp" in result.stderr


def ids(path):
    return [person["image_id"] for person in json.loads(path.read_text())]


def dataset_ids(path):
    return [image["id"] for image in json.loads(path.read_text())["images"]]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a/0001.png", "b/0001.png", "b/01.png"], ["a/0001.png", "b/0001.png", "b/01.png"]),
        (["a/1.png", "b/2.png"], [1, 2]),
        (["1.png", "2.png", "x.png"], ["1.png", "2.png", "x.png"]),
        (["0007.png"], [7]),
        (["a/x.png", "b/x.png"], ["a/x.png", "b/x.png"]),
    ],
)
def test_no_two_images_share_an_id(run, tmp_path, files, expected):
    photos(tmp_path, *files, people=1)
    result = run(*files, "--whole-image", "--format", "coco")
    assert result.exit_code == 0, result.output
    assert ids(tmp_path / "out/poses.coco.json") == expected
    assert ("--coco-images" in result.stderr) == isinstance(expected[0], str)


def test_ids_of_a_file(run, tmp_path):
    photos(tmp_path, "a/0001.png", "b/0001.png", people=1)
    images = [{"id": 40, "file_name": "b/0001.png"}, {"id": 50, "file_name": "a/0001.png"}]
    (tmp_path / "truth.json").write_text(json.dumps({"images": images}))
    for format, read in (
        ("coco", ids),
        ("coco-dataset", lambda path: [i["id"] for i in json.loads(path.read_text())["images"]]),
    ):
        result = run("a", "b", "--whole-image", "--format", format, "--coco-images", "truth.json")
        assert result.exit_code == 0, result.output
        assert read(tmp_path / f"out/poses.{format}.json") == [50, 40]
    (tmp_path / "truth.json").write_text(json.dumps({"images": images[:1]}))
    result = run("a", "b", "--whole-image", "--format", "coco", "--coco-images", "truth.json")
    assert result.exit_code == 2
    assert "no image there is called a/0001.png" in result.output
    assert run("a", "--coco-images", "truth.json").exit_code == 2


def test_a_dataset_counts_images_that_have_no_numbers(run, tmp_path):
    photos(tmp_path, "a/x.png", "b/x.png", people=1)
    assert run("a", "b", "--whole-image", "--format", "coco-dataset").exit_code == 0
    document = json.loads((tmp_path / "out/poses.coco-dataset.json").read_text())
    assert [(i["id"], i["file_name"]) for i in document["images"]] == [(1, "a/x.png"), (2, "b/x.png")]
    assert [a["image_id"] for a in document["annotations"]] == [1, 2]


def test_a_model_without_cocos_joints_says_so(run, tmp_path):
    photos(tmp_path, "1.png", people=1)
    result = run("1.png", "--whole-image", "--format", "coco")
    assert result.exit_code == 0
    assert "3 joints, for the model lacks some of coco17" in result.stderr


def test_an_image_with_nobody_has_a_row(run, tmp_path):
    photos(tmp_path, "a.png", people=0)
    assert run("a.png", "--format", "csv").exit_code == 0
    (row,) = csv.DictReader((tmp_path / "out/poses.csv").open())
    assert row["file"] == "a.png"
    assert {value for key, value in row.items() if key != "file"} == {""}


@pytest.mark.parametrize("smooth", ["live", "both-ways"])
def test_a_part_of_a_video(run, tmp_path, smooth):
    pytest.importorskip("av")
    pytest.importorskip("scipy")
    clip = write_video(tmp_path / "clip.mp4", FRAMES)
    result = run(clip, "--start", "0.2", "--end", "0:0.6", "--every", "2", "--draw", "--smooth", smooth)
    assert result.exit_code == 0, result.output
    frames = read_json(tmp_path / "out/clip.json")
    assert [poses.frame for poses in frames] == [5, 7, 9, 11, 13, 15]
    assert [poses.timestamp for poses in frames] == pytest.approx([f / 25 for f in range(5, 16, 2)])
    with open_video(tmp_path / "out/clip_poses.mp4") as video:
        assert [round(frame.timestamp * 25) for frame in video] == [0, 2, 4, 6, 8, 10]


def test_a_part_that_is_empty_is_an_error(run, tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("scipy")
    result = run(write_video(tmp_path / "clip.mp4", 4), "--start", "9")
    assert result.exit_code == 1
    assert "no frames from --start 9 s on" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"), [("12.5", 12.5), ("1:30", 90), ("1:02:03.5", 3723.5), ("0", 0), ("90:00", 5400), (None, None)]
)
def test_times(text, expected):
    assert seconds(text, "--start") == expected


@pytest.mark.parametrize("text", ["", "a", "-1", "1:2:3:4", "1m", "nan", "1:-2", "１"])
def test_times_that_are_none(text):
    with pytest.raises(LeanposeError, match="--end"):
        seconds(text, "--end")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "x"], "write seconds"),
        (["--start", "2", "--end", "1"], "comes before"),
        (["--draw-threshold", "0.5"], "add --draw"),
        (["--every", "0"], "every"),
        (["--coco-images", "a.json"], "leave it out"),
    ],
)
def test_refusals(run, tmp_path, options, message):
    write_video(tmp_path / "clip.mp4", 2)
    result = run("clip.mp4", *options)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("option", ["--start", "--end", "--every"])
def test_images_have_no_parts(run, tmp_path, option):
    photos(tmp_path, "a.png")
    result = run("a.png", option, "1")
    assert result.exit_code == 2
    assert f"{option}: for video" in result.output


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_of_joints_and_drawings(run, tmp_path, threshold):
    photos(tmp_path, "a.png", people=1)
    assert run("a.png", "--joint-threshold", threshold, "--draw", "--draw-threshold", 1).exit_code == 0
    (poses,) = read_json(tmp_path / "out/poses.json")
    assert np.isnan(poses.keypoints).all() == (threshold == 1)
    drawn = cv2.imread(str(tmp_path / "out/a_poses.png"))
    assert (drawn == picture(0, 1)).all()  # nothing is as sure as that
    assert run("a.png", "--draw", "--draw-threshold", 0).exit_code == 0
    assert (cv2.imread(str(tmp_path / "out/a_poses.png")) != picture(0, 1)).any()
