"""Targets and loss of the person detector (TTFNet: Liu et al., AAAI 2020, section 3), made on the device.

Shape suffixes: B batch, N boxes of an image, H height, W width of the maps; 4 is (x1, y1, x2, y2).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from leanpose.core import geometry
from leanpose.models.person import boxes_from_sides, cell_centres

KERNEL = 0.54  # alpha and beta of TTFNet: the Gaussian's extent over the box's
BOX_WEIGHT = 5.0  # of the box loss beside the centre loss, as in TTFNet
DOUBT = 0.3  # where people may stand without a box, a score above this is taken for one of them


def person_loss(
    logits_B1HW: Tensor, sides_B4HW: Tensor, boxes: Sequence[Tensor], ignored: Sequence[Tensor], uncertain_BSS: Tensor
) -> tuple[Tensor, Tensor]:
    """Centre loss and box loss of a batch, each averaged over its people.

    The centre loss is CenterNet's focal loss with Gaussians of the boxes' sizes as targets, the box loss one minus the
    generalised IoU at the cells of those Gaussians (TTFNet, eq. 2, 5 and 6). Cells in ``ignored`` boxes, and cells of
    ``uncertain`` parts where the network itself sees somebody that nobody boxed, teach nothing.

    Args:
        logits_B1HW, sides_B4HW: as :class:`leanpose.models.person.PersonNet` gives them.
        boxes, ignored: (N, 4) for each image, in input pixels.
        uncertain_BSS: whether people without a box may stand at a pixel.
    """
    stride = uncertain_BSS.shape[-1] // logits_B1HW.shape[-1]
    height, width = logits_B1HW.shape[-2:]
    targets = [person_targets(b, (height, width), stride) for b in boxes]
    heat_BHW, weight_BHW, goal_B4HW = (torch.stack(part) for part in zip(*targets, strict=True))
    scores_BHW = logits_B1HW[:, 0].float().sigmoid().clamp(1e-4, 1 - 1e-4)
    centres_2HW = cell_centres(scores_BHW, stride)
    unjudged_BHW = torch.stack([_inside(i, centres_2HW) for i in ignored])
    doubtful_BHW = uncertain_BSS[:, stride // 2 :: stride, stride // 2 :: stride] & (scores_BHW.detach() > DOUBT)
    unjudged_BHW = (unjudged_BHW | doubtful_BHW) & (heat_BHW == 0)
    people = max(sum(len(b) for b in boxes), 1)
    at_centre = heat_BHW == 1
    found = (1 - scores_BHW) ** 2 * scores_BHW.log() * at_centre
    empty = (1 - heat_BHW) ** 4 * scores_BHW**2 * (1 - scores_BHW).log() * ~at_centre * ~unjudged_BHW
    centre_loss = -(found + empty).sum() / people
    overlap_BHW = generalised_iou(boxes_from_sides(sides_B4HW.float(), stride), goal_B4HW)
    box_loss = ((1 - overlap_BHW) * weight_BHW).sum() / weight_BHW.sum().clamp_min(1e-4)
    return centre_loss, BOX_WEIGHT * box_loss


def person_targets(boxes_N4: Tensor, hw: tuple[int, int], stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Centre map (H, W), weights (H, W) and goals (4, H, W) of the box loss for the people of one image.

    A person's Gaussian has its peak of 1 at the cell nearest to the centre and ends at 0.54 of the box. Where two
    overlap, the map has the larger value and the box loss the smaller person. The weights of one person sum to the
    logarithm of the number of cells, so that large people do not outweigh small ones by their cells alone.
    """
    height, width = hw
    device = boxes_N4.device
    heat = torch.zeros(hw, device=device)
    weight = torch.zeros(hw, device=device)
    goal = torch.zeros(4, *hw, device=device)
    ys = torch.arange(height, device=device)[:, None]
    xs = torch.arange(width, device=device)[None]
    sizes = boxes_N4[:, 2:] - boxes_N4[:, :2]
    for i in sizes.prod(dim=1).argsort(descending=True).tolist():  # the smaller ones last, over the larger ones
        box, (w, h) = boxes_N4[i], sizes[i].tolist()
        cx, cy = geometry.crop_to_cells((box[:2] + box[2:]) / 2, stride).round().long().tolist()  # type: ignore[arg-type]
        cx, cy = min(max(cx, 0), width - 1), min(max(cy, 0), height - 1)
        rx, ry = (int(KERNEL * side / 2 / stride) for side in (w, h))
        sx, sy = (2 * rx + 1) / 6, (2 * ry + 1) / 6
        gaussian = torch.exp(-((xs - cx) ** 2) / (2 * sx**2) - (ys - cy) ** 2 / (2 * sy**2))
        gaussian = gaussian * ((xs - cx).abs() <= rx) * ((ys - cy).abs() <= ry)
        heat = torch.maximum(heat, gaussian)
        area = gaussian > 0
        weight = torch.where(area, gaussian / gaussian.sum() * math.log(max(w * h / stride**2, math.e)), weight)
        goal = torch.where(area, box[:, None, None], goal)
    return heat, weight, goal


def generalised_iou(boxes_B4HW: Tensor, others_B4HW: Tensor) -> Tensor:
    """Generalised IoU (B, H, W) of boxes in the second dimension (Rezatofighi et al., CVPR 2019)."""
    low, high = (
        torch.maximum(boxes_B4HW[:, :2], others_B4HW[:, :2]),
        torch.minimum(boxes_B4HW[:, 2:], others_B4HW[:, 2:]),
    )
    shared = (high - low).clamp_min(0).prod(dim=1)
    areas = sum((b[:, 2:] - b[:, :2]).prod(dim=1) for b in (boxes_B4HW, others_B4HW))
    outer_low = torch.minimum(boxes_B4HW[:, :2], others_B4HW[:, :2])
    outer = (torch.maximum(boxes_B4HW[:, 2:], others_B4HW[:, 2:]) - outer_low).prod(dim=1).clamp_min(1e-6)
    either = (areas - shared).clamp_min(1e-6)
    return shared / either - (outer - either) / outer


def _inside(boxes_N4: Tensor, centres_2HW: Tensor) -> Tensor:
    x, y = centres_2HW
    left, top, right, bottom = boxes_N4.T[:, :, None, None]
    return ((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).any(dim=0)
