"""The Lightning module: one network, its loss, optimiser, schedule and validation."""

import logging
from collections.abc import Callable
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.core.errors import TrainingError
from leanpose.measure.metrics.pck import mean_over_joints, normalised_distances, pck
from leanpose.measure.metrics.reference import MAIN_THRESHOLD, reference_lengths, reference_of
from leanpose.models import create_model
from leanpose.models.layers import check_input
from leanpose.pose.skeleton import stored_skeleton
from leanpose.training.data.dataset import Batch
from leanpose.training.data.targets import gaussian_heatmaps, heatmap_loss, probability_heatmaps
from leanpose.training.distillation import Teacher, teacher_loss_B
from leanpose.training.initialisation import head_layers, initialise
from leanpose.training.processes import gathered, in_all_processes
from leanpose.training.recipes import Recipe

LOG = logging.getLogger(__name__)
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
MAX_UNREADABLE = 0.01  # share of the samples whose images may be unreadable before the training stops
MAX_SKIPPED = 10  # batches without a finite loss or gradient in succession: more are no accident


class RecipeModule(L.LightningModule):
    """What every training of a recipe has: normalised input, optimiser and schedule, and watch over the images.

    Subclasses set ``model``.

    Args:
        recipe: what to train.
        sample_names: names by sample index, for messages.
    """

    model: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, sample_names: list[str] | None) -> None:
        super().__init__()
        self.recipe = recipe
        self.sample_names = sample_names or []
        self.register_buffer("mean", torch.tensor(recipe.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(recipe.std).view(1, 3, 1, 1), persistent=False)
        self.schedule: Callable[[], float] | None = None  # point of it in epochs, where steps do not tell
        self._unreadable: set[str] = set()
        self._skipped, self._skipped_in_succession = 0, 0
        self._indices = torch.empty(0, dtype=torch.long)
        self._sound_buffers: list[Tensor] = []

    def forward(self, images_BCHW: Tensor) -> Any:
        """What the network gives for uint8 BGR images (B, 3, H, W)."""
        images = images_BCHW if self.recipe.color == "bgr" else images_BCHW.flip(1)
        return self.model((images.float() - self.mean) / self.std)

    def configure_optimizers(self) -> dict[str, Any]:
        """Optimiser and a learning rate set at every step from :meth:`Recipe.lr_at`."""
        r = self.recipe
        # Gates, biases and BatchNorm parameters are no weights to decay.
        matrices = [p for p in self.model.parameters() if p.squeeze().ndim > 1]
        others = [p for p in self.model.parameters() if p.squeeze().ndim <= 1]
        groups = [{"params": matrices, "weight_decay": r.weight_decay}, {"params": others, "weight_decay": 0.0}]
        if r.body_lr != 1:
            heads = {id(p) for layer in head_layers(self.model) for p in layer.parameters()}
            groups = [
                {**group, "params": [p for p in group["params"] if (id(p) in heads) == is_head], "lr": r.lr * factor}
                for group in groups
                for is_head, factor in ((True, 1.0), (False, r.body_lr))
            ]
        optimizer = OPTIMIZERS[r.optimizer](groups, lr=r.lr)
        at = self.schedule
        if at is None:
            steps_per_epoch = self.trainer.estimated_stepping_batches / (self.trainer.max_epochs or r.epochs)
            # a cosine is read at a step's end, to reach 0; steps in its middle, to fall with the first step of an epoch
            point = 0.5 if r.schedule == "steps" else 1.0
            factor = lambda step: r.lr_at((step + point) / steps_per_epoch) / r.lr  # noqa: E731
        else:
            factor = lambda _step: r.lr_at(at()) / r.lr  # noqa: E731
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, _batch: Batch, _batch_index: int) -> None:
        """Remembers the BatchNorm statistics, which a batch that is skipped must leave as they are."""
        self._sound_buffers = [buffer.clone() for buffer in self.model.buffers()]

    def on_fit_start(self) -> None:
        """Looks at every size that the recipe will show: a late one would else end the training after hours.

        Raises:
            InputSizeError: when the network cannot take one.
        """
        for hw in (self.recipe.input_hw, self.recipe.early_input_hw or self.recipe.input_hw):
            check_input(torch.empty(1, 3, *hw, device="meta"), self.model.input_multiple)  # type: ignore[arg-type]

    def on_before_optimizer_step(self, _optimizer: torch.optim.Optimizer) -> None:
        """Leaves the weights as they are where a gradient is not finite, though the loss was."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        # the largest, because a sum of squares overflows on gradients that are themselves finite
        if gradients and not torch.isfinite(torch.nn.utils.get_total_norm(gradients, norm_type=torch.inf)):
            self._skip("a gradient is not finite")
            for parameter in self.model.parameters():
                parameter.grad = None
        elif gradients:
            self._skipped_in_succession = 0

    def _finite(self, loss: Tensor, batch: Batch) -> Tensor | None:
        """The loss itself, or None where it is not finite, here or in another process, and the batch is skipped."""
        self._indices = batch["index"]
        finite = torch.isfinite(loss)
        everywhere = in_all_processes(bool(finite))
        if finite and not everywhere:
            self._skip("the loss of another process is not finite")
            return None
        if finite:
            return loss
        self._skip(f"the loss is {loss.item()}")
        return None

    def _skip(self, reason: str) -> None:
        """Count and name a batch that teaches nothing, and undo what it did to the statistics.

        Raises:
            TrainingError: when too many in succession are like that.
        """
        self._skipped += 1
        self._skipped_in_succession += 1
        what = f"{reason} in epoch {self.current_epoch}, on the images {', '.join(self._names(self._indices))}"
        if self._skipped_in_succession > MAX_SKIPPED:
            raise TrainingError(f"{what}, as on {MAX_SKIPPED} batches before: look at them, or lower the learning rate")
        LOG.warning("skipped a batch: %s (skipped so far: %d)", what, self._skipped)
        for buffer, sound in zip(self.model.buffers(), self._sound_buffers, strict=True):
            buffer.copy_(sound)

    def _count_unreadable(self, batch: Batch) -> None:
        """Warn of each unreadable image once; stop when they are more than a stray few."""
        for message in batch["unreadable"]:
            if message not in self._unreadable:
                self._unreadable.add(message)
                LOG.warning("left out: %s (unreadable images so far: %d)", message, len(self._unreadable))
        if len(self._unreadable) > MAX_UNREADABLE * len(self.sample_names):
            raise TrainingError(
                f"{len(self._unreadable)} images cannot be read, more than {MAX_UNREADABLE:.0%} of the "
                f"{len(self.sample_names)} people to train on; one of them is {min(self._unreadable)}: "
                "repair the dataset, or take them out of its labels"
            )

    def _names(self, indices: Tensor) -> list[str]:
        return [self.sample_names[i] if self.sample_names else str(i) for i in indices.tolist()]


class PoseModule(RecipeModule):
    """Trains ``recipe.model`` on batches of :func:`leanpose.training.data.dataset.collate`.

    Args:
        recipe: a :class:`Recipe` as a dict, so that checkpoints hold plain data only.
        skeleton: a :class:`leanpose.pose.skeleton.Skeleton` as a dict.
        datasets: kinds of the datasets trained on, for the card.
        sample_names: names by sample index, for messages.
    """

    def __init__(
        self,
        recipe: dict[str, Any],
        skeleton: dict[str, Any],
        datasets: list[str],
        sample_names: list[str] | None = None,
    ) -> None:
        super().__init__(Recipe.from_dict(recipe), sample_names)
        self.save_hyperparameters(ignore=["sample_names"])
        self.skeleton = stored_skeleton(skeleton)
        if self.recipe.augmentation.flip and not self.skeleton.flippable:
            LOG.warning("nobody knows which joints of %s a mirror swaps: crops are not flipped", self.skeleton.name)
        self.model = create_model(self.recipe.model, len(self.skeleton), **self.recipe.model_args)
        initialise(self.model, self.recipe)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # in a tuple, so that it is no submodule: its weights belong into no checkpoint
        self._teacher = (Teacher(self.recipe.teacher, self.skeleton),) if self.recipe.teacher else ()
        self._val_distances: list[tuple[list[int], np.ndarray]] = []  # with the indices of their samples

    def training_step(self, batch: Batch, _batch_index: int) -> Tensor | None:
        """Loss summed over stages (eq. 2 with MSE), averaged over the batch; None if no image of it is readable.

        None also if the loss is not finite: the batch is skipped, counted and named.

        Raises:
            TrainingError: when that is so for many batches in succession, or too many images are unreadable.
        """
        self._count_unreadable(batch)
        if not in_all_processes(len(batch["index"]) > 0):
            return None
        stages = self(batch["images"])  # raw heatmaps (B, J, H/4, W/4)
        loss = self._finite(self._loss_B(stages, batch).mean(), batch)
        if loss is None:
            return None
        size = len(batch["images"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=size, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, _batch_index: int) -> None:
        """Collects joint distances in torso lengths, or in the box's longer side where the skeleton has no torso.

        No flip test, so that it costs little.
        """
        self._count_unreadable(batch)
        if not len(batch["index"]):
            return
        logits = self(batch["images"])[-1].float()
        if self.recipe.loss == "cross_entropy":
            logits = probability_heatmaps(logits, self.recipe.sigma)
        cells, _ = decode(logits.cpu().numpy(), sigma=self.recipe.sigma)
        predicted = geometry.cells_to_crop(cells, self.model.stride)  # type: ignore[arg-type]
        true, labelled = batch["points"].cpu().numpy(), batch["labelled"].cpu().numpy()
        box_side = max(self.recipe.input_hw) / self.recipe.padding  # of the box that fills the crop
        lengths = reference_lengths(true, labelled, self.skeleton, box_side)
        distances = normalised_distances(predicted, true, labelled, lengths)
        self._val_distances.append((batch["index"].tolist(), distances))

    def on_validation_epoch_end(self) -> None:
        """Logs ``val_pck``: PCK@0.2 of the torso, or @0.05 of the box, in percent, mean over joints.

        It is that of the people of all processes together, each counted once.
        """
        of_all = gathered(self._val_distances)
        self._val_distances.clear()
        if not of_all:
            unreadable = min(gathered(list(self._unreadable)))
            raise TrainingError(f"not one validation image can be read; one of them is {unreadable}")
        people = {index: row for indices, rows in of_all for index, row in zip(indices, rows, strict=True)}
        distances = np.stack([people[index] for index in sorted(people)])
        threshold = MAIN_THRESHOLD[reference_of(self.skeleton)]
        self.log("val_pck", 100 * mean_over_joints(pck(distances, threshold)), prog_bar=True)

    def _loss_B(self, stages: list[Tensor], batch: Batch) -> Tensor:
        # what is not labelled may be anything, NaN included, and NaN times a weight of 0 is still NaN
        points = torch.where(batch["labelled"][..., None], batch["points"], 0.0)
        cells = geometry.crop_to_cells(points, self.model.stride)  # type: ignore[arg-type]
        cells = cells.round() if self.recipe.round_targets else cells
        target = gaussian_heatmaps(cells, stages[0].shape[-2:], self.recipe.sigma)  # type: ignore[arg-type]
        losses = [heatmap_loss(maps, target, batch["weights"], self.recipe.loss) for maps in stages]
        labels_B = torch.stack(losses).sum(dim=0)
        if not self._teacher:
            return labels_B
        weight = self.recipe.teacher_weight
        return (1 - weight) * labels_B + weight * teacher_loss_B(self._teacher[0], stages, batch, self.recipe)
