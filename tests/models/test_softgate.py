"""The soft-gated network against the paper's equations, written out again with plain tensor operations."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.softgate import GatedBlock, HybridStack, SoftGatedNet


def randomised(module: nn.Module) -> nn.Module:
    """In double precision, with every parameter and statistic away from where it starts."""
    torch.manual_seed(0)
    module.double().eval()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 1.5)
    return module


def bn_relu_conv(stage: nn.Module, x: Tensor, groups: int = 1) -> Tensor:
    """BN -> ReLU -> conv of one stage, from its weights alone."""
    norm, _, conv = stage.children()
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(conv, nn.Conv2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, var, gain, shift = (v[:, None, None] for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    y = ((x - mean) / (var + norm.eps).sqrt() * gain + shift).clamp(min=0)
    return F.conv2d(y, conv.weight, padding=conv.weight.shape[-1] // 2, groups=groups)


def block_by_hand(block: GatedBlock, x: Tensor, alpha: Tensor | float, groups: int = 1) -> Tensor:
    """Equation 1 with the function of Fig. 1."""
    first = bn_relu_conv(block.stage1, x, groups)
    second = bn_relu_conv(block.stage2, first)
    third = bn_relu_conv(block.stage3, second)
    skip = x if isinstance(block.project, nn.Identity) else bn_relu_conv(block.project, x)
    return alpha * skip + torch.cat([first, second, third], 1)


@pytest.mark.parametrize(("in_channels", "groups"), [(8, 1), (6, 1), (16, 2)])
def test_a_gate_of_one_is_the_plain_residual_block(in_channels: int, groups: int) -> None:
    block = randomised(GatedBlock(in_channels, 8, 1.0, groups))
    x = torch.randn(2, in_channels, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(block(x), block_by_hand(block, x, 1.0, groups))


@pytest.mark.parametrize("gate", ["channel", "scalar", 0.5, 0.1])
def test_the_gate_scales_the_skip_alone(gate: str | float) -> None:
    block = randomised(GatedBlock(8, 8, gate))  # pyright: ignore[reportArgumentType]
    x = torch.randn(2, 8, 5, 6, dtype=torch.float64)
    alpha = gate if isinstance(gate, float) else block.gate.alpha.reshape(-1, 1, 1)
    torch.testing.assert_close(block(x), block_by_hand(block, x, alpha))


@pytest.mark.parametrize(("gate", "size"), [("channel", 8), ("scalar", 1)])
def test_learnt_gates_start_at_zero(gate: str, size: int) -> None:
    net = SoftGatedNet(3, stacks=1, width=8, gate=gate)  # pyright: ignore[reportArgumentType]
    gates = [p for name, p in net.named_parameters() if name.endswith("alpha")]
    assert len(gates) == 1 + 2 * 4 + 3  # stem, encoder and decoder of four levels, bottom
    for alpha in gates:
        assert alpha.numel() == size
        assert not alpha.any()


def test_fixed_gates_are_not_learnt() -> None:
    net = SoftGatedNet(3, stacks=1, width=8, gate=0.5)
    assert not [name for name, _ in net.named_parameters() if name.endswith("alpha")]


@pytest.mark.parametrize("merge", ["concat", "concat_grouped", "sum"])
@pytest.mark.parametrize("skip", ["bn_relu_conv1", "bn_relu_conv3", "conv1", "identity", "residual"])
def test_a_stack_of_one_level_by_hand(merge: str, skip: str) -> None:
    stack = randomised(HybridStack(8, 1, "channel", merge, skip))  # pyright: ignore[reportArgumentType]
    x = torch.randn(2, 8, 4, 6, dtype=torch.float64)

    def block(module: GatedBlock, y: Tensor, groups: int = 1) -> Tensor:
        return block_by_hand(module, y, module.gate.alpha, groups)

    encoded = block(stack.encode, x)  # type: ignore[arg-type]
    coarse = encoded.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
    for bottom in stack.inner:  # type: ignore[union-attr]
        coarse = block(bottom, coarse)
    upsampled = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    match skip:
        case "identity":
            skipped = encoded
        case "conv1":
            skipped = torch.einsum("oc,bchw->bohw", stack.skip.weight[:, :, 0, 0], encoded)  # type: ignore[index]
        case "residual":
            skipped = block(stack.skip, encoded)  # type: ignore[arg-type]
        case _:
            skipped = bn_relu_conv(stack.skip, encoded)  # type: ignore[arg-type]
    if merge == "sum":
        expected = block(stack.decode, upsampled + skipped)  # type: ignore[arg-type]
    else:
        groups = 2 if merge == "concat_grouped" else 1
        expected = block(stack.decode, torch.cat([upsampled, skipped], 1), groups)  # type: ignore[arg-type]
    torch.testing.assert_close(stack(x), expected)


def test_grouped_merge_keeps_the_two_sources_apart() -> None:
    stack = randomised(HybridStack(8, 1, "channel", "concat_grouped", "identity"))
    merged = torch.randn(1, 16, 4, 4, dtype=torch.float64, requires_grad=True)
    stage = stack.decode.stage1  # type: ignore[union-attr]
    stage(merged)[:, :2].sum().backward()  # the first group's half of N/2 = 4 channels  # type: ignore[operator]
    assert merged.grad is not None
    assert merged.grad[:, :8].any()
    assert not merged.grad[:, 8:].any()


def test_stacks_pass_on_features_and_heatmaps() -> None:
    net = randomised(SoftGatedNet(3, stacks=2, width=8))
    image = torch.randn(2, 3, 64, 128, dtype=torch.float64)
    x = net.stem(image)  # type: ignore[operator]
    stacks, features, heads = (list(m) for m in (net.stacks, net.features, net.heads))  # type: ignore[arg-type]

    def conv1x1(conv: nn.Conv2d, y: Tensor) -> Tensor:
        assert conv.bias is not None
        return torch.einsum("oc,bchw->bohw", conv.weight[:, :, 0, 0], y) + conv.bias[:, None, None]

    seen = features[0](stacks[0](x))
    first = conv1x1(heads[0], seen)
    x = x + conv1x1(net.feature_links[0], seen) + conv1x1(net.heatmap_links[0], first)  # type: ignore[index]
    second = conv1x1(heads[1], features[1](stacks[1](x)))
    for got, expected in zip(net(image), (first, second), strict=True):
        assert tuple(got.shape) == (2, 3, 16, 32)
        torch.testing.assert_close(got, expected)


def params(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_block_has_the_papers_parameters() -> None:
    n = 128
    convolutions = n * n * 9 // 2 + n * n * 9 // 8 + n * n * 9 // 16  # N/2, N/4, N/4 from N, N/2, N/4
    assert convolutions == 6.1875 * n * n
    assert params(GatedBlock(n, n)) == convolutions + 2 * (n + n // 2 + n // 4) + n


@pytest.mark.parametrize(
    ("skip", "each"),
    [
        ("bn_relu_conv1", 32 * 32 + 64),
        ("bn_relu_conv3", 9 * 32 * 32 + 64),
        ("conv1", 32 * 32),
        ("residual", int(6.1875 * 32 * 32) + 2 * (32 + 16 + 8) + 32),
    ],
)
def test_every_level_has_its_skip_transform(skip: str, each: int) -> None:
    plain = SoftGatedNet(3, stacks=2, width=32, skip="identity")
    assert params(SoftGatedNet(3, stacks=2, width=32, skip=skip)) - params(plain) == 2 * 4 * each  # pyright: ignore[reportArgumentType]


# Tables I and III to V: parameters in M. Multiply-adds in G are held in tests/models/test_comparison.py.
PRINTED = {"1x68": 0.5, "2x68": 1.0, "2x96": 1.9, "2x108": 2.4, "2x120": 2.9, "2x128": 3.4, "4x144": 8.5, "4x256": 26}


@pytest.mark.parametrize(("size", "printed"), [*PRINTED.items(), ("4x92", 3.4)])
def test_parameters_within_three_percent_of_the_paper(size: str, printed: float) -> None:
    with torch.device("meta"):
        assert params(create_model(f"softgate_{size}", 16)) / 1e6 == pytest.approx(printed, rel=0.03)


@pytest.mark.parametrize(("size", "printed"), [("2x108", 3.10), ("2x120", 3.75), ("2x128", 4.27), ("1x68", 0.80)])
def test_multiply_adds_within_three_percent_of_the_paper(size: str, printed: float, count) -> None:
    # BatchNorm and ReLU, which the paper's rule adds, are 1 to 3 %; this is the part that a plain counter can see
    assert count(create_model(f"softgate_{size}", 16), (256, 256)).macs / 1e9 == pytest.approx(printed, rel=0.03)


def test_table_3_is_ordered_by_size() -> None:
    sizes = [params(create_model(f"softgate_{size}", 16)) for size in ("1x64", "1x68", "2x68", "2x80", "2x96")]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 70}, "multiple of 4"),
        ({"gate": "none"}, "gate='none'"),
        ({"merge": "add"}, "merge='add'"),
        ({"skip": "dense"}, "skip='dense'"),
    ],
)
def test_unknown_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SoftGatedNet(3, **options)


@pytest.mark.parametrize(("height", "width"), [(96, 64), (64, 100), (0, 64)])
def test_sizes_that_would_misalign_are_refused(height: int, width: int) -> None:
    with pytest.raises(InputSizeError, match="multiples of 64"):
        SoftGatedNet(3, stacks=1, width=8)(torch.zeros(1, 3, height, width))
