"""The Lightning module: what a recipe's optimiser, schedule, colours and loss come to, and a step of every recipe."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from leanpose.datasets.readers import Sample, map_sample
from leanpose.pose.skeleton import LSP14, Skeleton, skeleton_named
from leanpose.training.checkpoint import load_checkpoint
from leanpose.training.data.dataset import CropDataset, EpochSampler, epoch_loader
from leanpose.training.initialisation import head_layers
from leanpose.training.module import PoseModule
from leanpose.training.person_module import PersonModule
from leanpose.training.recipes import RECIPES, Recipe, override, recipe_named


def _module(recipe: Recipe, skeleton: Skeleton = LSP14) -> PoseModule:
    return PoseModule(recipe.to_dict(), skeleton.to_dict(), ["lsp"])


def _trainer(monkeypatch: pytest.MonkeyPatch, epochs: int, steps_per_epoch: int) -> None:
    trainer = SimpleNamespace(estimated_stepping_batches=epochs * steps_per_epoch, max_epochs=epochs)
    monkeypatch.setattr(PoseModule, "trainer", property(lambda self: trainer))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("softgate_mpii", torch.optim.RMSprop), ("lpn_coco", torch.optim.Adam), ("softgate_lsp", torch.optim.AdamW)],
)
def test_optimisers_are_those_of_the_recipes(name: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_named(name)
    _trainer(monkeypatch, recipe.epochs, 10)
    optimizer = _module(recipe).configure_optimizers()["optimizer"]
    assert type(optimizer) is kind
    assert [group["weight_decay"] for group in optimizer.param_groups] == [recipe.weight_decay, 0]


def test_adams_weight_decay_is_l2_in_the_gradient(small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any gradient of the loss, Adam's first step is lr * g / |g| with g the decay; AdamW's lr * decay * w."""
    _trainer(monkeypatch, 4, 1)
    for name, expected in (("adam", lambda w: w - 0.1 * w.sign()), ("adamw", lambda w: w - 0.1 * 0.5 * w)):
        recipe = dataclasses.replace(
            small_recipe, optimizer=name, lr=0.1, weight_decay=0.5, schedule="steps", warmup_epochs=0.0
        )  # type: ignore[arg-type]
        module = _module(recipe)
        optimizer = module.configure_optimizers()["optimizer"]
        weight: torch.nn.Parameter = next(p for p in module.parameters() if p.ndim == 4)
        before = weight.detach().clone()
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        clear = before.abs() > 1e-3  # where Adam's epsilon of 1e-8 is nothing beside the gradient
        assert torch.allclose(weight[clear], expected(before)[clear], atol=1e-5)


def test_layers_behind_the_heads_learn_at_their_share_of_the_rate(
    small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trainer(monkeypatch, 4, 10)
    module = _module(dataclasses.replace(small_recipe, body_lr=0.25))
    configured = module.configure_optimizers()
    for _ in range(13):
        configured["optimizer"].step()
        configured["lr_scheduler"]["scheduler"].step()
    now = small_recipe.lr_at(14 / 10)  # a cosine is read at the step's end
    rates = {id(p): group["lr"] for group in configured["optimizer"].param_groups for p in group["params"]}
    decays = {id(p): group["weight_decay"] for group in configured["optimizer"].param_groups for p in group["params"]}
    for name, parameter in module.model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(now if name.startswith("heads.") else now / 4)
        assert decays[id(parameter)] == (small_recipe.weight_decay if parameter.squeeze().ndim > 1 else 0)


def test_rates_fall_with_the_first_step_of_a_milestones_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_named("softgate_mpii")
    per_epoch = 7
    _trainer(monkeypatch, recipe.epochs, per_epoch)
    configured = _module(recipe).configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(recipe.epochs * per_epoch):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    changes = [i for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    assert changes == [75 * per_epoch, 100 * per_epoch, 150 * per_epoch]
    assert rates[0] == pytest.approx(2.5e-4)
    assert rates[-1] == pytest.approx(1e-5)


@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_the_network_sees_the_recipes_colours_and_the_card_says_so(
    color: str, small_recipe: Recipe, tmp_path: Path
) -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)
    recipe = dataclasses.replace(small_recipe, color=color, mean=mean, std=std)  # type: ignore[arg-type]
    module = _module(recipe)
    seen: list[torch.Tensor] = []
    module.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    module(images.to(memory_format=torch.channels_last))
    for channel in range(3):
        source = channel if color == "bgr" else 2 - channel
        expected = (images[:, source].float() - mean[channel]) / std[channel]
        assert torch.allclose(seen[0][:, channel], expected)
    parameters = {"recipe": recipe.to_dict(), "skeleton": LSP14.to_dict(), "datasets": ["lsp"]}
    torch.save(
        {"hyper_parameters": parameters, "state_dict": module.state_dict(), "epoch": 0}, tmp_path / "trained.ckpt"
    )
    loaded = load_checkpoint(tmp_path / "trained.ckpt")
    assert (loaded.card.color, loaded.card.mean, loaded.card.std) == (color, mean, std)
    assert loaded.recipe == recipe


def test_skeletons_without_known_flips_are_trained_with_a_warning(
    small_recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    tool = Skeleton("tool", ("tip", "grip"), flippable=False)
    with caplog.at_level(logging.WARNING):
        _module(small_recipe, tool)
    assert "which joints of tool a mirror swaps" in caplog.text


def _one_step(recipe: Recipe, samples: list[Sample]) -> tuple[PoseModule, float]:
    """A batch of two through Lightning as a training does it; the module and the loss."""
    if recipe.skeleton:
        samples = [m for s in samples if (m := map_sample(s, skeleton_named(recipe.skeleton)))]
    module = _module(recipe, samples[0].skeleton)
    dataset = CropDataset(samples, recipe.input_at, recipe.padding, recipe.augmentation, recipe.seed)
    loader = epoch_loader(dataset, EpochSampler([1] * len(samples)), recipe.batch_size, 0, drop_last=True)
    trainer = L.Trainer(
        accelerator="cpu", devices=1, precision="32-true", fast_dev_run=1, logger=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        gradient_clip_val=recipe.clip_norm,
    )  # fmt: skip
    trainer.fit(module, loader)
    return module, trainer.callback_metrics["train_loss"].item()


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("name", sorted(name for name in RECIPES if recipe_named(name).task == "pose"))
def test_every_recipe_takes_a_step_on_its_family(name: str, made_samples: Callable[[int, int], list[Sample]]) -> None:
    small: list[Any] = ["input_hw=[64,64]", "batch_size=2", "early_input_hw=null"]
    recipe = override(recipe_named(name), small)
    torch.manual_seed(recipe.seed)
    start = _module(recipe, skeleton_named(recipe.skeleton or "lsp14")).state_dict()
    torch.manual_seed(recipe.seed)
    module, loss = _one_step(recipe, made_samples(2, 0))
    assert np.isfinite(loss)
    assert loss > 0
    after = module.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    moved = {key.rpartition(".")[0] for key in after if not torch.equal(after[key], start[key])}
    heads = [layer.weight for layer in head_layers(module.model)]
    assert {key.rpartition(".")[0] for key, p in module.named_parameters() if any(p is h for h in heads)} <= moved
    body = (
        "nano_body", "nano_on", "small_body", "medium_body", "small_alone", "medium_on", "medium_everyday",
        "medium_everyday_end", "nano_everyday",
    )  # fmt: skip
    assert heads[0].shape[0] == ({"softgate_lsp_finetune": 16} | dict.fromkeys(body, 19)).get(name, 14)


def test_a_detectors_trunk_can_learn_more_slowly_than_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(recipe_named("person_detector"), body_lr=0.1)
    module = PersonModule(recipe.to_dict(), ["boxes"])
    trainer = SimpleNamespace(estimated_stepping_batches=10, max_epochs=1)
    monkeypatch.setattr(PersonModule, "trainer", property(lambda self: trainer))
    rates = {
        id(p): group["initial_lr"]
        for group in module.configure_optimizers()["optimizer"].param_groups
        for p in group["params"]
    }
    for name, parameter in module.model.named_parameters():
        head = name.startswith(("centre.", "sides."))
        assert rates[id(parameter)] == pytest.approx(recipe.lr * (1 if head else 0.1)), name
