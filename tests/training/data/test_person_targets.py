"""The detector's targets and losses against loops over cells and boxes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.models.person import boxes_from_sides
from leanpose.training.data.person_targets import BOX_WEIGHT, generalised_iou, person_loss, person_targets

STRIDE = 8


def _boxes(*boxes: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


@settings(deadline=None)
@given(
    x=st.floats(0, 100), y=st.floats(0, 100), w=st.floats(8, 120), h=st.floats(8, 120),
)  # fmt: skip
def test_one_person_against_a_loop(x: float, y: float, w: float, h: float) -> None:
    size = 16
    heat, weight, goal = person_targets(_boxes((x, y, x + w, y + h)), (size, size), STRIDE)
    # the cell nearest to the centre, and the Gaussian that ends at 0.54 of the box
    distances = np.array(
        [[math.hypot(8 * c + 3.5 - x - w / 2, 8 * r + 3.5 - y - h / 2) for c in range(size)] for r in range(size)]
    )
    peak = np.argwhere(heat.numpy() == 1)
    assert len(peak) == 1
    row, col = peak[0]
    assert distances[row, col] == pytest.approx(distances.min(), abs=1e-3)
    rx, ry = int(0.54 * w / 16), int(0.54 * h / 16)
    expected = np.zeros((size, size))
    for r in range(max(row - ry, 0), min(row + ry + 1, size)):
        for c in range(max(col - rx, 0), min(col + rx + 1, size)):
            sx, sy = (2 * rx + 1) / 6, (2 * ry + 1) / 6
            expected[r, c] = math.exp(-((c - col) ** 2) / (2 * sx**2) - (r - row) ** 2 / (2 * sy**2))
    np.testing.assert_allclose(heat.numpy(), expected, atol=1e-6)
    assert weight.sum().item() == pytest.approx(math.log(max(w * h / 64, math.e)), rel=1e-4)
    assert (weight > 0).numpy().tolist() == (expected > 0).tolist()
    np.testing.assert_allclose(goal[:, row, col].numpy(), [x, y, x + w, y + h], rtol=1e-5, atol=1e-4)


def test_the_smaller_person_has_the_cells_that_two_share() -> None:
    large, small = (0.0, 0.0, 127.0, 127.0), (60.0, 60.0, 108.0, 108.0)
    for boxes in (_boxes(large, small), _boxes(small, large)):
        heat, _, goal = person_targets(boxes, (16, 16), STRIDE)
        assert goal[:, 10, 10].tolist() == list(small)
        assert (heat == 1).sum() == 2
    alone = [person_targets(_boxes(box), (16, 16), STRIDE)[0] for box in (large, small)]
    assert torch.equal(heat, torch.maximum(*alone))


def _answer(boxes: torch.Tensor, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """What a perfect detector would say: its logits as large as its targets allow."""
    heat, _, goal = person_targets(boxes, (size, size), STRIDE)
    logits = torch.where(heat == 1, 12.0, -12.0)[None, None]
    centres = torch.tensor([[[8 * c + 3.5 for c in range(size)]] * size, [[8 * r + 3.5] * size for r in range(size)]])
    sides = torch.cat((centres - goal[:2], goal[2:] - centres))[None]
    return logits, sides


def test_a_perfect_answer_costs_nothing_and_each_fault_costs() -> None:
    boxes = _boxes((20, 20, 70, 110), (80, 10, 120, 60))
    nothing, certain = torch.empty(0, 4), torch.zeros(1, 128, 128, dtype=torch.bool)
    logits, sides = _answer(boxes)
    centre, box = person_loss(logits, sides, [boxes], [nothing], certain)
    assert centre.item() == pytest.approx(0, abs=1e-5)
    assert box.item() == pytest.approx(0, abs=1e-5)
    ghost = logits.clone()
    ghost[0, 0, 14, 1] = 3.0
    p = torch.sigmoid(torch.tensor(3.0)).item()
    lost, _ = person_loss(ghost, sides, [boxes], [nothing], certain)
    # eq. 2 of TTFNet: p^2 log(1 - p) of one cell, over two people
    assert lost.item() - centre.item() == pytest.approx(-(p**2) * math.log(1 - p) / 2, rel=1e-4)
    _, shifted = person_loss(logits, sides + 4, [boxes], [nothing], certain)
    assert shifted.item() > 0.05 * BOX_WEIGHT


def test_ghosts_are_forgiven_where_people_may_stand_unboxed_and_in_ignored_regions_only() -> None:
    boxes = _boxes((20, 20, 70, 110))
    nothing, certain = torch.empty(0, 4), torch.zeros(1, 128, 128, dtype=torch.bool)
    logits, sides = _answer(boxes)
    ghost = logits.clone()
    ghost[0, 0, 14, 14] = 3.0  # at pixel 115.5
    perfect, _ = person_loss(logits, sides, [boxes], [nothing], certain)
    assert person_loss(ghost, sides, [boxes], [nothing], certain)[0] > perfect + 1
    there = certain.clone()
    there[:, 100:, 100:] = True
    assert person_loss(ghost, sides, [boxes], [nothing], there)[0] == pytest.approx(perfect.item(), abs=1e-5)
    elsewhere = certain.clone()
    elsewhere[:, :90] = True
    assert person_loss(ghost, sides, [boxes], [nothing], elsewhere)[0] > perfect + 1
    ignored = [_boxes((105, 105, 125, 125))]
    assert person_loss(ghost, sides, [boxes], ignored, certain)[0] == pytest.approx(perfect.item(), abs=1e-5)
    missed = torch.full_like(logits, -12.0)  # a person is one wherever it stands
    assert person_loss(missed, sides, [boxes], [_boxes((0, 0, 128, 128))], ~certain)[0] > perfect + 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 50), min_size=8, max_size=8))
def test_generalised_iou_against_its_definition(numbers: list[float]) -> None:
    a, b = ((x, y, x + w + 1, y + h + 1) for x, y, w, h in (numbers[:4], numbers[4:]))
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    outer = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    maps = (torch.tensor(box, dtype=torch.float64).reshape(1, 4, 1, 1) for box in (a, b))
    assert generalised_iou(*maps).item() == pytest.approx(shared / either - (outer - either) / outer, abs=1e-9)


def test_boxes_from_sides_are_measured_from_the_cells_centres() -> None:
    sides = torch.arange(4.0).reshape(1, 4, 1, 1).expand(1, 4, 2, 3)
    boxes = boxes_from_sides(sides, STRIDE)
    for row in range(2):
        for col in range(3):
            x, y = 8 * (col + 0.5) - 0.5, 8 * (row + 0.5) - 0.5
            assert boxes[0, :, row, col].tolist() == [x - 0, y - 1, x + 2, y + 3]
