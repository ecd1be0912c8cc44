"""The recipe of our person detector."""

from dataclasses import replace

from leanpose.training.data.augment import Augmentation
from leanpose.training.recipes.recipe import Recipe


def person_everyday() -> Recipe:
    """Ours: the packaged detector, on boxes that other detectors gave to everyday pictures.

    Starts from the trunk of a pose network that knows everyday people (``medium_everyday``), whose first layers stay
    as they are for most of the epochs.
    """
    return replace(
        person_detector(),
        name="person_everyday",
        model="person_1x128_fast",
        input_hw=(384, 384),
        early_input_hw=(320, 320),
        augmentation=Augmentation(colour=0.3, grey=0.1, darken=0.1),
        repeats={"lsp": 2},
        early_share=23 / 30,
        epochs=30,
        epoch_batches=150,
        frozen_epochs=16,
        starts_from="medium_everyday",
    )


def person_everyday_on() -> Recipe:
    """Ours: goes on from :func:`person_everyday` with all layers, first at 320 px and then at 384."""
    return replace(
        person_everyday(),
        name="person_everyday_on",
        early_share=0.55,
        epochs=12,
        frozen_epochs=0,
        lr=1.2e-3,
        warmup_epochs=0.3,
        starts_from="person_everyday",
    )


def person_detector() -> Recipe:
    """Ours: people's boxes from scenes, composed anew at every step, on the trunk of a pose network.

    Meant to start from ``softgate_1x128`` trained on LSP (``--from weights/softgate_1x128_lsp.safetensors``), whose
    first layers stay as they are for most of the epochs: boxes are few, and those layers cost half the time.
    """
    return Recipe(
        name="person_detector",
        task="person",
        model="person_1x128",
        input_hw=(320, 320),
        early_input_hw=(256, 256),
        early_share=0.75,
        augmentation=Augmentation(colour=0.25, grey=0.1),
        repeats={"boxes": 8, "coco": 12, "backgrounds": 12, "lsp": 4},
        optimizer="adamw",
        lr=1e-3,
        weight_decay=0.05,
        batch_size=16,
        epoch_batches=300,
        epochs=24,
        frozen_epochs=14,
        clip_norm=5.0,
        warmup_epochs=0.5,
        schedule="cosine",
        ema=0.998,
        starts_from="softgate_lsp",
    )
