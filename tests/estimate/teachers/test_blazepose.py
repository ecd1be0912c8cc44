"""BlazePose's two looks, on dots and on landmarks that lie at known places of the crop."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import ModelError
from leanpose.estimate.teachers import open_teacher
from leanpose.estimate.teachers.blazepose import own_squares

from . import networks

Draw = Callable[..., np.ndarray]
BOX = np.array([[100.0, 60, 220, 260]])  # 200 high, its middle at (160, 160)
HIPS = np.array([160.0, 170])
NOSE, LEFT_EYE = 0, 1
CROP = 256


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def opened(path: Path, options: str = ""):
    return open_teacher(f"blazepose:{path}{options}", precision="f32", engine="onnxruntime")


def dots_at(dots: Draw, hips: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Hips in green and the top in red, as the network of the tests looks for them."""
    return dots(360, 360, [None, tuple(hips), tuple(top)], sigma=5.0)


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize("degrees", [0, 35, 90, 180, 250])
def test_dots_are_found_however_the_person_is_turned(dots: Draw, tmp_path: Path, degrees: float, looks: int) -> None:
    top = HIPS + 70 * np.array([np.sin(np.deg2rad(degrees)), -np.cos(np.deg2rad(degrees))])
    teacher = opened(networks.blazepose(tmp_path / "pose.onnx"), f",looks={looks}")
    keypoints, confidences = teacher(dots_at(dots, HIPS, top), BOX)
    at = {0: top, 1: HIPS}
    for k in range(17):
        if k % 3 in at:
            assert keypoints[0, k] == pytest.approx(at[k % 3], abs=0.3)
    assert confidences == pytest.approx(np.full((1, 17), sigmoid(2) * sigmoid(1) * 0.9), abs=1e-5)


@pytest.mark.parametrize("degrees", [0, 35, 90, 180, 250])
def test_the_second_square_stands_on_the_hips_and_looks_up(dots: Draw, tmp_path: Path, degrees: float) -> None:
    """A landmark that always lies on the right edge of the crop, in its middle, is 1.25 radii to the person's side."""
    up = np.array([np.sin(np.deg2rad(degrees)), -np.cos(np.deg2rad(degrees))])
    top, right = HIPS + 70 * up, np.array([-up[1], up[0]])
    fixed = {0: (CROP, CROP / 2), 2: (CROP / 2, 0)}
    teacher = opened(networks.blazepose(tmp_path / "pose.onnx", fixed=fixed))
    keypoints, _ = teacher(dots_at(dots, HIPS, top), BOX)
    assert keypoints[0, NOSE] == pytest.approx(HIPS + 1.25 * 70 * right, abs=0.6)
    assert keypoints[0, LEFT_EYE] == pytest.approx(HIPS + 1.25 * 70 * up, abs=0.6)


@pytest.mark.parametrize(
    ("hips", "top", "why"),
    [
        ((160, 170), (160, 140), "30 px where a person of this box has 100"),
        ((50, 170), (50, 100), "hips left of the box by more than 0.3 of its width"),
    ],
)
def test_a_square_that_is_no_persons_is_not_looked_at(
    dots: Draw, tmp_path: Path, hips: tuple, top: tuple, why: str
) -> None:
    """The answer is that of the first look then: an upright square of 1.25 times the box's height."""
    teacher = opened(networks.blazepose(tmp_path / "pose.onnx", fixed={0: (CROP, CROP / 2)}))
    keypoints, _ = teacher(dots_at(dots, np.array(hips), np.array(top)), BOX)
    assert keypoints[0, NOSE] == pytest.approx((160 + 125, 160), abs=1e-3), why


def test_a_second_look_of_one_person_leaves_the_other_alone(dots: Draw, tmp_path: Path) -> None:
    fixed = {0: (CROP, CROP / 2)}
    teacher = opened(networks.blazepose(tmp_path / "pose.onnx", fixed=fixed))
    image = np.concatenate((dots_at(dots, HIPS, np.array([160.0, 100])), np.zeros((360, 360, 3), np.uint8)), axis=1)
    keypoints, _ = teacher(image, np.concatenate((BOX, BOX + np.array([360, 0, 360, 0]))))
    assert keypoints[0, NOSE] == pytest.approx((160 + 1.25 * 70, 170), abs=0.6)
    assert keypoints[1, NOSE] == pytest.approx((520 + 125, 160), abs=1e-3)


@given(
    hips=st.tuples(*[st.floats(-50, 50)] * 2), angle=st.floats(0, 360), radius=st.floats(1, 400),
    side=st.floats(20, 300),
)  # fmt: skip
def test_own_squares_follow_their_definition(hips: tuple, angle: float, radius: float, side: float) -> None:
    """Turned by the angle that is answered, the top comes to lie above the hips."""
    up = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    at = np.array(hips)
    box = np.array([0, 0, side / 2, side])
    (square,), (turn,), (usable,) = own_squares(at[None], (at + radius * up)[None], box[None])
    assert square == pytest.approx([*(at - radius), *(at + radius)], abs=1e-6)
    a = np.deg2rad(turn)
    turned = up[0] * np.cos(a) - up[1] * np.sin(a), up[0] * np.sin(a) + up[1] * np.cos(a)
    assert turned == pytest.approx((0, -1), abs=1e-6)
    inside = all(-0.3 * s < h < 2 * s for h, s in zip(hips, (side / 2, side), strict=True))
    assert usable == (0.35 < 2 * radius / side < 3 and inside)


def test_landmarks_in_one_place_are_looked_at_once() -> None:
    _, turns, usable = own_squares(np.array([[5.0, 5]]), np.array([[5.0, 5]]), np.array([[0.0, 0, 10, 10]]))
    assert np.isfinite(turns).all()
    assert not usable.any()


def test_less_than_one_look_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"pose.onnx: 0 looks"):
        opened(networks.blazepose(tmp_path / "pose.onnx"), ",looks=0")
