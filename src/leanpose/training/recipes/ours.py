"""Recipes of our own, for what a CPU can do in hours and minutes."""

from leanpose.data.augment import Augmentation
from leanpose.training.recipes.recipe import Recipe


def softgate_lsp() -> Recipe:
    """Ours: the soft-gated network on LSP and LSP-extended alone, sized for hours on a CPU.

    Departs from the paper (section III-C) in loss, optimiser, averaging and head initialisation, because with them
    it learns several times faster; docs/training.md says why.
    """
    return Recipe(
        name="softgate_lsp",
        model="softgate_1x128",
        input_hw=(192, 192),
        early_input_hw=(128, 128),
        early_share=0.75,
        sigma=1.5,
        loss="cross_entropy",
        head_init="zero",
        augmentation=Augmentation(
            rotation=35, upside_down=0.05, scale=0.25, shift=0.04, flip=0.5, colour=0.25, grey=0.05, occlusion=0.3
        ),
        repeats={"lsp": 3},
        optimizer="adamw",
        lr=2e-3,
        weight_decay=0.05,
        batch_size=32,
        epochs=24,
        clip_norm=1.0,
        warmup_epochs=0.5,
        schedule="cosine",
        ema=0.999,
    )


def ablation_lsp() -> Recipe:
    """Ours: a short training of a small network, to compare variants under one budget (docs/reproduction)."""
    return Recipe(
        name="ablation_lsp",
        model="softgate_1x64",
        input_hw=(128, 128),
        sigma=1.5,
        loss="cross_entropy",
        head_init="zero",
        augmentation=Augmentation(rotation=30, scale=0.25, flip=0.5, colour=0.2),
        optimizer="adamw",
        lr=2e-3,
        weight_decay=0.05,
        batch_size=16,
        epochs=2,
        clip_norm=1.0,
        warmup_epochs=0.1,
        schedule="cosine",
        ema=0.995,
    )
