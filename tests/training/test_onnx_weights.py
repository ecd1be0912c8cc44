"""Weights read back from exported models: the same heatmaps, the names of the network, statistics measured again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from leanpose.core.errors import ModelError
from leanpose.export.onnx_file import write_onnx
from leanpose.models import create_model
from leanpose.training.checkpoint import AnsweringNet
from leanpose.training.onnx_weights import read_onnx_weights, restore_statistics
from leanpose.training.recipes import softgate_lsp
from leanpose.training.trained import open_trained

ARGS = {"width": 16, "stacks": 2}
REPOSITORY = Path(__file__).parents[2]


def _lived(seed: int, name: str = "softgate_1x64", **arguments: object) -> nn.Module:
    """A network whose weights and statistics are those of none that was just built."""
    torch.manual_seed(seed)
    network = create_model(name, 5, **arguments or ARGS)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.3, 2)
        elif tensor.is_floating_point():
            tensor.normal_(1 if tensor.ndim == 1 and name.endswith("weight") else 0, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "m.onnx"
    write_onnx(AnsweringNet(_lived(0), softgate_lsp()), (64, 128), path)  # wide enough for decoders to be split
    return path


@torch.no_grad()
def test_a_network_filled_from_its_export_answers_the_same_on_every_stage(exported: Path) -> None:
    source, network = _lived(0), create_model("softgate_1x64", 5, **ARGS)
    state, identities = read_onnx_weights(exported, network, (64, 64))
    network.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64)
    for ours, theirs in zip(network.eval()(images), source(images), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))
    # what was not multiplied into a convolution is there as it was
    norms = tuple(f"{name}." for name in identities)
    kept = [name for name in state if name.endswith(("running_mean", "running_var")) and not name.startswith(norms)]
    assert kept
    assert all(torch.equal(state[name], source.state_dict()[name]) for name in kept)
    assert "stem.1" in identities  # right behind the first convolution


@torch.no_grad()
def test_weights_that_a_gate_was_multiplied_into_are_found(tmp_path: Path) -> None:
    """The fast order projects and gates right behind a decoder's merge, which the export folds into one."""
    source, network = (_lived(seed, "softgate_1x64_fast", **ARGS) for seed in (0, 1))
    write_onnx(AnsweringNet(source, softgate_lsp()), (64, 128), tmp_path / "m.onnx")
    state, identities = read_onnx_weights(tmp_path / "m.onnx", network, (64, 64))
    assert "stacks.1.decode.project.1" in identities
    network.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64)
    for ours, theirs in zip(network(images), source(images), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


@torch.no_grad()
def test_restored_statistics_are_those_of_the_images_and_change_no_answer(exported: Path) -> None:
    network = create_model("softgate_1x64", 5, **ARGS)
    state, identities = read_onnx_weights(exported, network, (64, 64))
    network.load_state_dict(state)
    images = torch.randn(6, 3, 64, 64)
    before = network.eval()(images)
    restore_statistics(network, identities, images)
    for after, maps in zip(network.eval()(images), before, strict=True):
        torch.testing.assert_close(after, maps, rtol=1e-4, atol=1e-4 * float(maps.abs().max()))
    stem: nn.BatchNorm2d = network.stem[1]  # type: ignore[index,assignment]
    inputs = network.stem[0](images)  # type: ignore[index,operator]
    by_hand = [inputs[:, c].flatten() for c in range(inputs.shape[1])]
    torch.testing.assert_close(stem.running_mean, torch.stack([values.mean() for values in by_hand]))
    torch.testing.assert_close(stem.running_var, torch.stack([values.var(correction=0) for values in by_hand]))
    # and so the layer does in training what it does in use
    torch.testing.assert_close(stem.train()(inputs), stem.eval()(inputs), rtol=1e-3, atol=1e-4)


def test_the_packaged_model_is_the_network_of_the_repositorys_weights() -> None:
    packaged = open_trained("nano")
    stored = open_trained(str(REPOSITORY / "weights/softgate_1x64_fast_everyday.safetensors"))
    assert packaged.recipe == stored.recipe
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = packaged.net(images), stored.net(images)
    # the stored ones are in half precision
    assert (ours - theirs).abs().max() < 0.02 * theirs.abs().max()


@torch.no_grad()
def test_biases_of_transposed_convolutions_that_were_split_are_found(tmp_path: Path) -> None:
    source, network = (_lived(seed, "lpn_50", depths=(1, 1, 1, 1)) for seed in (0, 1))
    write_onnx(AnsweringNet(source, replace(softgate_lsp(), loss="mse")), (64, 64), tmp_path / "m.onnx")
    state, identities = read_onnx_weights(tmp_path / "m.onnx", network, (64, 64))
    assert {"deconv_layers.1", "deconv_layers.7"} <= set(identities)
    network.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64)
    expected = source(images)[-1]
    torch.testing.assert_close(network(images)[-1], expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_another_network_or_no_onnx_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights of the network are not in it"):
        read_onnx_weights(exported, create_model("hourglass_1", 5), (64, 64))
    (tmp_path / "text.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not readable as ONNX"):
        read_onnx_weights(tmp_path / "text.onnx", create_model("softgate_1x64", 5, **ARGS), (64, 64))


def test_heads_of_stages_that_the_answer_does_not_need_start_anew(tmp_path: Path) -> None:
    class TwoHeads(nn.Module):
        stride = 1

        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList(nn.Conv2d(3, 2, 1) for _ in range(2))

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [head(x) for head in self.heads]

    source, network = TwoHeads(), TwoHeads()
    write_onnx(AnsweringNet(source, replace(softgate_lsp(), loss="mse")), (64, 64), tmp_path / "m.onnx")
    state, identities = read_onnx_weights(tmp_path / "m.onnx", network, (64, 64))
    assert identities == []
    assert torch.equal(state["heads.1.weight"], source.heads[1].weight)  # type: ignore[arg-type]
    assert torch.equal(state["heads.0.weight"], network.heads[0].weight)  # type: ignore[arg-type]
