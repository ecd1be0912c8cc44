"""A detector's way from training to ONNX, on painted people that it can learn in a few steps."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.core.errors import ExportError, ModelError
from leanpose.engines.card_file import file_sha256
from leanpose.engines.detector_card import DetectorCard
from leanpose.estimate.detector import PersonDetector
from leanpose.training.checkpoint import load_checkpoint, read_checkpoint
from leanpose.training.detector_checkpoint import check_detector, export_detector, load_detector
from leanpose.training.recipes import override, recipe_named
from leanpose.training.run import train


@pytest.fixture(scope="module")
def boxes_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(40):
        picture = rng.integers(0, 60, (128, 128, 3), dtype=np.uint8)
        x, y = rng.integers(0, 60, 2).tolist()
        picture[y : y + 60, x : x + 32] = 230
        cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 128})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [x, y, 32, 60]})
    file = folder / "boxes.json"
    file.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]})
    )
    return file


@pytest.fixture(scope="module")
def run_folder(boxes_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "person"
    small = [
        "model_args.width=16", "input_hw=[128,128]", "early_input_hw=null", "batch_size=4", "epoch_batches=10",
        "epochs=2", "warmup_epochs=0", "frozen_epochs=0", "repeats.boxes=2", "starts_from=null",
        "lr=0.003", "ema=0.5",
    ]  # fmt: skip
    train(
        override(recipe_named("person_detector"), small),
        [f"boxes:{boxes_file}"],
        out,
        accelerator="cpu",
        workers=0,
        progress=False,
    )
    return out


@pytest.mark.filterwarnings("ignore")
def test_training_writes_a_checkpoint_that_resumes_and_exports(
    run_folder: Path, boxes_file: Path, tmp_path: Path
) -> None:
    stored = read_checkpoint(run_folder / "last.ckpt")
    assert (stored.recipe.task, stored.skeleton, stored.datasets, stored.finished) == ("person", None, ["boxes"], True)
    card = export_detector(run_folder / "best.ckpt", tmp_path / "own.onnx")
    assert (card.layout, card.input_side, card.input_multiple) == ("leanpose", 128, 64)
    detector = PersonDetector(tmp_path / "own.onnx", engine="onnxruntime", threshold=0.0, nms_iou=1.0)
    image = cv2.imread(str(boxes_file.parent / "images" / "3.png"))
    assert image is not None
    found = detector(image)
    # the same by hand: 128 px is the input's own size, so nothing is scaled
    loaded = load_detector(run_folder / "best.ckpt")
    normal = (image.astype(np.float32) - np.float32(card.mean)) / np.float32(card.std)
    with torch.inference_mode():
        rows = loaded.net(torch.from_numpy(normal.transpose(2, 0, 1)[None]))[0].numpy()
    best = rows[0]
    assert found[0, 4] == pytest.approx(best[4], abs=1e-4)
    np.testing.assert_allclose(found[0, :4], np.clip(best[:4], -0.5, 127.5), atol=0.05)


def test_a_detector_that_was_exported_wrong_is_not_kept(run_folder: Path, tmp_path: Path) -> None:
    other = load_detector(run_folder / "best.ckpt").net
    export_detector(run_folder / "best.ckpt", tmp_path / "own.onnx")
    with torch.no_grad():
        other.network.sides.bias += 1  # type: ignore[operator]
        other.network.centre.bias += 6  # type: ignore[operator]
    with pytest.raises(ExportError, match="network and export differ"):
        check_detector(other, tmp_path / "own.onnx")
    with pytest.raises(ExportError, match=r"NAME\.onnx"):
        export_detector(run_folder / "best.ckpt", tmp_path / "own.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.json", "own.onnx"]


@pytest.mark.parametrize("options", [["--model", "softgate_1x64_fast"], ["--input", "128x128"]])
@pytest.mark.parametrize("name", ["own.onnx", "own.safetensors"])
def test_options_for_pose_networks_are_refused(run_folder: Path, tmp_path: Path, options: list[str], name: str) -> None:
    run = ["export", str(run_folder / "best.ckpt"), "--out", str(tmp_path / name), *options]
    result = CliRunner().invoke(app, run, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert f"{options[0]} does not go with a person detector's checkpoint" in result.output
    assert not list(tmp_path.iterdir())


def test_pose_and_person_checkpoints_are_not_taken_for_each_other(run_folder: Path) -> None:
    with pytest.raises(ModelError, match="person detector"):
        load_checkpoint(run_folder / "best.ckpt")


def test_a_detector_starts_with_the_trunk_of_a_pose_network_or_with_another_detector(
    run_folder: Path, tmp_path: Path
) -> None:
    from leanpose.models.person import PersonNet
    from leanpose.training.transfer import start_detector_with

    weights = Path(__file__).parents[2] / "weights/softgate_1x128_lsp.safetensors"
    network = PersonNet(128)
    start_detector_with(network, weights)
    from safetensors.torch import load_file

    state = load_file(weights)
    assert torch.equal(network.stem[0].weight, state["stem.0.weight"].float())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="other weights"):
        start_detector_with(PersonNet(64), weights)
    again = PersonNet(16)
    start_detector_with(again, run_folder / "best.ckpt")
    trained = load_detector(run_folder / "best.ckpt").net.network
    assert torch.equal(again.centre.weight, trained.centre.weight)
    kept = tmp_path / "kept.safetensors"
    assert CliRunner().invoke(app, ["export", str(run_folder / "best.ckpt"), "--out", str(kept)]).exit_code == 0
    card = DetectorCard.load(kept.with_suffix(".json"))
    assert (card.precision, card.sha256) == ("f16", file_sha256(kept))
    from_half = PersonNet(16)
    start_detector_with(from_half, kept)
    for name, tensor in from_half.state_dict().items():
        torch.testing.assert_close(tensor, trained.state_dict()[name], rtol=1e-3, atol=1e-7)
