"""Recipes of our own, for what a CPU can do in hours and minutes."""

from dataclasses import replace

from leanpose.training.data.augment import Augmentation
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


# Stronger than softgate_lsp's: for longer trainings, and for the distortions of the robustness table.
STRONG = Augmentation(
    rotation=40, upside_down=0.08, scale=0.3, shift=0.06, flip=0.5, colour=0.3, grey=0.1, darken=0.1, soften=0.15,
    occlusion=0.4,
)  # fmt: skip
# More of what networks lose most on (docs/robustness.md): turned, blurred and half people.
BODY = replace(STRONG, upside_down=0.15, soften=0.25, half_body=0.15)
# Between the two: STRONG changes pay off in long trainings only, and a network that goes on should end near the test.
BODY_ON = replace(BODY, rotation=35, upside_down=0.1, scale=0.25, shift=0.05, occlusion=0.3, half_body=0.1, soften=0.2)
# softgate_lsp's with a little of BODY's, for runs that end what stronger changes began.
MILD = replace(softgate_lsp().augmentation, darken=0.05, soften=0.15, half_body=0.1)


def fast_lsp() -> Recipe:
    """Ours: the network of the packaged ``small`` on LSP and LSP-extended alone, to compare with published results."""
    return replace(
        softgate_lsp(), name="fast_lsp", model="softgate_1x128_fast", early_share=2 / 3, augmentation=STRONG, epochs=18
    )


def small_lsp() -> Recipe:
    """Ours: goes on from :func:`fast_lsp` at full size, with the milder changes of :func:`softgate_lsp`."""
    return replace(
        fast_lsp(), name="small_lsp", starts_from="fast_lsp", early_input_hw=None, early_share=0.0, lr=1.5e-3,
        epochs=10, augmentation=softgate_lsp().augmentation,
    )  # fmt: skip


def small_body() -> Recipe:
    """Ours: from the weights of :func:`fast_lsp` on to LSP's and COCO's joints together.

    COCO's people are few and the only ones with a face, so that an epoch shows each four times.
    """
    return replace(
        fast_lsp(), name="small_body", skeleton="body19", repeats={"lsp": 3, "coco": 4}, starts_from="fast_lsp",
        early_input_hw=None, early_share=0.0, lr=1e-3, epochs=6,
        augmentation=BODY,
    )  # fmt: skip


def nano_body() -> Recipe:
    """Ours: half as wide as ``small``, from nothing."""
    return replace(
        fast_lsp(), name="nano_body", model="softgate_1x64_fast", skeleton="body19", repeats={"lsp": 3, "coco": 4},
        augmentation=replace(BODY, rotation=30, occlusion=0.3), lr=3e-3, epochs=12,
    )  # fmt: skip


def nano_on() -> Recipe:
    """Ours: the packaged ``nano``, goes on from :func:`nano_body` at full size with milder changes."""
    return replace(
        nano_body(), name="nano_on", starts_from="nano_body", early_input_hw=None, early_share=0.0, lr=2.5e-3,
        epochs=14, augmentation=MILD,
    )  # fmt: skip


def medium_body() -> Recipe:
    """Ours: the packaged ``medium``, two stacks that both start as the network of :func:`small_body`."""
    return replace(
        small_body(), name="medium_body", model="softgate_2x128_fast", starts_from="small_body", lr=1.5e-3, epochs=5,
        augmentation=BODY_ON,
    )  # fmt: skip


def small_alone() -> Recipe:
    """Ours: the packaged ``small``, the first stack of :func:`medium_body` on its own, trained on for a little.

    In one training of two supervised stacks ``small`` and ``medium`` share the cost of the first.
    """
    return replace(
        medium_body(), name="small_alone", model="softgate_1x128_fast", starts_from="medium_body", lr=5e-4, epochs=2
    )


def medium_on() -> Recipe:
    """Ours: goes on from :func:`medium_body` with milder changes."""
    return replace(medium_body(), name="medium_on", starts_from="medium_body", epochs=3, augmentation=MILD)


# Everyday pictures: two people of five cut by the picture's edge or shown in half, boxes as loose, tight and shifted as
# a detector's, fewer turned than among athletes.
EVERYDAY = replace(BODY_ON, rotation=30, upside_down=0.06, scale=0.3, shift=0.06, half_body=0.25, cut=0.15)

EVERYDAY_END = replace(EVERYDAY, rotation=25, upside_down=0.04, scale=0.25, shift=0.04, occlusion=0.2, soften=0.15)


def medium_everyday() -> Recipe:
    """Ours: goes on from :func:`medium_body` with everyday people whom teachers labelled, at one learning rate.

    It has no end of its own: whenever there is time it goes on, and :func:`medium_everyday_end` makes a model of what
    there is. An epoch is a draw of 12,800 people.
    """
    return replace(
        medium_body(), name="medium_everyday", starts_from="medium_body", augmentation=EVERYDAY,
        input_hw=(192, 128), repeats={"lsp": 2, "coco": 5},
        schedule="steps", lr=1.5e-3, epochs=200, epoch_batches=400, warmup_epochs=0.2, ema=0.9995,
    )  # fmt: skip


def medium_everyday_end() -> Recipe:
    """Ours: the packaged ``medium`` and its first stack, ``small``: what :func:`medium_everyday` learned, at full size.

    The learning rate falls to 0, with milder changes, so that training ends near what the network will see.
    """
    return replace(
        medium_everyday(), name="medium_everyday_end", starts_from="medium_everyday", input_hw=(256, 192),
        schedule="cosine", lr=1e-3, epochs=5, epoch_batches=200, warmup_epochs=0.1, ema=0.998,
        augmentation=EVERYDAY_END,
    )  # fmt: skip


def nano_everyday() -> Recipe:
    """Ours: the packaged ``nano``, goes on from :func:`nano_on` with everyday people."""
    return replace(
        medium_everyday_end(), name="nano_everyday", model="softgate_1x64_fast", starts_from="nano_on",
        input_hw=(192, 192), lr=2.5e-3, epochs=10, epoch_batches=400,
    )  # fmt: skip


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


def fold_lsp() -> Recipe:
    """Ours: small and soon trained; trained without one fold, what the variants of our studies go on from."""
    return replace(
        softgate_lsp(), name="fold_lsp", model="softgate_1x64_fast", input_hw=(128, 128), early_input_hw=None,
        early_share=0.0, lr=3e-3, epochs=9, ema=0.998,
        augmentation=Augmentation(
            rotation=30, upside_down=0.04, scale=0.25, shift=0.04, flip=0.5, colour=0.25, grey=0.05, occlusion=0.2
        ),
    )  # fmt: skip
