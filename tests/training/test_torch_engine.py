"""Weights with a card are a model: what a training stored, and what was imported from others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from leanpose import PoseEstimator
from leanpose.cli import app
from leanpose.core.decode import decode
from leanpose.engines import create_engine
from leanpose.engines.card import ModelCard
from leanpose.models import create_model
from leanpose.models.import_weights import import_weights
from leanpose.pose.skeleton import LSP14
from leanpose.training.checkpoint import load_checkpoint, save_weights
from leanpose.training.recipes import Recipe
from leanpose.training.run import train
from leanpose.training.trained import open_trained
from leanpose.training.transfer import start_with

from ..models.test_onnx import randomise


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_stored_weights_answer_as_their_checkpoint_does(
    loss: str, small_recipe: Recipe, made_pack: Path, tmp_path: Path
) -> None:
    recipe = replace(small_recipe, loss=loss, epochs=1, name="softgate_lsp")  # a name that says another loss
    train(recipe, [f"pack:{made_pack}"], tmp_path, workers=0, progress=False)
    weights = tmp_path / "weights.safetensors"
    save_weights(tmp_path / "last.ckpt", weights)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected = load_checkpoint(tmp_path / "last.ckpt").net(images)
        again = open_trained(str(weights))
        torch.testing.assert_close(again.net(images), expected, rtol=0.02, atol=2e-3)  # stored in half precision
    assert again.recipe.loss == loss
    assert again.recipe.model_args == recipe.model_args
    assert PoseEstimator(weights)(np.zeros((40, 30, 3), np.uint8), whole_image=True).keypoints.shape == (1, 14, 2)
    onnx = tmp_path / "exported.onnx"
    result = CliRunner().invoke(app, ["export", str(weights), "--out", str(onnx)])
    assert result.exit_code == 0, result.output
    answer = create_engine(onnx, engine="onnxruntime", precision="f32")(images.numpy())
    with torch.no_grad():
        np.testing.assert_allclose(answer, again.net(images.clone()).numpy(), atol=1e-4)
    cards = [ModelCard.load(tmp_path / name) for name in ("weights.json", "exported.json")]
    assert [card.precision for card in cards] == ["f16", "f32"]


@pytest.fixture(scope="module")
def published_lpn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As LPN's code saves it: this network's own keys are the published ones."""
    torch.manual_seed(0)
    network = create_model("lpn_50", 17)
    randomise(network, torch.randn(4, 3, 256, 192))
    path = tmp_path_factory.mktemp("lpn") / "lpn_50_256x192.pth"
    torch.save(network.state_dict(), path)
    return path


def test_an_imported_network_predicts_as_its_code_would(published_lpn: Path, tmp_path: Path) -> None:
    out = tmp_path / "lpn.safetensors"
    import_weights(published_lpn, "lpn_50", out=out)
    estimator = PoseEstimator(out)
    card = estimator.card
    assert (card.skeleton.name, card.input_hw, card.color) == ("coco17", (256, 192), "bgr")
    assert (card.cell_offset, card.flip_shift, card.decode) == (0, 1, "lpn")
    network = create_model("lpn_50", 17).eval()
    network.load_state_dict(torch.load(published_lpn, weights_only=True))
    image = np.random.default_rng(0).integers(0, 255, (256, 192, 3), np.uint8)
    box = np.array([[-0.5, -0.5, 191.5, 255.5]])
    crops, _ = estimator.preprocess(image, box)
    pixels = (crops.transpose(0, 3, 1, 2) - np.reshape(card.mean, (3, 1, 1))) / np.reshape(card.std, (3, 1, 1))
    with torch.inference_mode():
        maps = network(torch.from_numpy(pixels.astype(np.float32)))[-1].numpy()
    cells, _ = decode(maps, "beta", beta=160, extra_shift=True)
    assert np.ptp(cells) > 10
    transforms = estimator._transforms(box)  # its way back is tested beside it
    expected = (4 * cells[0] - transforms[0, :, 2]) / np.diag(transforms[0, :, :2])
    found = estimator(image, boxes=box).keypoints[0]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_weights_are_exported_as_they_are(published_lpn: Path, tmp_path: Path) -> None:
    out = tmp_path / "lpn.safetensors"
    import_weights(published_lpn, "lpn_50", out=out)
    for words, message in (
        (["--input", "128x128", "--out", "other.onnx"], "only a checkpoint is exported"),
        ([], "its card would take the place"),
        (["--out", "other.safetensors"], "weights to train on from already"),
    ):
        result = CliRunner().invoke(app, ["export", str(out), *words])
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())


def test_a_card_without_joint_names_is_not_mirrored(tmp_path: Path) -> None:
    torch.save(create_model("lpn_50", 5).state_dict(), tmp_path / "five.pth")
    import_weights(tmp_path / "five.pth", "lpn_50", out=tmp_path / "five.safetensors", input_hw=(128, 128))
    card = ModelCard.load(tmp_path / "five.json")
    assert (card.input_hw, len(card.skeleton), card.skeleton.flippable) == ((128, 128), 5, False)


def test_a_classifier_gives_a_backbone_to_start_with(small_recipe: Recipe, tmp_path: Path) -> None:
    published = create_model("simplebaseline_r50", 14)
    below = {k.removeprefix("backbone."): v for k, v in published.state_dict().items() if k.startswith("backbone.")}
    torch.save(below | {"fc.weight": torch.ones(1000, 2048), "fc.bias": torch.ones(1000)}, tmp_path / "resnet50.pth")
    import_weights(tmp_path / "resnet50.pth", "simplebaseline_r50", out=tmp_path / "r50.safetensors", backbone=True)
    network = create_model("simplebaseline_r50", 14)
    built = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    recipe = replace(small_recipe, model="simplebaseline_r50", model_args={})
    start_with(network, recipe, LSP14, tmp_path / "r50.safetensors")
    for name, tensor in network.state_dict().items():
        source = published.state_dict() if name.startswith("backbone.") else built
        assert torch.equal(tensor, source[name]), name
