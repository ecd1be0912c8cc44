"""The detector's network: its trunk from a pose network, its candidates against a search over all cells."""

import pytest
import torch

from leanpose.core.errors import InputSizeError, ModelError
from leanpose.models import create_model
from leanpose.models.person import PersonAnswer, PersonNet, create_detector


def _random(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim:
            spread = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(spread + 0.5 if "running_var" in name else (spread - 0.5) * 0.4)
    return network.eval()


@pytest.mark.parametrize(("name", "fast"), [("softgate_1x64", False), ("softgate_1x64_fast", True)])
@pytest.mark.parametrize("stacks", [1, 2])
def test_the_trunk_computes_what_the_pose_network_computes_inside(name: str, fast: bool, stacks: int) -> None:
    pose = _random(create_model(name, 14, stacks=stacks))
    detector = _random(PersonNet(64, fast), seed=1)
    assert isinstance(detector, PersonNet)
    detector.load_trunk(pose.state_dict())
    image = torch.randn(2, 3, 128, 192, generator=torch.Generator().manual_seed(2))
    inside = []
    stack = pose.stacks[0]  # type: ignore[index]
    stack.inner.register_forward_hook(lambda *call: inside.append(call[2]))  # type: ignore[union-attr]
    with torch.inference_mode():
        pose(image)
        ours = detector.stack(torch.nn.functional.max_pool2d(detector.encode(detector.stem(image)), 2))
    torch.testing.assert_close(ours, inside[0])


@pytest.mark.parametrize("name", ["softgate_1x128", "softgate_1x64_fast", "lpn_50"])
def test_a_trunk_of_another_network_is_refused(name: str) -> None:
    with pytest.raises(RuntimeError):
        PersonNet(64).load_trunk(create_model(name, 14).state_dict())


def test_candidates_are_the_peaks_in_falling_order() -> None:
    network = _random(PersonNet(32))
    assert isinstance(network, PersonNet)
    image = torch.randn(2, 3, 128, 64, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        answer = PersonAnswer(network, candidates=20)(image)
        logits, sides = network(image)
    assert answer.shape == (2, 20, 5)
    scores = logits[:, 0].sigmoid()
    for b in range(2):
        expected = []
        for r in range(16):
            for c in range(8):
                around = scores[b, max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2]
                if scores[b, r, c] >= around.max():
                    x, y = 8 * (c + 0.5) - 0.5, 8 * (r + 0.5) - 0.5
                    left, top, right, bottom = sides[b, :, r, c].tolist()
                    expected.append((scores[b, r, c].item(), [x - left, y - top, x + right, y + bottom]))
        expected.sort(key=lambda peak: -peak[0])
        assert len(expected) > 1
        found = [row for row in answer[b].tolist() if row[4] > 0]
        assert len(found) == min(len(expected), 20)
        for row, (score, box) in zip(found, expected, strict=False):
            assert row[4] == pytest.approx(score, rel=1e-5)
            assert row[:4] == pytest.approx(box, rel=1e-4, abs=1e-3)


def test_a_fresh_network_takes_no_cell_for_a_person() -> None:
    with torch.inference_mode():
        logits, sides = PersonNet(32).eval()(torch.zeros(1, 3, 64, 64))
    assert logits.sigmoid().mean().item() == pytest.approx(0.01, rel=0.5)
    assert (sides > 0).all()


def test_unknown_detectors_and_odd_sizes_are_refused() -> None:
    with pytest.raises(ModelError, match="person_1x128"):
        create_detector("person_9000")
    with pytest.raises(ModelError, match="breadth"):
        create_detector("person_1x128", breadth=3)
    with pytest.raises(InputSizeError, match="64"):
        PersonNet(32)(torch.zeros(1, 3, 96, 64))
