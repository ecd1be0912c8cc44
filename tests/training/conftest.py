"""A small made dataset and a recipe that trains on it in seconds."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leanpose.data.augment import Augmentation
from leanpose.readers import Sample
from leanpose.readers.pack import write_pack
from leanpose.skeleton import LSP14
from leanpose.training.recipes import Recipe


def made_samples(count: int, seed: int) -> list[Sample]:
    """People who are 14 coloured dots on noise."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(count):
        image = rng.integers(0, 60, (64, 64, 3), np.uint8)
        keypoints = rng.uniform(8, 55, size=(14, 2))
        for j, (x, y) in enumerate(keypoints):
            colour = tuple(int(c) for c in cv2.applyColorMap(np.uint8([[j * 18]]), cv2.COLORMAP_JET)[0, 0])  # type: ignore[arg-type]
            cv2.circle(image, (round(x), round(y)), 3, colour, -1)
        data = cv2.imencode(".png", image)[1].tobytes()
        samples.append(
            Sample("lsp", f"lsp/made{i}", data, keypoints, np.ones(14, bool), np.array([0.0, 0, 63, 63]), LSP14)
        )
    return samples


@pytest.fixture(scope="session")
def made_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with 8 training and 4 validation people."""
    path = tmp_path_factory.mktemp("pack") / "made.npz"
    write_pack(path, {"train": made_samples(8, 0), "val": made_samples(4, 1)})
    return path


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
