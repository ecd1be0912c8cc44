"""Teachers that look once, on dots whose places in the image are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from leanpose.core.errors import BoxError, ModelError
from leanpose.estimate.teachers import open_teacher
from leanpose.estimate.teachers.one_look import OneLook
from leanpose.pose.skeleton import COCO17, HALPE26

from . import networks

Draw = Callable[..., np.ndarray]
Made = Callable[..., Path]

# Boxes of two people: one tall, one wide that reaches over the image's edge, and their dots in blue, green and red.
BOXES = np.array([[30.0, 25, 110, 225], [230, 60, 420.5, 140]])
DOTS = np.array([[[52.3, 60.2], [80.0, 130.75], [71.6, 201.1]], [[262.4, 80.3], [300.2, 121.8], [372.9, 99.5]]])


@pytest.fixture
def image(dots: Draw) -> np.ndarray:
    """Both people, 256 high and 400 wide."""
    people = [dots(256, 400, [tuple(dot) for dot in person], sigma=5.0) for person in DOTS]
    return np.maximum(*people)


def expected(joints: int) -> np.ndarray:
    """The places (2, K, 2) of joints of which number k lies on channel k % 3 of the RGB crop."""
    return DOTS[:, [2 - k % 3 for k in range(joints)]]


def opened(spec: object):
    return open_teacher(str(spec), precision="f32", engine="onnxruntime")


@pytest.mark.parametrize("element", [TensorProto.INT32, TensorProto.FLOAT, TensorProto.UINT8])
@pytest.mark.parametrize("side", [64, 192])
def test_movenet_counts_shares_of_a_square_from_its_edge(
    image: np.ndarray, tmp_path: Path, element: int, side: int
) -> None:
    """Half a pixel of the crop, had it been forgotten, would be 1.8 pixels of the first person at side 64."""
    teacher = opened(f"movenet:{networks.movenet(tmp_path / 'dots.onnx', side, element, score=0.7)}")
    keypoints, confidences = teacher(image, BOXES)
    assert keypoints == pytest.approx(expected(17), abs=0.35)
    assert confidences == pytest.approx(np.full((2, 17), 0.7))
    assert (teacher.name, teacher.skeleton, teacher.input_hw, teacher.padding) == ("dots", COCO17, (side, side), 1.15)


@pytest.mark.parametrize(
    ("make", "options", "joints"),
    [
        (networks.heatmaps, {}, 17),
        (networks.heatmaps, {"batch": 1}, 17),
        (networks.heatmaps, {"batch": 4}, 17),
        (networks.heatmaps, {"hw": (256, 256)}, 17),
        (networks.heatmaps, {"joints": 26}, 26),
        (networks.heatmaps, {"joints": 133}, 17),
        (networks.heatmaps, {"cells": "udp"}, 17),
        (networks.simcc, {}, 17),
        (networks.simcc, {"hw": (256, 256)}, 17),
        (networks.simcc, {"joints": 26}, 26),
        (networks.simcc, {"joints": 133}, 17),
        (networks.simcc, {"swapped": True}, 17),
    ],
)
def test_crops_as_hrnet_cuts_them_lead_back_to_the_image(
    image: np.ndarray, tmp_path: Path, make: Made, options: dict, joints: int
) -> None:
    """Recognised without being told, but for where cells lie, which no file says."""
    cells = ",cells=udp" if options.get("cells") == "udp" else ""
    teacher = opened(f"{make(tmp_path / 'net.onnx', **options)}{cells}")
    keypoints, confidences = teacher(image, BOXES)
    assert keypoints == pytest.approx(expected(joints), abs=0.5)
    assert teacher.skeleton is (HALPE26 if joints == 26 else COCO17)
    assert (confidences > 0.8).all()
    assert (confidences <= 1).all()


def test_the_places_of_cells_matter(image: np.ndarray, tmp_path: Path) -> None:
    """At the right of a crop of 192 pixels UDP's last cell lies three pixels further out than HRNet's."""
    path = networks.heatmaps(tmp_path / "net.onnx", "udp")
    right, wrong = (opened(f"{path},cells={cells}")(image, BOXES)[0] for cells in ("udp", "hrnet"))
    per_pixel = (200 * 1.25 / 256, 190.5 * 1.25 / 192)  # image pixels per pixel of the crop, of each person
    for person, zoom in enumerate(per_pixel):
        box = BOXES[person]
        from_left = (expected(17)[person, :, 0] - (box[0] + box[2]) / 2) / zoom + 95.5
        assert right[person, :, 0] - wrong[person, :, 0] == pytest.approx(from_left / 191 * 3 * zoom, abs=0.25)


@pytest.mark.parametrize("make", [networks.movenet, networks.heatmaps, networks.simcc, networks.blazepose])
def test_nobody_is_nobody_and_one_is_as_in_company(image: np.ndarray, tmp_path: Path, make: Made) -> None:
    teacher = opened(make(tmp_path / "net.onnx"))
    keypoints, confidences = teacher(image, np.zeros((0, 4)))
    assert (keypoints.shape, confidences.shape) == ((0, 17, 2), (0, 17))
    together = teacher(image, BOXES)
    alone = [teacher(image, box[None]) for box in BOXES]
    for i in range(2):
        assert np.concatenate([answer[i] for answer in alone]) == pytest.approx(together[i], abs=1e-3)
    with pytest.raises(BoxError, match="box 1"):
        teacher(image, np.array([[0, 0, 50, 50], [40, 40, 20, 80.0]]))


def test_openvino_reads_its_own_kind_of_file(image: np.ndarray, tmp_path: Path) -> None:
    """What is true of .xml is true of .tflite and .pb: only OpenVINO reads them."""
    openvino = pytest.importorskip("openvino")
    networks.movenet(tmp_path / "dots.onnx", 64)
    openvino.save_model(openvino.Core().read_model(tmp_path / "dots.onnx"), tmp_path / "dots.xml", False)
    keypoints, _ = open_teacher(str(tmp_path / "dots.xml"), threads=1, precision="f32")(image, BOXES)
    assert keypoints == pytest.approx(expected(17), abs=0.35)


@pytest.mark.parametrize(("make", "answers"), [(networks.heatmaps, [(2, 14, 64, 48)]), (networks.simcc, [(2, 17)] * 2)])
def test_answers_that_the_file_did_not_promise_are_refused(tmp_path: Path, make: Made, answers: list) -> None:
    teacher = opened(make(tmp_path / "net.onnx"))
    assert isinstance(teacher, OneLook)
    with pytest.raises(ModelError, match=r"net.onnx answers \(2, 1.* are not the 17 of coco17"):
        teacher.locate([np.zeros(shape) for shape in answers])
