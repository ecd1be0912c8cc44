"""Distillation: a small network also learns from the heatmaps of a larger one, of any family.

The loss is ``(1 - w) * loss(labels) + w * loss(teacher)``. Towards the teacher, ``teacher_loss="own"`` takes the loss
that the student has for labels, on every stage: for the squared errors that is the heatmap MSE between student and
teacher, for cross-entropy the divergence of their spatial softmaxes. ``teacher_loss="mse"`` is the heatmap MSE for
students of cross-entropy too, between the probabilities scaled to an ideal peak of 1 as exported models give them; its
gradient fades where a softmax is sure of the wrong place, so that it wants labels beside it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.core.errors import TrainingError
from leanpose.pose.skeleton import Skeleton
from leanpose.training.data.dataset import Batch
from leanpose.training.data.targets import heatmap_loss, probability_heatmaps
from leanpose.training.recipes import Recipe
from leanpose.training.trained import open_trained


class Teacher:
    """A trained network that answers for the student's joints; frozen, and no part of the student's state.

    Args:
        model: a packaged model, ``.onnx``, ``.safetensors`` or ``.ckpt``, as :func:`open_trained` takes it.
        skeleton: the student's; joints are matched by name.

    Raises:
        ModelError: when the model cannot be loaded.
        TrainingError: when it knows none of the student's joints.
    """

    def __init__(self, model: str, skeleton: Skeleton) -> None:
        trained = open_trained(model)
        theirs = trained.card.skeleton.joints
        common = [(ours, theirs.index(joint)) for ours, joint in enumerate(skeleton.joints) if joint in theirs]
        if not common:
            raise TrainingError(f"teacher {model}: of {skeleton.name} it knows not a single joint")
        self.net: nn.Module = trained.net.requires_grad_(False).eval()
        self.recipe = trained.recipe
        self.ours, self.theirs = (list(indices) for indices in zip(*common, strict=True))
        self.joints = len(skeleton)

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Teacher":
        """Itself: what averages a student's weights copies the student, and a teacher does not change."""
        return self

    @torch.no_grad()
    def __call__(self, images_BCHW: Tensor, heatmap_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """What the teacher sees in uint8 BGR crops (B, 3, H, W), as targets of an ideal peak of 1.

        Crops of the teacher's aspect are resized to the input that it was trained on.

        Returns:
            Heatmaps (B, J, h, w), never negative, resampled to ``heatmap_hw``, and (J,) whether the teacher knows
            the joint; maps of the others are 0.
        """
        self.net.to(images_BCHW.device)
        images = (images_BCHW if self.recipe.color == "bgr" else images_BCHW.flip(1)).float()
        (height, width), size = self.recipe.input_hw, images.shape[-2:]
        if size != (height, width) and size[0] * width == size[1] * height:
            images = F.interpolate(images, (height, width), mode="bilinear", align_corners=False, antialias=True)
        mean, std = (
            torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (self.recipe.mean, self.recipe.std)
        )
        answer = self.net((images - mean) / std).float()
        if answer.shape[-2:] != heatmap_hw:
            answer = F.interpolate(answer, heatmap_hw, mode="bilinear", align_corners=False)
        targets = answer.new_zeros(len(answer), self.joints, *heatmap_hw)
        targets[:, self.ours] = answer[:, self.theirs].clamp_min(0)
        known = torch.zeros(self.joints, dtype=torch.bool, device=answer.device)
        known[self.ours] = True
        return targets, known


def teacher_loss_B(teacher: Teacher, stages: list[Tensor], batch: Batch, recipe: Recipe) -> Tensor:
    """Loss (B,) of a student's raw heatmaps (B, J, H, W) per stage towards its teacher's, by ``recipe.teacher_loss``.

    Joints that the teacher does not know are left out, and those that are not labelled unless
    ``recipe.teach_unlabelled``. With ``recipe.teacher_confidence`` each joint weighs as much as the teacher's peak
    is high, up to 1, so that a person of whom it is unsure throughout teaches less.
    """
    shown, known_J = teacher(batch["images"], stages[0].shape[-2:])  # type: ignore[arg-type]
    weights = known_J & (batch["labelled"] | recipe.teach_unlabelled)
    if recipe.teacher_confidence:
        weights = weights * shown.amax(dim=(2, 3)).clamp_max(1)
    loss = recipe.loss
    if recipe.teacher_loss == "mse" and loss == "cross_entropy":
        stages, loss = [probability_heatmaps(maps.float(), recipe.sigma) for maps in stages], "mse"
    return torch.stack([heatmap_loss(maps, shown, weights, loss) for maps in stages]).sum(dim=0)
