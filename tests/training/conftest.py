"""A recipe that trains in seconds."""

import pytest

from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes import Recipe


@pytest.fixture
def small_recipe() -> Recipe:
    """The smallest network that has every part, two steps an epoch."""
    return Recipe(
        name="small_test",
        model="softgate_1x64",
        model_args={"width": 16, "stacks": 2},
        input_hw=(64, 64),
        sigma=1.0,
        loss="cross_entropy",
        head_init="zero",
        augmentation=Augmentation(rotation=20, scale=0.2, flip=0.5, colour=0.2),
        optimizer="adamw",
        lr=1e-3,
        weight_decay=0.01,
        batch_size=4,
        epochs=4,
        clip_norm=1.0,
        warmup_epochs=0.5,
        schedule="cosine",
        ema=0.9,
    )
