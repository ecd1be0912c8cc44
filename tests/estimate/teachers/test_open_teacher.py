"""What a spec means, and what is said where it means nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leanpose.core.errors import EngineError, ModelError
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.teachers import is_teacher, open_teacher, teacher_name
from leanpose.estimate.teachers.agreement import Agreement
from leanpose.estimate.teachers.blazepose import BlazePose
from leanpose.estimate.teachers.heatmaps import Heatmaps
from leanpose.estimate.teachers.movenet import MoveNet
from leanpose.estimate.teachers.own import OwnModel
from leanpose.estimate.teachers.simcc import SimCC

from . import networks

MAKERS = {
    "movenet": (networks.movenet, MoveNet),
    "blazepose": (networks.blazepose, BlazePose),
    "heatmaps": (networks.heatmaps, Heatmaps),
    "simcc": (networks.simcc, SimCC),
}
F32: dict[str, Any] = {"precision": "f32", "engine": "onnxruntime"}


@pytest.mark.parametrize("layout", MAKERS)
def test_layouts_are_recognised_or_named(tmp_path: Path, layout: str) -> None:
    make, kind = MAKERS[layout]
    path = make(tmp_path / "some net.onnx")
    for spec in (str(path), f"{layout}:{path}"):
        teacher = open_teacher(spec, threads=1, **F32)
        assert type(teacher) is kind
        assert teacher.name == "some net"
        assert teacher.describe().startswith("model some net, engine onnxruntime f32, 1 thread, flip test off")
        assert (teacher.engine.name, teacher.engine.precision) == ("onnxruntime", "f32")
        assert is_teacher(spec)


def test_a_name_is_not_taken_for_another_layout(tmp_path: Path) -> None:
    path = networks.movenet(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"net.onnx is not of layout 'simcc': it has inputs image \(1, 64, 64, 3\)"):
        open_teacher(f"simcc:{path}", **F32)


@pytest.mark.parametrize("joints", [14, 20])
@pytest.mark.parametrize("make", [networks.heatmaps, networks.simcc])
def test_joints_that_nobody_knows_are_not_guessed(tmp_path: Path, make: Callable[..., Path], joints: int) -> None:
    with pytest.raises(ModelError, match="of none of the layouts movenet, blazepose, heatmaps, simcc: it has inputs"):
        open_teacher(str(make(tmp_path / "net.onnx", joints=joints)), **F32)


def test_options_reach_the_teacher(tmp_path: Path) -> None:
    path = networks.movenet(tmp_path / "net.onnx")
    assert open_teacher(f"{path},padding=1.4", **F32).padding == 1.4
    pose = open_teacher(f"{networks.blazepose(tmp_path / 'pose.onnx')},looks=1,padding=1.3", **F32)
    assert isinstance(pose, BlazePose)
    assert (pose.looks, pose.padding) == (1, 1.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (",size=3", r"net.onnx: unknown option 'size': those of heatmaps are padding, cells"),
        (",padding=wide", r"net.onnx: option padding cannot be 'wide': give a float"),
        (",padding=0", r"net.onnx: padding must be above 0, not 0.0"),
        (",cells=corner", r"net.onnx: cells are one of hrnet, udp, not 'corner'"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: str, message: str) -> None:
    path = networks.heatmaps(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=message):
        open_teacher(f"{path}{options}", **F32)


def test_our_own_models_are_teachers_too(dot_model: Callable[..., Path], dots: Callable[..., np.ndarray]) -> None:
    path = dot_model()
    assert not is_teacher(str(path))
    assert not is_teacher("nano")
    assert not is_teacher("nanodet:people.pb")  # a detector, by its layout
    teacher = open_teacher(str(path), **F32)
    assert isinstance(teacher, OwnModel)
    assert (teacher.name, teacher.input_hw, teacher.padding) == ("dots", (96, 64), 1.25)
    image, boxes = dots(120, 160, [(60, 50), (70, 80), (80, 60)]), np.array([[40.0, 20, 100, 110]])
    estimator = PoseEstimator(path, "onnxruntime", "f32")
    keypoints, confidences = teacher(image, boxes)
    assert keypoints == pytest.approx(estimator(image, boxes).keypoints)
    assert keypoints[0] == pytest.approx(np.array([(60, 50), (70, 80), (80, 60)]), abs=0.2)
    assert confidences == pytest.approx(estimator(image, boxes).scores)
    assert teacher.describe() == estimator.describe()


def test_two_are_joined_by_a_plus(tmp_path: Path) -> None:
    one, two = networks.movenet(tmp_path / "one.onnx"), networks.simcc(tmp_path / "two.onnx")
    spec = f"movenet:{one},padding=1.2+{two}"
    both = open_teacher(spec, **F32)
    assert isinstance(both, Agreement)
    assert (both.first.padding, type(both.second)) == (1.2, SimCC)
    assert is_teacher(spec)
    assert teacher_name(spec) == "one padding=1.2+two"


@pytest.mark.parametrize("name", ["a+b.onnx", "c+/a.onnx"])
def test_a_plus_in_a_files_name_joins_nobody(tmp_path: Path, name: str) -> None:
    (tmp_path / "c+").mkdir()
    path = networks.movenet(tmp_path / name)
    assert open_teacher(f"movenet:{path}", **F32).name == path.stem
    assert teacher_name(f"movenet:{path}") == path.stem


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".pb"])
def test_files_that_are_not_there_or_damaged_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    with pytest.raises(ModelError, match=f"no {suffix} file at .*net{suffix}"):
        open_teacher(f"movenet:{path}")
    path.write_bytes(b"nothing of the kind")
    if suffix != ".onnx":
        pytest.importorskip("openvino")
    with pytest.raises(ModelError, match=rf"net{suffix} is damaged or not an? \S+ model"):
        open_teacher(f"movenet:{path}")


def test_files_that_only_openvino_reads_say_so(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"")
    with pytest.raises(EngineError, match=r"only OpenVINO reads .*net.tflite, not onnxruntime: pip install"):
        open_teacher(str(tmp_path / "net.tflite"), engine="onnxruntime")


@pytest.mark.parametrize("spec", ["nosuch", "person", "movenet:", "x+y"])
def test_what_is_no_pose_model_is_refused(spec: str) -> None:
    with pytest.raises(ModelError):
        open_teacher(spec)


def test_an_unknown_network_without_a_card_is_no_teacher(tmp_path: Path) -> None:
    """It is a detector then, or nothing: not for us to say."""
    assert not is_teacher(str(networks.heatmaps(tmp_path / "net.onnx", joints=14)))
