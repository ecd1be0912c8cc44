"""The page in headless Chromium: the same joints as Python's, a camera, a video, and nothing that is sent anywhere.

``LEANPOSE_WEB_MODULES=DIR LEANPOSE_DATA=DIR pytest -m slow tests/web/test_browser.py``; test_modules.py says what the
first folder is.
"""

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leanpose import PoseEstimator
from leanpose.core import geometry
from leanpose.export.web import export_web
from leanpose.pose.poses import Poses
from leanpose.pose.reading import read_json
from moving_picture import PICTURE, frames, write_y4m

from .test_modules import node, web_modules

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
NEAR = 0.5  # px
TIE = 0.98  # of the highest peak: another one as high, where the least difference in pixels decides


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "page"
    export_web(folder, runtime=web_modules())
    return folder


def drive(page: Path, **task: Any) -> dict[str, Any]:
    """What the page showed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("Chromium is absent: install it to try the page in a browser")
    command = [
        node(),
        str(HERE / "browser.js"),
        str(page),
        str(web_modules()),
        json.dumps({"chromium": chromium} | task),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr[-2000:]
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown["complaints"] == []
    assert (shown["elsewhere"], shown["sent"]) == ([], [])  # nothing is asked of others, nothing is sent
    assert not shown["wide"]  # nothing sticks out sideways
    return shown


def is_tie(
    estimator: PoseEstimator, image: np.ndarray, poses: Poses, person: int, joint: int, place: np.ndarray
) -> bool:
    """Whether Python's own heatmap is as high at another place as at its peak."""
    crops, transforms = estimator.preprocess(image, poses.boxes[person][None])
    heatmap = estimator.infer(crops)[0, joint]
    in_crop = geometry.apply(transforms[0], place[None].astype(float))
    x, y = np.round(geometry.crop_to_cells(in_crop, estimator.card.stride, estimator.card.cell_offset)[0]).astype(int)
    around = heatmap[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    return bool(around.size and around.max() >= TIE * heatmap.max())


@pytest.mark.parametrize("model", ["nano", "small"])
def test_joints_are_pythons(page: Path, data_root: Path, tmp_path: Path, model: str) -> None:
    files = sorted((data_root / "lsp_dataset" / "images").glob("*.jpg"))[1000:2000:50]
    assert len(files) == 20
    names = [str(file) for file in files]
    drive(
        page, do="pictures", files=names, out=str(tmp_path / "found.json"), csv=str(tmp_path / "found.csv"), model=model
    )
    found = read_json(tmp_path / "found.json")
    estimator = PoseEstimator(model, engine="onnxruntime", threads=1)
    joints = ties = 0
    for file, theirs in zip(files, found, strict=True):
        image = cv2.imread(str(file))
        assert image is not None
        ours = estimator(image)
        assert theirs.source == file.name
        assert len(theirs) == len(ours)
        np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=NEAR)
        np.testing.assert_allclose(theirs.box_scores, ours.box_scores, atol=0.01)
        away = np.linalg.norm(theirs.keypoints - ours.keypoints, axis=-1)
        joints += away.size
        for person, joint in np.argwhere(away > NEAR):
            place = theirs.keypoints[person, joint]
            assert is_tie(estimator, image, ours, person, joint, place), (file.name, ours.skeleton.joints[joint])
            ties += 1
        near = away <= NEAR
        np.testing.assert_allclose(theirs.scores[near], ours.scores[near], atol=0.02)
    assert ties <= joints / 100
    with (tmp_path / "found.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == joints
    assert float(rows[0]["x"]) == pytest.approx(found[0].keypoints[0, 0, 0], abs=1e-3)


def test_a_camera_is_followed(page: Path, tmp_path: Path) -> None:
    write_y4m(tmp_path / "person.y4m")
    shown = drive(page, do="camera", seconds=5, y4m=str(tmp_path / "person.y4m"), out=str(tmp_path / "camera.json"))
    assert "threads" in shown["threads"] or "1 thread" in shown["threads"]
    found = read_json(tmp_path / "camera.json")
    assert len(found) > 5
    assert {1} <= set.union(*(set([] if poses.ids is None else poses.ids.tolist()) for poses in found))
    times = [poses.timestamp or 0.0 for poses in found]
    assert (np.diff(times) > 0).all()


def test_the_fake_camera_of_the_browser_shows_nobody_on_one_thread(page: Path, tmp_path: Path) -> None:
    shown = drive(
        page, do="camera", seconds=2, isolated=False, width=360, height=740, out=str(tmp_path / "camera.json")
    )
    assert shown["threads"].startswith("1 thread: this page was served without the headers")
    assert shown["label"] == "Camera: nobody found"
    assert all(len(poses) == 0 for poses in read_json(tmp_path / "camera.json"))


def test_every_frame_of_a_video_is_looked_at(page: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    images = frames()[:20]
    with av.open(str(tmp_path / "person.webm"), "w") as container:
        video = container.add_stream("libvpx", rate=10, options={"crf": "4", "b": "4M"})
        video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode())
    file = str(tmp_path / "person.webm")
    shown = drive(page, do="video", files=[file], everyFrame=True, out=str(tmp_path / "video.json"))
    found = read_json(tmp_path / "video.json")
    assert shown["status"] == f"person.webm: ended, {len(found)} frames were looked at."
    assert len(images) - 2 <= len(found) <= len(images)
    assert [poses.frame for poses in found] == list(range(len(found)))
    assert all(poses.ids is not None and 1 in poses.ids.tolist() for poses in found)
    ours = list(PoseEstimator("nano", engine="onnxruntime", threads=1).stream(file))
    sure = ours[0].scores[0] >= 0.5
    away = np.linalg.norm(found[0].keypoints[0] - ours[0].keypoints[0], axis=-1)[sure]
    assert np.median(away) < 2  # the browser's decoder makes other colours of a video than FFmpeg's


def test_broken_and_odd_pictures_are_named_and_the_others_looked_at(page: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    cv2.imwrite(str(tmp_path / "speck.png"), np.zeros((1, 1, 3), np.uint8))
    files = [str(tmp_path / "broken.jpg"), str(tmp_path / "speck.png"), str(PICTURE)]
    shown = drive(page, do="pictures", files=files, out=str(tmp_path / "found.json"), alertsAllowed=True)
    assert shown["alert"] == "broken.jpg: is no picture that this browser reads"
    assert [poses.source for poses in read_json(tmp_path / "found.json")] == ["speck.png", "cameraman.png"]


def test_files_are_in_the_skeleton_that_is_chosen(page: Path, tmp_path: Path) -> None:
    drive(page, do="pictures", files=[str(PICTURE)], skeleton="coco17", out=str(tmp_path / "found.json"))
    (poses,) = read_json(tmp_path / "found.json")
    assert poses.skeleton.name == "coco17"
    ours = PoseEstimator("nano", engine="onnxruntime", threads=1, skeleton="coco17")(PICTURE)
    np.testing.assert_allclose(poses.keypoints, ours.keypoints, atol=NEAR)


def test_a_page_that_was_used_over_https_opens_without_a_network(page: Path) -> None:
    shown = drive(page, do="offline", model="nano", host="page.test", isolated=False)
    assert shown["firstThreads"] == "1 thread: load the page again for more."
    assert "models/nano.onnx" in shown["kept"]
    assert "models/medium.onnx" not in shown["kept"]  # nobody asked for it
    assert shown["threads"] != shown["firstThreads"]  # the page was opened again, and is isolated now
