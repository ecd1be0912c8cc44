"""How much a reproduction may train: the paper's schedules take days, ours must fit two cores."""

from dataclasses import dataclass, fields, replace
from typing import Self

from leanpose.core.errors import RecipeError
from leanpose.training.recipes import Recipe


@dataclass(frozen=True)
class Budget:
    """What one training of a reproduction gets, and how often it is repeated.

    Attributes:
        epochs: passes over the training people.
        side: of the crops in pixels; an input that is not square keeps its aspect, with this height.
        people: share of the training people, a fixed draw.
        seeds: trainings of each row, with seeds 0, 1, ...
        batches: of an epoch, drawn anew in each; 0 shows everyone once.
    """

    epochs: int = 2
    side: int = 128
    people: float = 1.0
    seeds: int = 1
    batches: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.side, self.seeds) < 1 or not 0 < self.people <= 1 or self.batches < 0:
            raise RecipeError(
                f"budget {self}: epochs, side and seeds from 1, people over 0 and up to 1, batches from 0"
            )

    def changed(self, text: str) -> Self:
        """This budget with ``NAME=VALUE,...`` applied.

        Raises:
            RecipeError: for an unknown name or a value that is no number, or not one of its range.
        """
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        changes = {}
        for assignment in filter(None, text.split(",")):
            name, _, value = assignment.partition("=")
            try:
                changes[name] = kinds[name](value)
            except (KeyError, ValueError) as error:
                raise RecipeError(f"--budget {assignment}: write one of {', '.join(kinds)} = a number") from error
        return replace(self, **changes)

    def recipe(self, base: Recipe, seed: int) -> Recipe:
        """``base`` cut down to this budget."""
        height, width = base.input_hw
        # networks halve their input up to six times
        input_hw = (
            (self.side, max(64, round(self.side * width / height / 64) * 64)) if height != width else (self.side,) * 2
        )
        batches = self.batches or base.epoch_batches
        return replace(
            base, epochs=self.epochs, input_hw=input_hw, people=self.people, seed=seed, epoch_batches=batches
        )

    def __str__(self) -> str:
        batches = f" of {self.batches} batches" if self.batches else ""
        return (
            f"{self.epochs} epochs{batches} at {self.side} px, {self.people:.0%} of the training people, "
            f"{self.seeds} seeds"
        )
