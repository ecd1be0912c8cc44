"""``leanpose predict`` on videos: what it writes, how it ends, what it refuses."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from typing import ClassVar

import numpy as np
import pytest

from leanpose.media import open_video, save_image
from leanpose.pose.reading import read_json, read_json_lines

from ..videos import joints, picture, write_video

pytest.importorskip("av")
pytest.importorskip("scipy")
FRAMES = 20


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "clip.mp4", FRAMES)


@pytest.fixture
def cut(tmp_path):
    whole = write_video(tmp_path / "whole.mkv", 40)
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    return path


def assert_in_place(frames, tolerance):
    for poses in frames:
        assert sorted(poses.ids.tolist()) == [1, 2]
        for id_, keypoints in zip(poses.ids, poses.keypoints, strict=True):
            where = joints(round(poses.timestamp * 25), id_ - 1)
            np.testing.assert_allclose(keypoints, where, atol=tolerance)


def test_people_are_found_followed_and_drawn(run, clip, tmp_path):
    result = run("clip.mp4", "--draw", "--trails", "--format", "jsonl", "--smooth", "off")
    assert result.exit_code == 0, result.output
    assert "detector dots" in result.stdout
    assert f"clip.jsonl: frames {FRAMES}, detected in" in result.stdout
    assert "people 2" in result.stdout
    frames = list(read_json_lines(tmp_path / "out" / "clip.jsonl"))
    assert [poses.frame for poses in frames] == list(range(FRAMES))
    assert {poses.source for poses in frames} == {"clip.mp4"}
    assert_in_place(frames, 0.5)
    with open_video(clip) as video, open_video(tmp_path / "out" / "clip_poses.mp4") as drawn:
        for before, after in zip(video, drawn, strict=True):
            assert after.timestamp == pytest.approx(before.timestamp, abs=1e-4)
            assert np.abs(after.image.astype(int) - before.image).max() > 100


@pytest.mark.parametrize("smooth", ["live", "both-ways"])
def test_a_skeleton_is_what_is_written_drawn_and_measured(run, clip, tmp_path, smooth):
    (tmp_path / "ends.json").write_text(json.dumps({"joints": ["head_top", "nose"], "flips": []}))
    kinematics = ("--kinematics", "k.csv")
    result = run("clip.mp4", "--skeleton", "ends.json", "--smooth", smooth, "--draw", *kinematics)
    assert result.exit_code == 0, result.output
    assert "skeleton ends" in result.stdout
    frames = read_json(tmp_path / "out" / "clip.json")
    assert len(frames) == FRAMES
    for poses in frames:
        assert poses.skeleton.joints == ("head_top", "nose")
        for id_, keypoints in zip(poses.ids, poses.keypoints, strict=True):
            where = joints(round(poses.timestamp * 25), id_ - 1)
            np.testing.assert_allclose(keypoints, where[[2, 0]], atol=2.5)  # the live smoother is a frame behind
    header = (tmp_path / "k.csv").read_text().splitlines()[0]
    assert header == "id,frame,time,head_top_speed,nose_speed"


def test_smoothed_both_ways_there_is_no_lag(run, clip, tmp_path):
    assert run("clip.mp4", "--smooth", "both-ways", "--draw", "--detect-every", "1").exit_code == 0
    frames = read_json(tmp_path / "out" / "clip.json")
    assert len(frames) == FRAMES
    assert_in_place(frames, 0.5)  # the motion is straight and steady, so smoothing has nothing to move
    with open_video(tmp_path / "out" / "clip_poses.mp4") as drawn:
        assert sum(1 for _ in drawn) == FRAMES


@pytest.mark.parametrize("smooth", [(), ("--smooth", "off")])
def test_two_passes(run, clip, tmp_path, smooth):
    result = run(
        "clip.mp4", "--two-pass", *smooth, "--draw", "--trails", "--kinematics", "k.csv", "--detect-every", "1"
    )
    assert result.exit_code == 0, result.output
    assert f"frames {FRAMES}, detected in {FRAMES} of them, people 2" in result.stdout
    frames = read_json(tmp_path / "out" / "clip.json")
    assert len(frames) == FRAMES
    assert_in_place(frames, 0.5)
    assert len((tmp_path / "k.csv").read_text().splitlines()) == 1 + 2 * FRAMES
    with open_video(tmp_path / "out" / "clip_poses.mp4") as drawn:
        assert sum(1 for _ in drawn) == FRAMES


def test_two_passes_are_refused_where_they_make_no_sense(run, clip):
    for arguments, fault in (
        (("clip.mp4", "--no-track"), "who is who"), (("0",), "no end"), (("clip.mp4", "--smooth", "live"), "both-ways"),
    ):  # fmt: skip
        result = run(*arguments, "--two-pass")
        assert result.exit_code == 2
        assert fault in result.stderr


def test_kinematics(run, clip, tmp_path):
    assert run("clip.mp4", "--kinematics", "out/k.csv", "--smooth", "off", "--detect-every", "1").exit_code == 0
    rows = list(csv.DictReader((tmp_path / "out" / "k.csv").open()))
    assert [(row["id"], int(row["frame"])) for row in rows] == [(id_, n) for id_ in "12" for n in range(FRAMES)]
    lengths = {}
    for poses in read_json(tmp_path / "out" / "clip.json"):
        for id_, box in zip(poses.ids.tolist(), poses.boxes, strict=True):
            lengths.setdefault(str(id_), []).append(max(box[2] - box[0], box[3] - box[1]))
    for row in rows[2 : FRAMES - 2] + rows[FRAMES + 2 : -2]:  # pixels per frame x frames per second
        expected = (1 + int(row["id"])) * 25 / np.median(lengths[row["id"]])
        assert float(row["neck_speed"]) == pytest.approx(expected, rel=0.1)


def test_known_boxes_need_no_detector_and_fit_every_frame(run, tmp_path):
    write_video(tmp_path / "one.mp4", 5, people=1)
    result = run("one.mp4", "--box", "20,5,80,75", "--no-track", "--format", "csv")
    assert result.exit_code == 0, result.output
    assert "detector" not in result.stdout
    rows = list(csv.DictReader((tmp_path / "out" / "one.csv").open()))
    assert [(row["frame"], row["id"]) for row in rows] == [(str(n), "") for n in range(5) for _ in range(3)]
    places = np.array([(float(row["x"]), float(row["y"])) for row in rows]).reshape(5, 3, 2)
    np.testing.assert_allclose(places, [joints(n, 0) for n in range(5)], atol=0.7)


def test_images_and_videos_of_a_folder(run, clip, tmp_path):
    save_image(tmp_path / "photo.png", picture(0))
    write_video(tmp_path / "nobody.mp4", 3, people=0)
    (tmp_path / "text.mp4").write_text("not a video")
    result = run(".", "--format", "openpose")
    assert result.exit_code == 1
    assert "skipped: text.mp4" in result.stderr
    assert "nobody_openpose: frames 3, detected in 2 of them, people 0" in result.stdout
    written = {path.name: len(list(path.iterdir())) for path in (tmp_path / "out").iterdir()}
    assert written == {"clip_openpose": FRAMES, "nobody_openpose": 3, "poses_openpose": 1}
    (photo,) = (tmp_path / "out" / "poses_openpose").iterdir()
    assert len(json.loads(photo.read_text())["people"]) == 2


@pytest.mark.parametrize("smooth", ["live", "both-ways"])
def test_of_a_broken_video_everything_before_is_kept(run, cut, tmp_path, smooth):
    result = run("cut.mkv", "--draw", "--smooth", smooth)
    assert result.exit_code == 1, result.output
    frames = read_json(tmp_path / "out" / "cut.json")
    assert 5 < len(frames) < 40
    assert f"stopped after {len(frames)} frames" in result.stderr
    assert f"frames read {len(frames)}" in result.stderr
    with open_video(tmp_path / "out" / "cut_poses.mp4") as drawn:
        assert sum(1 for _ in drawn) == len(frames)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["clip.mp4", "--boxes", "b.csv"], "--boxes names images"),
        (["clip.mp4", "--trails"], "--draw"),
        (["clip.mp4", "--no-track", "--smooth", "live"], "--smooth needs to know who is who"),
        (["clip.mp4", "--no-track", "--kinematics", "k.csv"], "--kinematics needs to know who is who"),
        (["clip.mp4", "clip2.mp4", "--kinematics", "k.csv"], "one file for one video"),
        (["clip.mp4", "--whole-image", "--detect-every", "3"], "--detect-every"),
        (["clip.mp4", "--whole-image", "--detector-threshold", "0.3"], "--detector-threshold"),
        (["0", "--smooth", "both-ways"], "--smooth both-ways: 0 has no end"),
        (["photo.png", "--draw", "--trails"], "--trails: for video"),
        (["photo.png", "--detect-every", "3"], "--detect-every: for video"),
        (["nowhere.mp4"], "nowhere.mp4: no such file"),
        (["text.mp4"], "text.mp4"),
    ],
)
def test_refusals_are_one_line(run, clip, tmp_path, arguments, fault):
    save_image(tmp_path / "photo.png", picture(0))
    (tmp_path / "clip2.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "text.mp4").write_text("not a video")
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


SLOW = (
    "import sys, time, leanpose.estimate.stream as s\n"
    "step = s.PoseTracking.step\n"
    "def slow(self, *a):\n"
    "    time.sleep(0.1)\n"
    "    return step(self, *a)\n"
    "s.PoseTracking.step = slow\n"
    "from leanpose.cli import main\n"
    "main()\n"
)


def ended_by(number, clip, model, out, **options):
    """The command on a clip after a few frames and that signal, and what it says."""
    arguments = ["predict", clip, "--box", "20,5,80,75", "--draw", "--format", "jsonl", "--out", out,
                 "--model", model, "--engine", "onnxruntime", "--threads", "1"]  # fmt: skip
    child = subprocess.Popen([sys.executable, "-c", SLOW, *map(str, arguments)], text=True, env=os.environ, **options)
    lines = out / "long.partial.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (lines.exists() and lines.read_bytes().count(b"\n") > 3):
        time.sleep(0.05)
    if callable(number):
        number()
    else:
        child.send_signal(number)
    return child, child.communicate(timeout=60)[1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("hangups")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_stop_ends_in_good_order(name, clip, dot_model, tmp_path):
    long, out = write_video(tmp_path / "long.mp4", 100), tmp_path / "out"
    number = signal.Signals[name]
    child, errors = ended_by(number, long, dot_model(), out, stderr=subprocess.PIPE)
    assert child.returncode == 128 + number, errors
    frames = list(read_json_lines(out / "long.jsonl"))
    assert f"stopped after {len(frames)} frames" in errors
    assert "Traceback" not in errors
    assert 3 <= len(frames) < 100
    with open_video(out / "long_poses.mp4") as drawn:
        assert sum(1 for _ in drawn) == len(frames)
    assert sorted(path.name for path in out.iterdir()) == ["long.jsonl", "long_poses.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of Unix")
@pytest.mark.usefixtures("hangups")
def test_a_terminal_that_is_closed_takes_no_results_with_it_and_older_ones_stay(clip, dot_model, tmp_path):
    import pty

    long, out = write_video(tmp_path / "long.mp4", 100), tmp_path / "out"
    out.mkdir()
    for name in ("long.jsonl", "long_poses.mp4"):
        (out / name).write_text("older and whole")
    terminal, end = pty.openpty()
    command = f"import os, fcntl, termios; os.setsid(); fcntl.ioctl({end}, termios.TIOCSCTTY, 0)\n"
    child, _ = ended_by(
        lambda: os.close(terminal), long, dot_model(), out, stdin=end, stdout=end, stderr=end, pass_fds=[end],
        preexec_fn=lambda: exec(command),
    )  # fmt: skip
    os.close(end)
    assert child.returncode == 128 + signal.SIGHUP
    frames = list(read_json_lines(out / "long.partial.jsonl"))
    assert 3 <= len(frames) < 100
    with open_video(out / "long_poses.partial.mp4") as drawn:
        assert sum(1 for _ in drawn) == len(frames)
    assert {(out / name).read_text() for name in ("long.jsonl", "long_poses.mp4")} == {"older and whole"}
    assert len(list(out.iterdir())) == 4


def test_a_window_shows_what_is_found_and_ends_when_it_is_closed(run, clip, monkeypatch):
    class Window:
        shown: ClassVar = []

        def __init__(self, title):
            assert title == "clip: q closes"
            self.open = True

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.open = False

        def show(self, image, at):
            self.shown.append((image.shape, at))
            self.open = len(self.shown) < 5

    monkeypatch.setattr("leanpose.cli.predict_video.Window", Window)
    result = run("clip.mp4", "--show", "--format", "jsonl")
    assert result.exit_code == 0, result.output
    assert "stopped after 5 frames: what there is of them is written" in result.stderr
    assert [at for _, at in Window.shown] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert {shape for shape, _ in Window.shown} == {next(iter(open_video(clip))).image.shape}


@pytest.mark.parametrize(
    ("words", "message"),
    [(("clip.mp4", "--show", "--two-pass"), "leave one out"), (("photo.png", "--show"), "--show: for video")],
)
def test_a_window_is_refused_where_it_makes_no_sense(run, clip, tmp_path, words, message):
    save_image(tmp_path / "photo.png", picture(0))
    result = run(*words)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
