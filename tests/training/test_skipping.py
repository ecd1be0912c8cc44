"""Batches without a finite loss or gradient: what they leave as it was, what is said of them, and when they end it."""

import dataclasses
import logging
from collections.abc import Callable

import lightning as L
import pytest
import torch
from torch import Tensor

from leanpose.core.errors import TrainingError
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import Batch, CropDataset, collate
from leanpose.training.module import MAX_SKIPPED, PoseModule
from leanpose.training.person_module import PersonModule
from leanpose.training.recipes import Recipe, recipe_named


class _Module(PoseModule):
    """Spoils the batches of certain indices: the loss, or the gradient of a loss that is finite.

    Such a batch has been through the network when it is noticed, so that it has moved the statistics of BatchNorm.
    """

    def __init__(self, recipe: Recipe, spoilt: dict[int, str], network_spoilt: bool = False) -> None:
        super().__init__(recipe.to_dict(), LSP14.to_dict(), ["lsp"], [f"lsp/{i}.jpg" for i in range(1000)])
        self.spoilt = spoilt
        self.network_spoilt = network_spoilt

    def _loss_B(self, stages: list[Tensor], batch: Batch) -> Tensor:
        loss_B = super()._loss_B(stages, batch)
        spoilt = self.spoilt.get(int(batch["index"][0]))
        if spoilt is None:
            return loss_B
        if self.network_spoilt:
            for buffer in self.model.buffers():
                if buffer.is_floating_point():
                    buffer.fill_(torch.nan)
        weight = next(self.model.parameters())
        # the root's slope at 0 is infinite, and infinity times 0 is no number
        return loss_B * torch.nan if spoilt == "loss" else loss_B + (0 * weight).sum().sqrt()


def _recipe(small_recipe: Recipe) -> Recipe:
    """At one rate, so that a step's size does not depend on how many were before it."""
    return dataclasses.replace(small_recipe, schedule="steps", warmup_epochs=0.0, batch_size=2, ema=0.0)


def _batches(made_samples: Callable[[int, int], list[Sample]], count: int) -> list[Batch]:
    samples = made_samples(2 * count, 3)
    dataset = CropDataset(samples, (64, 64), 1.25, Augmentation())
    return [collate([dataset[0, 2 * i], dataset[0, 2 * i + 1]]) for i in range(count)]


def _fit(module: PoseModule, batches: list[Batch]) -> None:
    trainer = L.Trainer(
        accelerator="cpu", devices=1, max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, gradient_clip_val=1.0,
    )  # fmt: skip
    trainer.fit(module, torch.utils.data.DataLoader(batches, batch_size=None))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize(("what", "network_spoilt"), [("loss", False), ("loss", True), ("gradient", False)])
def test_it_is_as_if_the_batch_had_not_been(
    what: str, network_spoilt: bool, small_recipe: Recipe, made_samples: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    batches = _batches(made_samples, 4)
    states = []
    for spoilt, shown in (({2: what}, batches), ({}, [batches[0], *batches[2:]])):
        torch.manual_seed(0)
        module = _Module(_recipe(small_recipe), spoilt, network_spoilt)
        start = {name: value.clone() for name, value in module.state_dict().items()}
        with caplog.at_level(logging.WARNING):
            _fit(module, shown)
        states.append(module.state_dict())
        assert any(not torch.equal(value, start[name]) for name, value in module.state_dict().items())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
    (warning,) = [record.getMessage() for record in caplog.records if "skipped a batch" in record.getMessage()]
    reason = "the loss is nan" if what == "loss" else "a gradient is not finite"
    assert warning == f"skipped a batch: {reason} in epoch 0, on the images lsp/2.jpg, lsp/3.jpg (skipped so far: 1)"


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_many_in_succession_end_the_training_and_are_named(
    what: str, small_recipe: Recipe, made_samples: Callable
) -> None:
    batches = _batches(made_samples, MAX_SKIPPED + 2)
    spoilt = {2 * i: what for i in range(1, MAX_SKIPPED + 2)}
    with pytest.raises(TrainingError, match=rf"images lsp/22\.jpg, lsp/23\.jpg, as on {MAX_SKIPPED} batches before"):
        _fit(_Module(_recipe(small_recipe), spoilt), batches)
    _fit(_Module(_recipe(small_recipe), {i: s for i, s in spoilt.items() if i != 12}), batches)


def test_a_large_finite_gradient_is_no_reason_to_skip(small_recipe: Recipe) -> None:
    """Its square is beyond single precision, itself it is not."""
    module = _Module(_recipe(small_recipe), {})
    for parameter in module.model.parameters():
        parameter.grad = torch.full_like(parameter, 1e30)
    module.on_before_optimizer_step(None)  # type: ignore[arg-type]
    assert all(parameter.grad is not None for parameter in module.model.parameters())


def test_a_process_skips_with_the_others(
    small_recipe: Recipe, made_samples: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = _Module(_recipe(small_recipe), {})
    batch = _batches(made_samples, 1)[0]
    module.on_train_batch_start(batch, 0)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    answers = iter([True, False, True, True])  # whether all have images, and whether all have a finite loss
    monkeypatch.setattr("leanpose.training.module.in_all_processes", lambda own: own and next(answers))
    monkeypatch.setattr(type(module), "current_epoch", 0)
    assert module.training_step(batch, 0) is None
    assert "the loss of another process is not finite" in caplog.text
    assert module.training_step(batch, 0) is not None


def test_a_detectors_validation_refuses_what_its_training_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """To leave such images out would change the figure by which the best epoch is chosen."""
    module = PersonModule(recipe_named("person_detector").to_dict(), ["boxes"], ["boxes/a.jpg"])
    nan = torch.tensor(torch.nan)
    monkeypatch.setattr("leanpose.training.person_module.person_loss", lambda *_: (nan, nan))
    monkeypatch.setattr(type(module), "current_epoch", 0)
    side = max(module.recipe.input_hw)
    batch = {
        "images": torch.zeros(1, 3, side, side, dtype=torch.uint8), "boxes": [], "ignored": [], "uncertain": None,
        "index": torch.tensor([0]), "unreadable": [],
    }  # fmt: skip
    with pytest.raises(TrainingError, match=r"the validation loss is nan on the images boxes/a\.jpg"):
        module.validation_step(batch, 0)
    module.on_train_batch_start(batch, 0)
    assert module.training_step(batch, 0) is None
