"""Runs on a video: who is seen in it, and which stages there are; how long they take is not for tests."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.benchmark.scene import open_scene
from leanpose.benchmark.video import VideoSettings, make_video, run_on_video
from leanpose.core.errors import BenchmarkError, ModelError, VideoError
from leanpose.media import open_video

from ..blobs import blob_detector
from ..estimate.teachers import networks

pytest.importorskip("av")
pytest.importorskip("scipy")
STAGES = ("video decode", "detect", "crop", "infer", "keypoint decode", "track", "smooth", "other")


@pytest.fixture
def settings(dot_model: Callable[..., Path], tmp_path: Path) -> VideoSettings:
    detector = blob_detector(tmp_path / "blobs.onnx")
    return VideoSettings([str(dot_model())], ["onnxruntime"], threads=1, detector=str(detector), rounds=2)


@pytest.fixture
def white(tmp_path: Path) -> Path:
    """A picture of a white block, which the detector takes for a person."""
    image = np.zeros((200, 160, 3), np.uint8)
    image[60:140, 60:100] = 255
    cv2.imwrite(str(tmp_path / "white.png"), image)
    return tmp_path / "white.png"


def test_a_made_video_is_watched_from_end_to_end(settings: VideoSettings, white: Path) -> None:
    done = run_on_video(settings, open_scene(white), 25, "leanpose benchmark --video synthetic")
    assert done.settings["video"] == "made of white.png, 1280x720, 25 frames"
    (video,) = done.videos
    assert video.label == "dots, onnxruntime f32"
    assert len(video.passes) == 2
    for each in video.passes:
        assert each.frames == 25
        assert each.found > 20  # whose joints all lie in one place is let go now and then
        assert 3 <= each.detections < each.frames  # not in every frame, once the person is known
        assert tuple(each.split) == STAGES
        assert min(each.split.values()) > 0
        assert each.seconds > 0
    first, second = video.passes
    assert (first.found, first.detections) == (second.found, second.detections)


def test_where_nobody_is_nobody_is_found(settings: VideoSettings, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((90, 160, 3), np.uint8))
    make_video(open_scene(tmp_path / "black.png"), 6, tmp_path / "black.mp4")
    with open_video(tmp_path / "black.mp4") as video:
        assert (len(list(video)), video.image_hw) == (6, (720, 1280))
    done = run_on_video(settings, tmp_path / "black.mp4", 0, "")
    assert done.settings["video"] == "black.mp4, 1280x720, 6 frames"
    for each in done.videos[0].passes:
        assert each.found == 0
        assert each.split["infer"] == 0


def test_what_cannot_be_measured_is_refused(settings: VideoSettings, white: Path, tmp_path: Path) -> None:
    for source in ("webcam:0", str(white)):
        with pytest.raises(BenchmarkError, match="a video file is needed"):
            run_on_video(settings, source, 0, "")
    with pytest.raises(VideoError, match="nowhere"):
        run_on_video(settings, str(tmp_path / "nowhere.mp4"), 0, "")
    with pytest.raises(BenchmarkError, match="'blobs' is a detector"):
        run_on_video(VideoSettings([settings.detector]), open_scene(white), 1, "")
    peer = str(networks.movenet(tmp_path / "peer.onnx"))
    with pytest.raises(BenchmarkError, match="'peer' is another project's network"):
        run_on_video(VideoSettings([peer], ["onnxruntime"]), open_scene(white), 1, "")
    with pytest.raises(ModelError, match="nosuch"):
        run_on_video(VideoSettings(settings.models, ["onnxruntime"], detector="nosuch"), open_scene(white), 1, "")
    with pytest.raises(BenchmarkError, match="1 or more"):
        VideoSettings(["small"], rounds=0)
