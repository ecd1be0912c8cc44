"""Training runs: what is written, exact resumption, and how a broken run ends."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from leanpose.checkpoint import load_checkpoint, load_weights, save_weights
from leanpose.data.augment import Augmentation
from leanpose.errors import ModelError, TrainingError
from leanpose.models import create_model
from leanpose.training.module import PoseModule
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

CPU = {"accelerator": "cpu", "workers": 0, "progress": False}


def _equal(a: object, b: object, where: str = "") -> None:
    if isinstance(a, torch.Tensor):
        assert isinstance(b, torch.Tensor)
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert isinstance(b, dict)
        assert a.keys() == b.keys(), where
        for key in a:
            _equal(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert isinstance(b, list | tuple)
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _equal(x, y, f"{where}/{i}")
    else:
        assert a == b, where


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    data = [f"pack:{made_pack}"]
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    train(small_recipe, data, straight, **CPU)
    train(small_recipe, data, broken, max_epochs=2, **CPU)
    train(small_recipe, data, broken, resume=True, **CPU)
    a, b = (torch.load(run / "last.ckpt", weights_only=True) for run in (straight, broken))
    assert a["epoch"] == b["epoch"] == 3
    assert a["global_step"] == b["global_step"] == 8
    for part in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
        _equal(a[part], b[part], part)


def test_a_run_leaves_logs_and_a_checkpoint_of_averaged_weights(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe
) -> None:
    best = train(small_recipe, [f"pack:{made_pack}"], tmp_path, **CPU)
    log = (tmp_path / "logs/version_0/metrics.csv").read_text()
    assert "val_pck" in log
    assert "train_loss" in log
    assert list((tmp_path / "tensorboard").glob("events.*"))
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    raw, averaged = content["current_model_state"], content["state_dict"]
    assert any(not torch.equal(raw[k], averaged[k]) for k in raw)
    loaded = load_checkpoint(tmp_path / "last.ckpt")
    for key, value in loaded.net.network.state_dict().items():
        assert torch.equal(value, averaged[f"model.{key}"])
    assert load_checkpoint(best).card.architecture == "softgate_1x64"
    assert loaded.card.epochs == 4
    assert [d.name for d in loaded.card.data] == ["Leeds Sports Pose"]


def test_the_loss_falls(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    recipe = dataclasses.replace(small_recipe, epochs=40, lr=5e-3, augmentation=Augmentation())
    train(recipe, [f"pack:{made_pack}"], tmp_path, **CPU)
    rows = [line.split(",") for line in (tmp_path / "logs/version_0/metrics.csv").read_text().splitlines()]
    column = rows[0].index("train_loss")
    losses = [float(row[column]) for row in rows[1:] if row[column]]
    assert losses[-1] < 0.8 * losses[0]


def test_a_loss_that_is_not_finite_names_its_images(tmp_path: Path, small_recipe: Recipe) -> None:
    module = PoseModule(small_recipe.to_dict(), "lsp14", ["lsp"], ["lsp/a.jpg", "lsp/b.jpg"])
    batch = {
        "images": torch.zeros(2, 3, 64, 64, dtype=torch.uint8),
        "points": torch.full((2, 14, 2), float("nan")),
        "labelled": torch.ones(2, 14, dtype=torch.bool),
        "index": torch.tensor([0, 1]),
    }
    with pytest.raises(TrainingError, match=r"nan.*lsp/a\.jpg, lsp/b\.jpg"):
        module.training_step(batch, 0)


@pytest.mark.parametrize("name", ["softgate_1x64", "lpn_50", "sfm_basic64", "hrnet_w16", "simplebaseline_mobilenetv2"])
def test_networks_with_zero_heads_answer_zero_at_first(name: str, small_recipe: Recipe) -> None:
    images = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    for init in ("zero", "default"):
        recipe = dataclasses.replace(small_recipe, model=name, model_args={}, head_init=init)
        module = PoseModule(recipe.to_dict(), "lsp14", ["lsp"])
        with torch.no_grad():
            stages = module(images)
        assert all((maps == 0).all() == (init == "zero") for maps in stages)


def test_a_folder_that_holds_a_training_is_not_overwritten(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe
) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.raises(TrainingError, match="already holds a training"):
        train(small_recipe, [f"pack:{made_pack}"], tmp_path, **CPU)
    with pytest.raises(TrainingError, match="nothing to resume"):
        train(small_recipe, [f"pack:{made_pack}"], tmp_path / "empty", resume=True, **CPU)


def test_checkpoints_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent.ckpt")
    for name, content in {"empty": b"", "text": b"hello world", "zip": b"PK\x03\x04 broken"}.items():
        (tmp_path / f"{name}.ckpt").write_bytes(content)
        with pytest.raises(ModelError, match="not a checkpoint"):
            load_checkpoint(tmp_path / f"{name}.ckpt")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"hyper_parameters": Payload(), "state_dict": {}, "epoch": 0}, tmp_path / "bad.ckpt")
    with pytest.raises(ModelError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "bad.ckpt")
    assert not (tmp_path / "ran").exists()


def test_validation_pck_of_a_perfect_network_is_100(made_pack: Path, small_recipe: Recipe) -> None:
    """A network that answers with the labels scores 100, and one that answers elsewhere 0."""
    from leanpose import geometry
    from leanpose.data.targets import gaussian_heatmaps

    module = PoseModule(small_recipe.to_dict(), "lsp14", ["lsp"])
    points = torch.tensor(np.random.default_rng(0).uniform(12, 50, size=(3, 14, 2)), dtype=torch.float32)
    batch = {
        "images": torch.zeros(3, 3, 64, 64, dtype=torch.uint8),
        "points": points,
        "labelled": torch.ones(3, 14, dtype=torch.bool),
        "index": torch.arange(3),
    }
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore[method-assign]
    for offset, expected in ((0.0, 100), (45.0, 0)):
        wrapped = (points + offset) % 64
        maps = gaussian_heatmaps(geometry.crop_to_cells(wrapped, 4), (16, 16), 1.0).clamp_min(1e-9).log()  # type: ignore[arg-type]
        module.forward = lambda images, maps=maps: [maps]  # type: ignore[method-assign]
        module.validation_step(batch, 0)
        module.on_validation_epoch_end()
        assert logged["val_pck"] == pytest.approx(expected, abs=5)


def test_weights_saved_in_half_precision_start_the_next_training(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe
) -> None:
    recipe = dataclasses.replace(small_recipe, epochs=1)
    train(recipe, [f"pack:{made_pack}"], tmp_path / "first", **CPU)
    card = save_weights(tmp_path / "first/last.ckpt", tmp_path / "w.safetensors")
    assert card.precision == "f16"
    trained = load_checkpoint(tmp_path / "first/last.ckpt").net.network
    for start in (tmp_path / "w.safetensors", tmp_path / "first/last.ckpt"):
        network = create_model(recipe.model, 14, **recipe.model_args)
        load_weights(network, start)
        for a, b in zip(network.parameters(), trained.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    # one step at no learning rate leaves what it started from
    still = dataclasses.replace(recipe, lr=1e-12, weight_decay=0.0)
    train(still, [f"pack:{made_pack}"], tmp_path / "second", start_from=tmp_path / "w.safetensors", **CPU)
    after = load_checkpoint(tmp_path / "second/last.ckpt").net.network
    for a, b in zip(after.parameters(), trained.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network = create_model("softgate_1x64", 14, width=16)
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match="other weights"):
        load_weights(network, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not readable as safetensors"):
        load_weights(network, tmp_path / "text.safetensors")
