"""Which models are opened, by which names and with what."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from leanpose.benchmark.scene import open_scene
from leanpose.benchmark.selection import BASELINES, open_subjects
from leanpose.benchmark.subjects import label
from leanpose.core.errors import BenchmarkError, ModelError

from ..estimate.teachers import networks

DotModel = Callable[..., Path]


def test_each_combination_is_opened_once(dot_model: DotModel, tmp_path: Path) -> None:
    """ONNX Runtime is f32 by itself and has no bf16 on CPUs."""
    path = str(dot_model(macs=5000, params=7))
    subjects, left_out = open_subjects([path, path], ["onnxruntime"], ["auto", "f32", "bf16"], tmp_path)
    assert [label(subject) for subject in subjects] == ["dots, onnxruntime f32"]
    assert list(left_out) == ["dots, onnxruntime bf16"]
    subject = subjects[0]
    assert (subject.macs, subject.params, subject.input_hw) == (5000, 7, (96, 64))


def test_a_flip_test_is_twice_the_work(dot_model: DotModel, tmp_path: Path) -> None:
    path = str(dot_model(split=True, macs=5000))
    (subject,), _ = open_subjects([path], ["onnxruntime"], ["f32"], tmp_path, flip_test=True)
    assert label(subject) == "dots, onnxruntime f32, flip test"
    assert subject.macs == 10_000


def test_parts_do_what_the_whole_does(dot_model: DotModel, tmp_path: Path) -> None:
    """The parts of the way one after the other are the whole way, for the first frame."""
    (subject,), _ = open_subjects([str(dot_model())], ["onnxruntime"], ["f32"], tmp_path)
    parts = subject.parts(open_scene())
    assert list(parts) == ["end to end", "preprocess", "model", "postprocess", "crop to joints"]
    keypoints, scores, _ = parts["postprocess"]()  # type: ignore[misc]
    poses = parts["end to end"]()
    assert poses.keypoints == pytest.approx(keypoints, abs=1e-3)  # type: ignore[attr-defined]
    assert poses.scores == pytest.approx(scores, abs=1e-5)  # type: ignore[attr-defined]
    again, _, _ = parts["crop to joints"]()  # type: ignore[misc]
    assert np.array_equal(again, keypoints)
    moved = parts["end to end"]()  # the next frame
    assert not np.allclose(moved.keypoints, keypoints)  # type: ignore[attr-defined]
    batch = subject.batch(open_scene(), 3, "throughput")
    assert batch
    assert batch().shape == (3, 3, 24, 16)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("models", "engines", "precisions", "message"),
    [
        (["dots"], ["onnxruntine"], ["auto"], "unknown engine 'onnxruntine'"),
        (["dots"], ["auto"], ["f64"], "unknown precision 'f64'"),
        (["dots"], ["onnxruntime"], ["bf16"], "nothing to measure: dots, onnxruntime bf16: onnxruntime computes in"),
        ([], ["auto"], ["auto"], "no model is given"),
    ],
)
def test_nonsense_is_refused(
    dot_model: DotModel, tmp_path: Path, models: list[str], engines: list[str], precisions: list[str], message: str
) -> None:
    models = [str(dot_model()) for _ in models]
    with pytest.raises(BenchmarkError, match=message):
        open_subjects(models, engines, precisions, tmp_path)  # type: ignore[arg-type]


def test_models_that_are_not_there_are_refused(tmp_path: Path) -> None:
    for model in ("nosuch", str(tmp_path / "nosuch.onnx"), str(tmp_path / "nosuch.ckpt")):
        with pytest.raises(ModelError, match="nosuch"):
            open_subjects([model], ["auto"], ["auto"], tmp_path)


def test_two_files_of_one_name_are_refused(dot_model: DotModel, tmp_path: Path) -> None:
    first = dot_model()
    other = tmp_path / "other"
    other.mkdir()
    for suffix in (".onnx", ".json"):
        (other / f"dots{suffix}").write_bytes(first.with_suffix(suffix).read_bytes())
    with pytest.raises(BenchmarkError, match="would both be called 'dots'"):
        open_subjects([str(first), str(other / "dots.onnx")], ["onnxruntime"], ["f32"], tmp_path)


@pytest.mark.skipif(find_spec("torch") is None or find_spec("onnxscript") is None, reason="needs the extra train")
def test_networks_of_the_papers_are_exported_untrained(tmp_path: Path) -> None:
    """The soft-gated one printed with 0.85 M parameters for MPII's 16 joints, at a quarter of its area."""
    from leanpose.models import REGISTRY, create_model
    from leanpose.models.complexity import complexity

    assert set(BASELINES) <= set(REGISTRY)
    (subject,), _ = open_subjects(["softgate_1x68"], ["onnxruntime"], ["f32"], tmp_path, input_hw=(128, 128))
    counted = complexity(create_model("softgate_1x68", 14), (128, 128))
    assert label(subject) == "softgate_1x68, onnxruntime f32"
    assert (subject.params, subject.macs, subject.input_hw) == (counted.params, counted.macs, (128, 128))
    assert subject.scores == ()
    batch = subject.batch(open_scene(), 2, "latency")
    assert batch
    assert np.isfinite(batch()).all()  # type: ignore[arg-type]


def test_other_projects_networks_take_part_from_image_to_joints(dot_model: DotModel, tmp_path: Path) -> None:
    """By name or by their ports; what is done to the crop is theirs, so only the whole way is timed."""
    one, two = networks.movenet(tmp_path / "one.onnx"), networks.blazepose(tmp_path / "two.onnx")
    models = [str(dot_model()), f"movenet:{one}", str(two), f"blazepose:{two},looks=1"]
    subjects, left_out = open_subjects(models, ["onnxruntime"], ["f32", "bf16"], tmp_path, threads=1)
    names = ["dots", "one", "two", "two looks=1"]
    assert [label(subject) for subject in subjects] == [f"{name}, onnxruntime f32" for name in names]
    assert list(left_out) == [f"{name}, onnxruntime bf16" for name in names]
    peer = subjects[1]
    assert (peer.wanted.kind, peer.input_hw, peer.params, peer.scores) == ("peer", (64, 64), None, ())
    assert peer.note.startswith("model one, engine onnxruntime f32, 1 thread")
    scene = open_scene()
    parts = peer.parts(scene)
    assert list(parts) == ["end to end"]
    whole, confidences = parts["end to end"]()  # type: ignore[misc]
    assert (whole.shape, confidences.shape) == ((1, 17, 2), (1, 17))
    frames, boxes = scene.frames(1)
    answer, _ = peer.answer(frames[0], boxes[0])  # type: ignore[misc]
    assert np.array_equal(answer, whole)
    assert peer.batch(scene, 4, "latency") is None
