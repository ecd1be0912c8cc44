"""The estimator, its detector, streams and videos in other processes: people or an error, and never for good."""

import os

import numpy as np
import pytest

from leanpose import PoseEstimator
from leanpose.core.errors import ForkError
from leanpose.engines import installed_engines
from leanpose.media import open_video, prefetch

from ..processes import METHODS, in_child
from ..videos import picture, write_video

IMAGE = picture(0)
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def looked(estimator: PoseEstimator) -> np.ndarray:
    """Joints of one person, of all that the detector finds, and of two frames."""
    found = [estimator(IMAGE, boxes=[[20, 10, 90, 110]]), estimator(IMAGE)]
    found += estimator.stream([IMAGE, IMAGE], track=False, whole_image=True)
    return np.concatenate([poses.keypoints for poses in found])


@pytest.fixture
def estimator(request: pytest.FixtureRequest) -> PoseEstimator:
    """One that has looked, with threads, so that all of them are there."""
    if request.param not in installed_engines():
        pytest.skip(f"{request.param} is not installed")
    estimator = PoseEstimator("nano", request.param, threads=2)
    looked(estimator)
    return estimator


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimator", ["onnxruntime", "openvino"], indirect=True)
def test_an_estimator_handed_to_a_child(estimator: PoseEstimator, method: str) -> None:
    if method == "fork" and estimator.engine.name == "openvino":
        with pytest.raises(ForkError, match="spawn"):
            in_child(method, looked, estimator)
    else:
        np.testing.assert_array_equal(in_child(method, looked, estimator), looked(estimator))


@pytest.mark.parametrize("estimator", ["onnxruntime", "openvino"], indirect=True)
def test_what_was_under_way_at_the_fork_is_refused(estimator: PoseEstimator) -> None:
    images = estimator.estimate_pairs([(IMAGE, [[20, 10, 90, 110]] * 20)] * 3)
    frames = estimator.stream([IMAGE] * 20, track=False)
    for begun in (images, frames):
        next(begun)
        with pytest.raises(ForkError, match="forked"):
            in_child("fork", lambda begun=begun: len(list(begun)))
    assert len(list(images)) == 2
    assert len(list(frames)) == 19


def test_an_open_video_is_that_of_who_opened_it(tmp_path) -> None:
    path = write_video(tmp_path / "v.mp4", frames=6)
    with open_video(path) as video:
        next(video)
        with pytest.raises(ForkError, match=r"v\.mp4 was begun in process .* open it in the new process"):
            in_child("fork", next, video)
        in_child("fork", video.close)
        assert len(list(video)) == 5
    assert in_child("fork", lambda: len(list(open_video(path)))) == 6


def test_reading_ahead_is_not_waited_for() -> None:
    items = prefetch(iter(range(1000)), 2)
    assert next(items) == 0
    with pytest.raises(ForkError, match="reading ahead"):
        in_child("fork", next, items)
    in_child("fork", items.close)
    assert list(items) == list(range(1, 1000))


def test_a_loader_of_pytorch_looks_in_its_workers() -> None:
    data = pytest.importorskip("torch.utils.data")
    estimator = PoseEstimator("nano", "onnxruntime", threads=2, detector=None)
    expected = [_Looking(estimator)[i] for i in range(2)]
    loader = data.DataLoader(
        _Looking(estimator), batch_size=None, num_workers=1, multiprocessing_context="fork", timeout=60
    )
    for found, wanted in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


class _Looking:
    """A dataset of what the estimator sees."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self.estimator = estimator

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> np.ndarray:
        return self.estimator(picture(index), whole_image=True).keypoints
