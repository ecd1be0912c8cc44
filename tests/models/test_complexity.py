"""The counter against PyTorch's own, against sums by hand, and against what its rules say."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from leanpose.core.errors import InputSizeError
from leanpose.models import create_model
from leanpose.models.complexity import complexity

FAMILIES = [
    "cunet_8x128_g32",
    "elhrnet_w32_la_r8",
    "hourglass_2",
    "hrnet_w32",
    "litehrnet_18",
    "lpn_50",
    "sfm_basic72",
    "simplebaseline_mobilenetv3",
    "softgate_2x68",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_flops_of_torch_are_exactly_twice_our_macs(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, 5).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, 128, 192, device="meta"))
    counted = complexity(network, (128, 192))
    assert counter.get_total_flops() == 2 * counted.macs == counted.doubled


class Small(nn.Module):
    """Every kind of operation that a rule counts, small enough to sum by hand: input 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            [nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2, bias=False)]
        )
        self.norm = nn.BatchNorm2d(4)
        self.linear = nn.Linear(4, 7)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.parts[0](x)  # (4, 4, 4)
        x = self.parts[1](x)  # (4, 8, 8)
        x = torch.relu(self.norm(x))
        x = x + self.scale * x
        x = F.max_pool2d(x, 2)  # (4, 4, 4)
        x = F.interpolate(x, scale_factor=2, mode="nearest")  # (4, 8, 8)
        rows = x.flatten(2)
        attention = rows @ rows.transpose(1, 2)  # (4, 64) x (64, 4)
        return [self.linear(attention[0])]  # (4, 4) -> (4, 7)


CONV = 4 * 3 * 9 * 16
DECONV = 4 * 2 * 16 * 16
LINEAR = 4 * 4 * 7
ATTENTION = 4 * 64 * 4


def test_each_rule_equals_a_sum_by_hand() -> None:
    counted = complexity(Small(), (8, 8))
    assert counted.params == (4 * 3 * 9 + 4) + 4 * 2 * 16 + 8 + (4 * 7 + 7) + 1
    assert counted.matmul_macs == ATTENTION
    assert counted.macs == CONV + DECONV + LINEAR + ATTENTION
    assert counted.operations("macs") == pytest.approx((CONV + DECONV + LINEAR) / 1e9)
    assert counted.operations("hrnet") == pytest.approx((CONV + 4 * DECONV + LINEAR) / 2**30)
    values, bias = 4 * 64, 4 * 16
    extra = bias + 2 * values + 2 * values + values + values + 3 * 4 * 16  # bias, BN, ReLU, product, sum, pool
    assert counted.operations("pthflops") == pytest.approx((counted.macs + extra) / 1e9)
    extra = bias + 2 * values + values + values  # bias, BN, ReLU, upsampling
    assert counted.operations("torchstat") == pytest.approx((CONV + DECONV + LINEAR + extra) / 2**30)


def test_parts_take_lists_apart_and_sum_to_the_whole() -> None:
    counted = complexity(Small(), (8, 8))
    assert [(b.name, b.params, b.macs) for b in counted.blocks] == [
        ("parts.0", 4 * 3 * 9 + 4, CONV),
        ("parts.1", 4 * 2 * 16, DECONV),
        ("norm", 8, 0),
        ("linear", 4 * 7 + 7, LINEAR),
        ("(outside)", 1, ATTENTION),
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_parts_of_real_networks_sum_to_the_whole(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, 3)
    counted = complexity(network, (64, 64))
    assert sum(b.params for b in counted.blocks) == counted.params == sum(p.numel() for p in network.parameters())
    assert sum(b.macs for b in counted.blocks) == counted.macs


def test_peak_memory_is_the_most_that_lives_at_once() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv2d(3, 50, 1, bias=False)
            self.narrow = nn.Conv2d(50, 2, 1, bias=False)
            self.linear = nn.Linear(512, 100)  # whose weight alone is larger than all activations

        def forward(self, x: Tensor) -> list[Tensor]:
            x = self.narrow(self.wide(x))  # the 50 channels die here
            return [self.linear(torch.relu(x).flatten(1))]

    # input of 3 channels (held by the caller), 50 between the layers, 2 being written: weights do not count
    assert complexity(Wide(), (16, 16)).peak_bytes == (3 + 50 + 2) * 256 * 4


def test_the_model_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    complexity(network, (8, 8))
    assert network.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key])


def test_an_input_that_does_not_fit_is_refused() -> None:
    with torch.device("meta"):
        network: Any = create_model("softgate_1x64", 3)
    with pytest.raises(InputSizeError, match="multiples of 64"):
        complexity(network, (96, 64))
