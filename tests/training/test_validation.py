"""What a training's epochs are chosen by, for skeletons with and without a torso."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from leanpose.core import geometry
from leanpose.pose.skeleton import LSP14, Skeleton
from leanpose.training.module import PoseModule
from leanpose.training.recipes import Recipe

ARM = Skeleton("arm", ("left_elbow", "left_wrist", "right_elbow", "right_wrist"))


def _validated(recipe: Recipe, skeleton: Skeleton, shifts: list[float], monkeypatch: pytest.MonkeyPatch) -> float:
    """val_pck when every joint of person i is found shifts[i] pixels of the crop to the right of where it is."""
    module = PoseModule(recipe.to_dict(), skeleton.to_dict(), ["made"], [f"made/{i}" for i in range(len(shifts))])
    rng = np.random.default_rng(0)
    points = rng.uniform(16, 48, (len(shifts), len(skeleton), 2))
    for joint, place in (("left_shoulder", (20, 20)), ("right_hip", (20, 40))):  # a torso of 20 px
        if joint in skeleton.joints:
            points[:, skeleton.index(joint)] = place
    found = points + np.array(shifts)[:, None, None] * (1, 0)
    cells = geometry.crop_to_cells(found, 4)
    monkeypatch.setattr("leanpose.training.module.decode", lambda maps, **_: (cells, None))
    monkeypatch.setattr(module, "model", _Anything())
    logged: dict[str, Any] = {}
    monkeypatch.setattr(module, "log", lambda name, value, **_: logged.update({name: value}))
    batch: Any = {
        "images": torch.zeros(len(shifts), 3, 64, 64, dtype=torch.uint8),
        "points": torch.from_numpy(points),
        "labelled": torch.ones(len(shifts), len(skeleton), dtype=torch.bool),
        "index": torch.arange(len(shifts)),
        "unreadable": [],
    }
    module.validation_step(batch, 0)
    module.on_validation_epoch_end()
    return logged["val_pck"]


class _Anything(torch.nn.Module):
    stride = 4

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [torch.zeros(len(images), 1, 16, 16)]


def test_a_fifth_of_the_torso_where_there_is_one(small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _validated(small_recipe, LSP14, [0, 3.9, 4.1, 30], monkeypatch) == pytest.approx(50)


def test_a_twentieth_of_the_box_where_there_is_none(small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crop of 64 px with padding 1.25 shows a box of 51.2 px: 2.56 px are right."""
    recipe = replace(small_recipe, padding=1.25)
    assert _validated(recipe, ARM, [0, 2.5, 2.6, 30], monkeypatch) == pytest.approx(50)
