"""Training runs: what is written, exact resumption, and how a broken run ends."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from leanpose.core.errors import InputSizeError, ModelError, TrainingError
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.pack import write_pack
from leanpose.models import create_model
from leanpose.pose.skeleton import MPII16
from leanpose.training.checkpoint import load_checkpoint, load_weights, save_weights
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset
from leanpose.training.module import PoseModule
from leanpose.training.recipes import Recipe
from leanpose.training.run import train

from .checkpoints import assert_equal

CPU = {"accelerator": "cpu", "workers": 0, "progress": False}


def _save_untrained(recipe: Recipe, path: Path, datasets: list[str] | None = None) -> None:
    """A checkpoint as far as it is read before a training starts."""
    parameters = {"recipe": recipe.to_dict(), "skeleton": "lsp14", "datasets": datasets or ["lsp"]}
    torch.save({"hyper_parameters": parameters, "state_dict": {}, "epoch": 0}, path)


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
        assert_equal(a[part], b[part], part)


def test_every_epoch_shows_its_own_crops(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed or not, the trainer tells the sampler the epoch; without it all epochs would repeat the first."""
    seen: list[int] = []
    original = CropDataset.__getitem__

    def watched(self: CropDataset, key: tuple[int, int]) -> object:
        if self.augmentation != Augmentation():  # not the validation part
            seen.append(key[0])
        return original(self, key)

    monkeypatch.setattr(CropDataset, "__getitem__", watched)
    data = [f"pack:{made_pack}"]
    train(small_recipe, data, tmp_path, max_epochs=2, **CPU)
    train(small_recipe, data, tmp_path, resume=True, **CPU)
    assert seen == [epoch for epoch in range(4) for _ in range(8)]


def test_the_last_checkpoint_knows_the_best_score_so_far(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    """Of its own epoch too: a resumed run may not overwrite best.ckpt with less."""
    train(dataclasses.replace(small_recipe, lr=5e-3), [f"pack:{made_pack}"], tmp_path, max_epochs=1, **CPU)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    (best,) = (state for key, state in content["callbacks"].items() if "val_pck" in key)
    header, *rows = (line.split(",") for line in (tmp_path / "logs/version_0/metrics.csv").read_text().splitlines())
    scores = [float(row[header.index("val_pck")]) for row in rows if row[header.index("val_pck")]]
    assert best["best_model_score"] == pytest.approx(max(scores), rel=1e-5)


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


def test_a_compiled_training_writes_the_same_checkpoint(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    recipe = dataclasses.replace(small_recipe, epochs=1)
    data = [f"pack:{made_pack}"]
    plain = load_checkpoint(train(recipe, data, tmp_path / "plain", **CPU)).net.network
    # what the compiler makes of the network is the compiler's matter: here it is the network itself
    with torch.compiler.set_stance("force_eager"):
        same = load_checkpoint(train(recipe, data, tmp_path / "compiled", **CPU, compiled=True)).net.network
    assert same._compiled_call_impl is None  # only the run was compiled, not what it wrote
    assert_equal(plain.state_dict(), same.state_dict())


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 5e-4}, r"lr was 0\.001, is 0\.0005"),
        ({"augmentation": Augmentation(rotation=5)}, "augmentation was"),
        ({"model_args": {"width": 32}}, "model_args was"),
    ],
)
def test_resuming_with_another_recipe_is_refused(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe, change: dict[str, object], message: str
) -> None:
    _save_untrained(small_recipe, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match=f"another training.*{message}"):
        train(dataclasses.replace(small_recipe, **change), [f"pack:{made_pack}"], tmp_path, resume=True, **CPU)  # type: ignore[arg-type]


def test_resuming_on_other_data_is_refused(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    _save_untrained(small_recipe, tmp_path / "last.ckpt", datasets=["lsp", "lspet"])
    with pytest.raises(TrainingError, match="data was lsp and lspet, is lsp"):
        train(small_recipe, [f"pack:{made_pack}"], tmp_path, resume=True, **CPU)


def test_what_cannot_be_trained_is_said_before_it_starts(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    data = [f"pack:{made_pack}"]
    with pytest.raises(TrainingError, match="8 training samples do not fill a batch of 9"):
        train(dataclasses.replace(small_recipe, batch_size=9), data, tmp_path / "a", **CPU)
    with pytest.raises(TrainingError, match="accelerator 'abacus'"):
        train(small_recipe, data, tmp_path / "b", **{**CPU, "accelerator": "abacus"})
    late = dataclasses.replace(small_recipe, input_hw=(96, 64), early_input_hw=(64, 64), early_share=0.9)
    with pytest.raises(InputSizeError, match="96x64"):
        train(late, data, tmp_path / "c", **CPU)
    assert not (tmp_path / "c" / "last.ckpt").exists()
    _save_untrained(small_recipe, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match=r"either resume .* or start from"):
        train(small_recipe, data, tmp_path, resume=True, start_from=tmp_path / "x.ckpt", **CPU)
    (tmp_path / "last.ckpt").write_bytes(b"cut off")
    with pytest.raises(ModelError, match=r"last\.ckpt: not a checkpoint"):
        train(small_recipe, data, tmp_path, resume=True, **CPU)


def test_a_recipe_that_goes_on_from_another_asks_for_its_checkpoint(
    tmp_path: Path, made_pack: Path, small_recipe: Recipe
) -> None:
    recipe = dataclasses.replace(small_recipe, starts_from="softgate_mpii")
    with pytest.raises(TrainingError, match=r"goes on from a network of softgate_mpii: .*--from.*starts_from=null"):
        train(recipe, [f"pack:{made_pack}"], tmp_path / "alone", **CPU)
    assert not (tmp_path / "alone").exists()


def test_a_recipes_skeleton_is_what_is_trained(tmp_path: Path, made_pack: Path, small_recipe: Recipe) -> None:
    recipe = dataclasses.replace(small_recipe, skeleton="mpii16")
    best = train(recipe, [f"pack:{made_pack}"], tmp_path, max_epochs=1, **CPU)
    loaded = load_checkpoint(best)
    assert loaded.card.skeleton == MPII16
    with torch.no_grad():
        assert loaded.net(torch.zeros(1, 3, 64, 64)).shape == (1, 16, 16, 16)


def _pack_with_broken(path: Path, good: list[Sample], broken: int) -> Path:
    bad = [dataclasses.replace(s, image=b"no image", name=f"lsp/bad{i}") for i, s in enumerate(good[:broken])]
    write_pack(path, {"train": bad + good[broken:], "val": good[-4:]})
    return path


def test_a_stray_unreadable_image_is_left_out_and_counted(
    tmp_path: Path, made_samples, small_recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    pack = _pack_with_broken(tmp_path / "p.npz", made_samples(100, 0), 1)
    train(dataclasses.replace(small_recipe, epochs=2, batch_size=50), [f"pack:{pack}"], tmp_path / "run", **CPU)
    assert torch.load(tmp_path / "run/last.ckpt", weights_only=True)["global_step"] == 4
    warnings = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    (warning,) = warnings
    assert warning.startswith("left out: lsp/bad0: not a readable image")
    assert warning.endswith("(unreadable images so far: 1)")


def test_many_unreadable_images_stop_the_training_and_are_named(
    tmp_path: Path, made_samples, small_recipe: Recipe
) -> None:
    """From a loader process too, in one readable line."""
    pack = _pack_with_broken(tmp_path / "p.npz", made_samples(100, 0), 2)
    with pytest.raises(TrainingError, match=r"2 images cannot be read, more than 1% of the 100.*lsp/bad0") as raised:
        train(
            dataclasses.replace(small_recipe, batch_size=50),
            [f"pack:{pack}"],
            tmp_path / "run",
            **{**CPU, "workers": 1},
        )
    assert "Traceback" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_positions_of_joints_that_are_not_labelled_do_not_matter(small_recipe: Recipe) -> None:
    module = PoseModule(dataclasses.replace(small_recipe, head_init="default").to_dict(), "lsp14", ["lsp"])
    points = torch.tensor(np.random.default_rng(0).uniform(5, 58, (2, 14, 2)), dtype=torch.float32)
    labelled = torch.ones(2, 14, dtype=torch.bool)
    labelled[0, 3] = False
    stages = [maps.detach().requires_grad_() for maps in module(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))]
    losses = []
    for junk in (0.0, -1e6, float("nan")):
        points[0, 3] = junk
        batch = {"points": points.clone(), "labelled": labelled, "weights": labelled.float()}
        losses.append(module._loss_B(stages, batch))
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])
    losses[2].sum().backward()
    assert all(maps.grad is not None and maps.grad.isfinite().all() for maps in stages)


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
    from leanpose.core import geometry
    from leanpose.training.data.targets import gaussian_heatmaps

    module = PoseModule(small_recipe.to_dict(), "lsp14", ["lsp"])
    points = torch.tensor(np.random.default_rng(0).uniform(12, 50, size=(3, 14, 2)), dtype=torch.float32)
    batch = {
        "images": torch.zeros(3, 3, 64, 64, dtype=torch.uint8),
        "points": points,
        "labelled": torch.ones(3, 14, dtype=torch.bool),
        "index": torch.arange(3),
        "unreadable": [],
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


def test_weights_beyond_half_precision_are_refused(tmp_path: Path, small_recipe: Recipe) -> None:
    network = create_model(small_recipe.model, 14, **small_recipe.model_args)
    state = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    next(v for k, v in state.items() if k.endswith("running_var"))[0] = 70_000  # half precision ends at 65,504
    _save_untrained(small_recipe, tmp_path / "run.ckpt")
    content = torch.load(tmp_path / "run.ckpt", weights_only=True)
    torch.save(content | {"state_dict": state}, tmp_path / "run.ckpt")
    with pytest.raises(ModelError, match="half precision"):
        save_weights(tmp_path / "run.ckpt", tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network = create_model("softgate_1x64", 14, width=16)
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match="other weights"):
        load_weights(network, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not readable as safetensors"):
        load_weights(network, tmp_path / "text.safetensors")
