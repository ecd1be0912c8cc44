"""Looking again, turned: against a network whose surest look is known, and real people turned by quarters."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose import PoseEstimator
from leanpose.core import geometry
from leanpose.estimate.any_angle import GAIN, SURE, axes, axes_before, look_at_any_angle
from leanpose.estimate.looking import Looking
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14, Skeleton

JOINTS = LSP14.joints
STANDING = {"right_shoulder": (-10, -40), "left_shoulder": (10, -40), "right_hip": (-8, 20), "left_hip": (8, 20)}


class Upright:
    """Stands in for a network: it sees a person standing at an angle, and is the less sure the more that is turned."""

    def __init__(self, angle: float, at_best: float = 0.9) -> None:
        self.card: Any = SimpleNamespace(input_hw=(256, 192), heatmap_hw=(64, 48), padding=1.25, skeleton=LSP14)
        self.batch_size = 2
        self.angle, self.at_best, self.looks = angle, at_best, []

    def crop(self, _image: np.ndarray, transform: np.ndarray) -> np.ndarray:
        return transform

    def infer(self, crops: np.ndarray) -> np.ndarray:
        return crops

    def postprocess(self, crops: np.ndarray, transforms: np.ndarray) -> tuple[np.ndarray, ...]:
        turned = np.degrees(np.arctan2(transforms[:, 1, 0], transforms[:, 0, 0]))  # of the picture, clockwise
        self.looks += turned.tolist()
        off = np.abs((self.angle + turned + 180) % 360 - 180)
        scores = np.repeat((self.at_best - 0.5 * off / 180)[:, None], len(JOINTS), axis=1)
        # it is right about the axis in so far as it is sure, and takes who is upside down for somebody upright
        seen = np.where(off < 100, self.angle, -turned)
        keypoints = np.array([_person(angle) for angle in seen])
        return keypoints, scores, np.zeros(scores.shape)


def _person(angle: float) -> np.ndarray:
    """Joints (K, 2) about (100, 100) of somebody turned clockwise by degrees."""
    turn = np.radians(angle)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.array([STANDING.get(name, (0, 0)) for name in JOINTS]) @ rotate.T + 100


def _look(network: Upright, people: int = 1) -> tuple[np.ndarray, ...]:
    boxes = np.tile([60.0, 40.0, 140.0, 160.0], (people, 1))
    return look_at_any_angle(cast(Looking, network), np.zeros((200, 200, 3), np.uint8), boxes)


@given(angle=st.floats(-180, 180))
def test_axes_are_the_angles_that_people_were_turned_by(angle: float) -> None:
    (found,) = axes(_person(angle)[None], LSP14)
    assert (found - angle + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_a_skeleton_without_a_torso_has_no_axis() -> None:
    hand = Skeleton("hand", ("wrist", "thumb"))
    assert axes(np.ones((3, 2, 2)), hand).tolist() == [0, 0, 0]


def test_who_stands_is_looked_at_once() -> None:
    network = Upright(10)
    _look(network, people=3)
    assert network.looks == pytest.approx([0, 0, 0])


def test_a_sure_tilt_is_followed_by_one_look_along_it() -> None:
    network = Upright(50)
    keypoints, scores, _ = _look(network)
    assert network.looks == pytest.approx([0, -50])
    assert scores.mean() == pytest.approx(0.9)
    np.testing.assert_allclose(keypoints[0], _person(50))


@pytest.mark.parametrize("angle", [100, 170, -120, 180])
def test_who_is_turned_far_is_found_by_quarters(angle: float) -> None:
    network = Upright(angle)
    assert 0.9 - 0.5 * abs(angle) / 180 < SURE
    keypoints, scores, _ = _look(network)
    assert [round(look) % 360 for look in network.looks[:4]] == [0, 90, 180, 270]
    assert len(network.looks) == 5
    assert scores.mean() == pytest.approx(0.9)
    np.testing.assert_allclose(keypoints[0], _person(angle))


def test_a_turned_look_that_is_hardly_surer_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Upright(0, at_best=0.3)
    plain = network.postprocess

    def flat(crops: np.ndarray, transforms: np.ndarray) -> tuple[np.ndarray, ...]:
        keypoints, scores, spread = plain(crops, transforms)
        turned = np.abs(transforms[:, 1, 0]) + (transforms[:, 0, 0] < 0) > 1e-9
        return keypoints + 1000 * turned[:, None, None], 0 * scores + 0.3 + 0.9 * GAIN * turned[:, None], spread

    monkeypatch.setattr(network, "postprocess", flat)
    keypoints, _, _ = _look(network)
    np.testing.assert_allclose(keypoints[0], _person(0))


@pytest.mark.parametrize("angle", [50, 170, -120])
def test_a_known_axis_is_looked_along_first_and_once(angle: float) -> None:
    network = Upright(angle)
    boxes = np.array([[60.0, 40.0, 140.0, 160.0]])
    image = np.zeros((200, 200, 3), np.uint8)
    keypoints, scores, _ = look_at_any_angle(cast(Looking, network), image, boxes, np.array([angle + 10.0]))
    assert network.looks == pytest.approx([-angle - 10])
    assert scores.mean() == pytest.approx(0.9 - 0.5 * 10 / 180)
    np.testing.assert_allclose(keypoints[0], _person(angle))


def test_axes_of_the_frame_before_go_to_who_stands_there() -> None:
    def poses(angle: float, score: float, left: float) -> Poses:
        keypoints = _person(angle)[None] + (left, 0)
        box = np.array([[60.0 + left, 40.0, 140.0 + left, 160.0]])
        return Poses(keypoints, np.full((1, len(JOINTS)), score), box, np.ones(1), LSP14, (200, 900))

    boxes = np.array([[65.0, 45.0, 150.0, 160.0], [400.0, 40.0, 480.0, 160.0]])
    assert axes_before(poses(100, 0.9, 0), boxes) == pytest.approx([100, 0])
    assert axes_before(poses(100, 0.9, 335), boxes) == pytest.approx([0, 100])
    assert axes_before(poses(100, 0.5, 0), boxes).tolist() == [0, 0]  # nobody was sure
    assert axes_before(poses(20, 0.9, 0), boxes).tolist() == [0, 0]  # as good as upright
    assert axes_before(None, boxes).tolist() == [0, 0]
    assert axes_before(poses(100, 0.9, 0), np.empty((0, 4))).shape == (0,)


def test_in_a_video_who_hangs_is_searched_once(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leanpose.datasets.readers import read_samples
    from leanpose.estimate import any_angle

    pytest.importorskip("scipy")
    estimator = PoseEstimator("small", "onnxruntime", any_angle=True, detector=None)
    people = read_samples([f"lsp:{data_root}/lsp_dataset"], "val")[:12]
    person = max(people, key=lambda one: estimator(one.load_image(), one.box).scores.mean())  # surely known
    image = np.ascontiguousarray(np.rot90(person.load_image(), 2))
    height, width = image.shape[:2]
    box = np.array([width, height, width, height]) - 1 - person.box[[2, 3, 0, 1]]
    looks, plain = [], any_angle._look
    monkeypatch.setattr(any_angle, "_look", lambda *given: looks.append(given) or plain(*given))
    frames = list(estimator.stream([image] * 3, boxes=box, smooth=False))
    in_video = len(looks)
    first = estimator(image, box).keypoints
    alone = len(looks) - in_video
    assert alone >= 2
    assert in_video == alone + 2  # each later frame takes one look
    np.testing.assert_allclose(frames[0].keypoints, first, atol=1e-3)
    assert np.abs(frames[2].keypoints - first).max() < 0.1 * max(box[2:] - box[:2])


def test_nobody() -> None:
    network = Upright(0)
    found = look_at_any_angle(cast(Looking, network), np.zeros((9, 9, 3), np.uint8), np.empty((0, 4)))
    assert [len(part) for part in found] == [0, 0, 0]
    assert PoseEstimator("nano", any_angle=True, detector=None)(np.zeros((9, 9, 3), np.uint8), []).scores.shape == (
        0,
        19,
    )


def test_real_people_turned_by_quarters_are_found_again(data_root: Path) -> None:
    """Most joints of a turned picture are where those of the upright one are; without the option they are not."""
    from leanpose.datasets.readers import read_samples

    people = read_samples([f"lsp:{data_root}/lsp_dataset"], "val")[:24]
    same: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for any_angle, found in same.items():
        estimator = PoseEstimator("small", "onnxruntime", any_angle=any_angle, detector=None)
        for number, person in enumerate(people):
            image, side = person.load_image(), max(person.box[2:] - person.box[:2])
            upright = estimator(image, person.box).keypoints[0]
            turned, back = np.rot90(image, 1 + number % 3), np.eye(3)
            for _ in range(1 + number % 3):
                back = np.array([[0, 1, 0], [-1, 0, image.shape[1] - 1], [0, 0, 1]]) @ back
                image = np.rot90(image)
            corners = geometry.apply(back[:2], person.box.reshape(2, 2))
            box = np.concatenate((corners.min(axis=0), corners.max(axis=0)))
            away = estimator(np.ascontiguousarray(turned), box).keypoints[0] - geometry.apply(back[:2], upright)
            found.append(np.linalg.norm(away, axis=-1) < 0.1 * side)
    assert np.mean(same[True]) > np.mean(same[False]) + 0.15
    assert np.mean(same[True]) > 0.75


def test_it_is_said() -> None:
    assert PoseEstimator("nano", any_angle=True, detector=None).describe().endswith("any angle")
