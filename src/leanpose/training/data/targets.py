"""Heatmap targets and losses, made on the device for a whole batch.

Shape suffixes: B batch, J joints, H height, W width of the heatmaps; 2 is (x, y).
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["mse", "joints_mse", "cross_entropy"]


def gaussian_heatmaps(cells_BJ2: Tensor, heatmap_hw: tuple[int, int], sigma: float) -> Tensor:
    """Gaussians (B, J, H, W) of peak 1 around positions (B, J, 2) in heatmap cells, with ``sigma`` in cells."""
    height, width = heatmap_hw
    xs = torch.arange(width, device=cells_BJ2.device, dtype=cells_BJ2.dtype)
    ys = torch.arange(height, device=cells_BJ2.device, dtype=cells_BJ2.dtype)
    gx_BJW = torch.exp(-((xs - cells_BJ2[..., 0:1]) ** 2) / (2 * sigma**2))
    gy_BJH = torch.exp(-((ys - cells_BJ2[..., 1:2]) ** 2) / (2 * sigma**2))
    return gy_BJH[..., :, None] * gx_BJW[..., None, :]


def heatmap_loss(predicted_BJHW: Tensor, target_BJHW: Tensor, weights_BJ: Tensor, loss: Loss) -> Tensor:
    """Loss (B,) per sample, a mean over its labelled joints where not said otherwise; 0 for a sample without any.

    A joint of weight 0 has no label. Others count by their weight in a mean over all that have one: somebody whose
    joints are all believed by a quarter teaches a quarter of what somebody labelled by people does.

    ``"mse"`` is the squared error of equation (2) of the soft-gated paper, summed over the map, of labelled joints
    only. ``"joints_mse"`` is that of HRNet's published code: half the squared error, as a mean over the map and over
    all joints, to which those that are not labelled contribute 0. ``"cross_entropy"`` compares the spatial softmax of
    the prediction with the target normalised to sum 1, less the target's own entropy, so that a perfect prediction
    scores 0.
    """
    predicted, target = predicted_BJHW.flatten(2).float(), target_BJHW.flatten(2)
    if loss == "joints_mse":
        return 0.5 * (F.mse_loss(predicted, target, reduction="none").mean(dim=2) * weights_BJ).mean(dim=1)
    if loss == "mse":
        per_joint_BJ = F.mse_loss(predicted, target, reduction="none").sum(dim=2)
    elif loss == "cross_entropy":
        share = target / target.sum(dim=2, keepdim=True).clamp_min(1e-12)
        per_joint_BJ = F.kl_div(predicted.log_softmax(dim=2), share, reduction="none").sum(dim=2)
    else:
        raise ValueError(f"loss={loss!r}: use one of {', '.join(get_args(Loss))}")
    count_B = (weights_BJ > 0).sum(dim=1).clamp_min(1)
    return (per_joint_BJ * weights_BJ).sum(dim=1) / count_B


def probability_heatmaps(logits_BJHW: Tensor, sigma: float) -> Tensor:
    """Spatial softmax scaled so that a perfect cross-entropy prediction has a peak of 1 (2 * pi * sigma^2)."""
    return logits_BJHW.flatten(2).softmax(dim=2).view_as(logits_BJHW) * (2 * math.pi * sigma**2)
