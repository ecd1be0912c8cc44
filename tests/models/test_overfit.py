"""Each family learns: 16 pictures by heart, every joint within a twentieth of the picture."""

import dataclasses

import numpy as np
import pytest
import torch

from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.measure.metrics.pck import normalised_distances, pck
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, collate
from leanpose.training.data.targets import probability_heatmaps
from leanpose.training.module import PoseModule
from leanpose.training.recipes import softgate_lsp

SIDE = 64
MOST_STEPS = 1500


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("softgate_1x64", {"width": 32}),
        *(
            pytest.param(name, arguments, marks=pytest.mark.slow)
            for name, arguments in (
                ("hourglass_1", {"width": 64}),
                ("cunet_2x64_g16", {}),
                ("hrnet_w16", {"init": "default"}),
                ("elhrnet_w32_la_r8", {"width": 16, "init": "default"}),
                ("litehrnet_18", {"init": "default"}),
                ("lpn_50", {"init": "default"}),
                ("simplebaseline_mobilenetv2", {}),
                ("simplebaseline_mobilenetv3", {}),
                ("simplebaseline_shufflenetv2", {}),
                ("sfm_basic64", {"width": 32}),
            )
        ),
    ],
)
def test_sixteen_pictures_are_learned_by_heart(name: str, arguments: dict[str, object], made_samples) -> None:
    torch.manual_seed(0)
    recipe = dataclasses.replace(softgate_lsp(), model=name, model_args=arguments, sigma=1.0, input_hw=(SIDE, SIDE))
    module = PoseModule(recipe.to_dict(), "lsp14", ["made"])
    dataset = CropDataset(made_samples(16, 0), (SIDE, SIDE), 1.1, Augmentation())
    batch = collate([dataset[0, i] for i in range(16)])
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    for step in range(1, MOST_STEPS + 1):
        loss = module._loss_B(module(batch["images"]), batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 and _share_found(module, batch) == 1:
            return
    pytest.fail(f"{name}: {100 * _share_found(module, batch):.1f} % found after {MOST_STEPS} steps")


def _share_found(module: PoseModule, batch: dict[str, torch.Tensor]) -> float:
    """Share of the joints within a twentieth of the picture's side, with the statistics of the batch."""
    with torch.no_grad():
        logits = module(batch["images"])[-1]
    cells, _ = decode(probability_heatmaps(logits, 1.0).numpy(), sigma=1.0)
    found = geometry.cells_to_crop(cells, SIDE / logits.shape[-1])
    distances = normalised_distances(
        found, batch["points"].numpy(), batch["labelled"].numpy(), np.full(len(found), float(SIDE))
    )
    return float(pck(distances, 0.05).mean())
