"""Distillation: a small network also learns from the heatmaps of a larger one, of any family.

The loss is ``(1 - w) * loss(labels) + w * loss(teacher)``, the same loss for both: for the squared errors that is
the heatmap MSE between student and teacher, for cross-entropy the divergence of their spatial softmaxes.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.checkpoint import load_checkpoint
from leanpose.errors import TrainingError
from leanpose.skeleton import Skeleton


class Teacher:
    """A trained network that answers for the student's joints; frozen, and no part of the student's state.

    Args:
        checkpoint: ``.ckpt`` of ``leanpose train``.
        skeleton: the student's; joints are matched by name.

    Raises:
        ModelError: when the checkpoint cannot be loaded.
        TrainingError: when it knows none of the student's joints.
    """

    def __init__(self, checkpoint: Path, skeleton: Skeleton) -> None:
        loaded = load_checkpoint(checkpoint)
        theirs = loaded.card.skeleton.joints
        common = [(ours, theirs.index(joint)) for ours, joint in enumerate(skeleton.joints) if joint in theirs]
        if not common:
            raise TrainingError(f"teacher {checkpoint}: of {skeleton.name} it knows not a single joint")
        self.net: nn.Module = loaded.net.requires_grad_(False).eval()
        self.recipe = loaded.recipe
        self.ours, self.theirs = (list(indices) for indices in zip(*common, strict=True))
        self.joints = len(skeleton)

    @torch.no_grad()
    def __call__(self, images_BCHW: Tensor, heatmap_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """What the teacher sees in uint8 BGR crops (B, 3, H, W), as targets of an ideal peak of 1.

        Returns:
            Heatmaps (B, J, h, w), never negative, resampled to ``heatmap_hw``, and (J,) whether the teacher knows
            the joint; maps of the others are 0.
        """
        self.net.to(images_BCHW.device)
        images = images_BCHW if self.recipe.color == "bgr" else images_BCHW.flip(1)
        mean, std = (
            torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (self.recipe.mean, self.recipe.std)
        )
        answer = self.net((images.float() - mean) / std).float()
        if answer.shape[-2:] != heatmap_hw:
            answer = F.interpolate(answer, heatmap_hw, mode="bilinear", align_corners=False)
        targets = answer.new_zeros(len(answer), self.joints, *heatmap_hw)
        targets[:, self.ours] = answer[:, self.theirs].clamp_min(0)
        known = torch.zeros(self.joints, dtype=torch.bool, device=answer.device)
        known[self.ours] = True
        return targets, known
