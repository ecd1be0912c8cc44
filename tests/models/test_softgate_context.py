"""Parts of other papers in the fast soft-gated network: at rest the identity, awake their formula, sizes by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from leanpose.core.errors import ModelError
from leanpose.models import create_model
from leanpose.models.elhrnet import CBAM
from leanpose.models.softgate_context import GatedContext, LPNDecoder, SoftGateContextNet
from leanpose.pose.skeleton import LSP14
from leanpose.training.recipes import ablation_lsp
from leanpose.training.transfer import start_with

from .test_onnx import randomise
from .test_softgate import randomised

CONTEXTS = [(context, where) for context in ("hsa", "cbam", "gc") for where in ("bottleneck", "every")]


@pytest.mark.parametrize(("context", "where"), CONTEXTS)
@pytest.mark.parametrize("stacks", [1, 2])
def test_a_trained_network_goes_on_with_its_answer(context: str, where: str, stacks: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 128)
    plain = create_model("softgate_1x64_fast", 14, width=16)
    randomise(plain, images)
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    args = {"width": 16, "stacks": stacks, "where": where}
    network = create_model(f"softgate_1x64_{context}", 14, **args)
    recipe = replace(ablation_lsp(), model=f"softgate_1x64_{context}", model_args=args)
    start_with(network, recipe, LSP14, tmp_path / "plain.safetensors")
    with torch.no_grad():
        (expected,) = plain.eval()(images)
        answers = network.eval()(images)
        for parameter in network.parameters():  # awake, the context has a say
            if parameter.ndim == 4 and not parameter.any():
                nn.init.uniform_(parameter, 0.5, 1.0)
        awake = network(images)[-1]
    assert expected.std() > 0
    for answer in answers:
        torch.testing.assert_close(answer, expected)
    assert (awake - expected).abs().max() > 1e-3 * expected.abs().max()


def test_weights_of_another_decoder_are_refused(tmp_path: Path) -> None:
    save_file(create_model("softgate_1x64_fast", 14, width=16).state_dict(), tmp_path / "plain.safetensors")
    network = create_model("softgate_1x64_deconv", 14, width=16)
    with pytest.raises(ModelError, match="other weights"):
        start_with(network, ablation_lsp(), LSP14, tmp_path / "plain.safetensors")


def test_what_is_inserted_by_hand() -> None:
    inserted = randomised(GatedContext(8, CBAM(8, 8)))
    x = torch.randn(2, 8, 5, 6, dtype=torch.float64)
    alpha = inserted.gate.alpha  # type: ignore[union-attr]
    torch.testing.assert_close(inserted(x), (1 - alpha) * x + alpha * inserted.context(x))  # type: ignore[operator]


@torch.no_grad()
def test_the_decoder_by_a_loop_over_places() -> None:
    decoder = randomised(LPNDecoder(3))
    coarse, skip = torch.randn(1, 3, 2, 3, dtype=torch.float64), torch.randn(1, 3, 4, 6, dtype=torch.float64)
    transposed, norm = decoder.enlarge[0], decoder.enlarge[1]  # type: ignore[index]
    enlarged = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    for c in range(3):
        for i, j in np.ndindex(2, 3):
            for di, dj in np.ndindex(4, 4):
                y, x = 2 * i + di - 1, 2 * j + dj - 1
                if 0 <= y < 4 and 0 <= x < 6:
                    enlarged[0, c, y, x] += coarse[0, c, i, j] * transposed.weight[c, 0, di, dj]

    def normed(layer: nn.Module, values: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(values, layer.running_mean, layer.running_var, layer.weight, layer.bias).clamp(min=0)  # type: ignore[arg-type]

    mixed = torch.einsum("oc,bchw->bohw", decoder.mix[0].weight[..., 0, 0], skip + normed(norm, enlarged))  # type: ignore[index]
    torch.testing.assert_close(decoder(coarse, skip), normed(decoder.mix[1], mixed))  # type: ignore[index]


def _added(context: str, channels: int, squeezed: int) -> int:
    """Parameters of one layer of context, from its formula."""
    match context:
        case "hsa":
            return 3 * channels + 2 + channels  # maps, gate's weight and bias, alpha
        case "cbam":
            return 2 * channels * (channels // 8) + 2 * 49 + channels
        case _:
            return (channels + 1) + (channels * squeezed + squeezed) + 2 * squeezed + (squeezed * channels + channels)


@pytest.mark.parametrize(("context", "where"), CONTEXTS)
def test_parameters_are_the_plain_networks_and_one_layer_at_each_place(context: str, where: str, count) -> None:
    places = 3 if where == "bottleneck" else 3 + 2 * (3 if context == "hsa" else 4)  # HSA: not at stride 4
    plain = count(create_model("softgate_1x64_fast", 14), (128, 128))
    ours = count(create_model(f"softgate_1x64_{context}", 14, where=where), (128, 128))
    assert ours.params - plain.params == places * _added(context, 64, 16)
    assert 1 < ours.macs / plain.macs < 1.005


def test_multiply_adds_of_lpns_decoder_by_hand(count) -> None:
    """4 levels: the concatenating block goes, a transposed convolution of n groups and a 1x1 convolution come."""
    n = 64
    plain, ours = (count(create_model(f"softgate_1x64_{kind}", 14), (128, 128)) for kind in ("fast", "deconv"))
    places = [(128 // 4 >> level) ** 2 for level in range(4)]
    convolutions = 9 * (2 * n * n // 2 + n // 2 * n // 4 + n // 4 * n // 4)
    block = convolutions + 2 * n * n  # and the projection of its skip
    assert plain.macs - ours.macs == sum(block * p - (16 * n * p // 4 + n * n * p) for p in places)
    norms = 2 * (n // 2 + n // 4 + n // 4 + n) + n  # BatchNorms of stages and projection, alpha
    assert plain.params - ours.params == 4 * (block + norms - (16 * n + n * n + 4 * n))


@pytest.mark.parametrize("wrong", [{"context": "se"}, {"where": "head"}, {"decoder": "sum"}])
def test_unknown_parts_are_refused_with_the_known_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="use one of"):
        SoftGateContextNet(3, width=16, **wrong)  # type: ignore[arg-type]
