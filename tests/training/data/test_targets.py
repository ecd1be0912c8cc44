"""Targets and losses against loops and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leanpose.training.data.targets import gaussian_heatmaps, heatmap_loss, probability_heatmaps


def test_gaussian_heatmaps_equal_a_loop_over_cells() -> None:
    cells = torch.tensor([[[3.25, 1.5], [-2.0, 4.0]]])
    maps = gaussian_heatmaps(cells, (5, 7), sigma=1.3)
    for j, (cx, cy) in enumerate(cells[0].tolist()):
        for y in range(5):
            for x in range(7):
                expected = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 1.3**2))
                assert maps[0, j, y, x].item() == pytest.approx(expected, rel=1e-5)


def test_mse_is_the_squared_error_over_labelled_joints() -> None:
    rng = np.random.default_rng(1)
    predicted, target = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    labelled = np.array([[True, False, True], [False, False, False]])
    loss = heatmap_loss(torch.tensor(predicted), torch.tensor(target), torch.tensor(labelled), "mse")
    by_hand = sum(((predicted[0, j] - target[0, j]) ** 2).sum() for j in (0, 2)) / 2
    assert loss[0].item() == pytest.approx(by_hand, rel=1e-5)
    assert loss[1].item() == 0


@given(st.floats(3, 12), st.floats(3, 12), st.floats(0.8, 2.5))
def test_cross_entropy_is_zero_exactly_at_the_target(x: float, y: float, sigma: float) -> None:
    target = gaussian_heatmaps(torch.tensor([[[x, y]]], dtype=torch.float64), (16, 16), sigma)
    labelled = torch.ones(1, 1, dtype=torch.bool)
    perfect = heatmap_loss(target.clamp_min(1e-30).log(), target, labelled, "cross_entropy")
    off = heatmap_loss(target.roll(2, dims=3).clamp_min(1e-30).log(), target, labelled, "cross_entropy")
    assert perfect.item() == pytest.approx(0, abs=1e-4)
    assert off.item() > 0.1


def test_a_flat_map_costs_the_divergence_from_uniform() -> None:
    """KL(target || uniform) = log(cells) - H(target), by the definition of entropy."""
    target = gaussian_heatmaps(torch.tensor([[[8.0, 8.0]]]), (16, 16), 1.5)
    share = (target / target.sum()).double()
    entropy = -(share * share.clamp_min(1e-300).log()).sum().item()
    loss = heatmap_loss(torch.zeros(1, 1, 16, 16), target, torch.ones(1, 1), "cross_entropy")
    assert loss.item() == pytest.approx(math.log(256) - entropy, rel=1e-5)


@pytest.mark.parametrize("loss", ["mse", "joints_mse", "cross_entropy"])
def test_unlabelled_joints_get_no_gradient(loss: str) -> None:
    predicted = torch.randn(1, 2, 8, 8, requires_grad=True)
    target = gaussian_heatmaps(torch.tensor([[[3.0, 3.0], [5.0, 5.0]]]), (8, 8), 1.0)
    heatmap_loss(predicted, target, torch.tensor([[True, False]]), loss).sum().backward()  # type: ignore[arg-type]
    assert predicted.grad is not None
    assert predicted.grad[0, 0].abs().max() > 0
    assert predicted.grad[0, 1].abs().max() == 0


def test_probability_heatmaps_of_a_perfect_prediction_peak_at_one() -> None:
    target = gaussian_heatmaps(torch.tensor([[[16.0, 16.0]]]), (33, 33), 2.0)
    maps = probability_heatmaps(target.clamp_min(1e-30).log(), 2.0)
    assert maps.max().item() == pytest.approx(1, abs=1e-3)


def test_joints_mse_is_half_the_mean_over_map_and_joints_weighted_by_labels() -> None:
    """HRNet's loss, joint by joint: sum over joints of half the mean of (weight * difference)^2, over the joints."""
    rng = np.random.default_rng(2)
    predicted, target = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    labelled = np.array([[True, False, True], [True, True, True]])
    loss = heatmap_loss(torch.tensor(predicted), torch.tensor(target), torch.tensor(labelled), "joints_mse")
    whole_batch = 0.0
    for j in range(3):
        squares = [
            (float(labelled[b, j]) * (predicted[b, j, y, x] - target[b, j, y, x])) ** 2
            for b in range(2)
            for y in range(4)
            for x in range(5)
        ]
        whole_batch += 0.5 * sum(squares) / len(squares)
    assert loss.mean().item() == pytest.approx(whole_batch / 3, rel=1e-5)


def test_unknown_losses_are_refused() -> None:
    with pytest.raises(ValueError, match="'l1': use one of mse, joints_mse, cross_entropy"):
        heatmap_loss(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), torch.ones(1, 1), "l1")  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", ["mse", "joints_mse", "cross_entropy"])
def test_weights_count_joint_by_joint(loss: str) -> None:
    """Against a loop: each joint's own loss, which another call gives for it alone, times what it counts."""
    torch.manual_seed(0)
    predicted = torch.randn(3, 4, 8, 8)
    target = gaussian_heatmaps(torch.rand(3, 4, 2) * 7, (8, 8), 1.0)
    weights = torch.tensor([[1.0, 0.5, 0.0, 0.25], [0.1, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0, 0.0]])
    got = heatmap_loss(predicted, target, weights, loss)  # type: ignore[arg-type]
    for b in range(3):
        total, labelled = 0.0, 0
        for j in range(4):
            one = heatmap_loss(predicted[b : b + 1, j : j + 1], target[b : b + 1, j : j + 1], torch.ones(1, 1), loss)  # type: ignore[arg-type]
            total += float(weights[b, j]) * one.item()
            labelled += int(weights[b, j] > 0)
        expected = total / (4 if loss == "joints_mse" else max(labelled, 1))
        assert got[b].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", ["mse", "joints_mse", "cross_entropy"])
def test_full_weight_is_a_label_and_a_quarter_teaches_a_quarter(loss: str) -> None:
    torch.manual_seed(1)
    predicted = torch.randn(2, 3, 8, 8, requires_grad=True)
    target = gaussian_heatmaps(torch.rand(2, 3, 2) * 7, (8, 8), 1.0)
    labelled = torch.tensor([[True, False, True], [True, True, True]])
    losses = [
        heatmap_loss(predicted, target, weights, loss)  # type: ignore[arg-type]
        for weights in (labelled, labelled.float(), 0.25 * labelled)
    ]
    assert torch.equal(losses[0], losses[1])
    torch.testing.assert_close(losses[2], losses[0] / 4)
    whole, quarter = (torch.autograd.grad(x.sum(), predicted, retain_graph=True)[0] for x in (losses[0], losses[2]))
    torch.testing.assert_close(quarter, whole / 4)
