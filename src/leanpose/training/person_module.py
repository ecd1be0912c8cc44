"""The Lightning module of the person detector."""

from typing import Any

import torch
from torch import Tensor

from leanpose.core.errors import TrainingError
from leanpose.models.person import PersonNet, create_detector
from leanpose.training.data.dataset import Batch
from leanpose.training.data.person_targets import person_loss
from leanpose.training.module import RecipeModule
from leanpose.training.processes import in_all_processes
from leanpose.training.recipes import Recipe


class PersonModule(RecipeModule):
    """Trains a detector on batches of :func:`leanpose.training.data.scene_dataset.collate_scenes`.

    Args:
        recipe: a :class:`Recipe` as a dict, so that checkpoints hold plain data only.
        datasets: kinds of the datasets trained on, for the card.
        sample_names: names by scene index, for messages.
    """

    model: PersonNet

    def __init__(self, recipe: dict[str, Any], datasets: list[str], sample_names: list[str] | None = None) -> None:
        super().__init__(Recipe.from_dict(recipe), sample_names)
        self.save_hyperparameters(ignore=["sample_names"])
        network = create_detector(self.recipe.model, **self.recipe.model_args)
        self.model = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def training_step(self, batch: Batch, _batch_index: int) -> Tensor | None:
        """Centre loss plus box loss; None if no image of the batch is readable, or the batch is skipped.

        Raises:
            TrainingError: when many losses in succession are not finite, or too many images are unreadable.
        """
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, _batch_index: int) -> None:
        """Logs ``val_loss``, by which the best epoch is kept, and its two parts.

        Raises:
            TrainingError: when it is not finite.
        """
        self._step(batch, "val")

    def _step(self, batch: Batch, part: str) -> Tensor | None:
        self._count_unreadable(batch)
        size = len(batch["index"])
        if not (in_all_processes(size > 0) if part == "train" else size):
            return None
        logits, sides = self(batch["images"])
        losses = person_loss(logits, sides, batch["boxes"], batch["ignored"], batch["uncertain"])
        total = losses[0] + losses[1]
        if part == "val" and not torch.isfinite(total):
            names = ", ".join(self._names(batch["index"]))
            raise TrainingError(f"the validation loss is {total.item()} on the images {names}: look at them")
        if part == "train" and self._finite(total, batch) is None:
            return None
        logged = {"loss": total, "centre_loss": losses[0], "box_loss": losses[1]}
        values = {f"{part}_{name}": loss for name, loss in logged.items()}
        self.log_dict(values, prog_bar=True, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return total
