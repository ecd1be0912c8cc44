"""Export: the file computes what the checkpoint computes, and one that does not is never left behind."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F
from typer.testing import CliRunner

from leanpose.cli import app
from leanpose.cli.crop_size import crop_size
from leanpose.core.errors import ExportError, InputSizeError, ModelError
from leanpose.engines.card import DataSource, ModelCard, file_sha256
from leanpose.engines.zoo import find_model
from leanpose.export import onnx_file as export
from leanpose.export.onnx_file import check_parity, write_onnx
from leanpose.models import create_model
from leanpose.pose.skeleton import Skeleton
from leanpose.training import exported
from leanpose.training.checkpoint import AnsweringNet, load_checkpoint
from leanpose.training.exported import export_checkpoint
from leanpose.training.initialisation import head_layers
from leanpose.training.recipes import Recipe

RECIPE = Recipe(name="tiny", model="softgate_1x64", model_args={"width": 16}, input_hw=(64, 64), sigma=1.5)
Nodes = Sequence[onnx.NodeProto]


def _excited(network: nn.Module) -> nn.Module:
    """With weights and statistics as after a training: a fresh network answers zero, and zero agrees with zero."""
    rng = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.5, generator=rng)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.5, 2, generator=rng)  # type: ignore[union-attr]
            layer.weight.data.uniform_(0.5, 1.5, generator=rng)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data.normal_(0, 0.2, generator=rng)
    for head in head_layers(network):
        head.weight.data.mul_(20)  # so that a softmax of its maps is far from flat
    return network.eval()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[[Recipe], Path]:
    """Writes a checkpoint of an excited network, as a training would leave it."""

    def write(recipe: Recipe) -> Path:
        network = _excited(create_model(recipe.model, 14, **recipe.model_args))
        content = {
            "hyper_parameters": {"recipe": recipe.to_dict(), "skeleton": "lsp14", "datasets": ["lsp"]},
            "state_dict": {f"model.{name}": tensor for name, tensor in network.state_dict().items()},
            "epoch": 4,
        }
        path = tmp_path / "run.ckpt"
        torch.save(content, path)
        return path

    return write


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_an_export_computes_what_the_checkpoint_computes(
    tmp_path: Path, checkpoint: Callable[[Recipe], Path], loss: str
) -> None:
    """On numbers and batches that the gate has not seen; after cross-entropy every map sums to 2 pi sigma^2."""
    path, out = checkpoint(replace(RECIPE, loss=loss)), tmp_path / "new" / "tiny.onnx"  # type: ignore[arg-type]
    card, parity = export_checkpoint(path, out)
    assert sorted(file.name for file in out.parent.iterdir()) == ["tiny.json", "tiny.onnx"]
    assert find_model(out) == (out, card)
    assert (card.name, card.architecture, card.epochs, card.sha256) == ("tiny", "softgate_1x64", 5, file_sha256(out))
    assert parity.heatmap < 1e-4
    assert parity.pixels < 0.05
    network = load_checkpoint(path).net.network
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = np.random.default_rng(batch).normal(size=(batch, 3, 64, 64)).astype(np.float32)
        (heatmaps,) = session.run(["heatmaps"], {"images": images})
        with torch.inference_mode():
            logits = network(torch.from_numpy(images))[-1].double()
        expected = logits
        if loss == "cross_entropy":
            weights = (logits - logits.amax(dim=(2, 3), keepdim=True)).exp()
            expected = weights / weights.sum(dim=(2, 3), keepdim=True) * 2 * np.pi * 1.5**2
            assert heatmaps.sum(axis=(2, 3)) == pytest.approx(2 * np.pi * 1.5**2, rel=1e-4)
        assert expected.std() > 0.01 * expected.abs().max()
        assert heatmaps == pytest.approx(expected.numpy(), abs=1e-4 * float(expected.abs().max()))


def test_the_first_stacks_are_exported_as_a_network_of_their_own_at_another_size(
    checkpoint: Callable[[Recipe], Path], tmp_path: Path
) -> None:
    path = checkpoint(replace(RECIPE, model_args={"width": 16, "stacks": 2}))
    both = load_checkpoint(path).net.network
    out = tmp_path / "first.onnx"
    command = ["export", str(path), "--out", str(out), "--model", "softgate_1x64", "--input", "128x64"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    card = ModelCard.load(out.with_suffix(".json"))
    assert (card.architecture, card.input_hw) == ("softgate_1x64", (128, 64))
    crops = np.random.default_rng(0).normal(size=(2, 3, 128, 64)).astype(np.float32)
    with torch.inference_mode():
        expected = both(torch.from_numpy(crops))[0].numpy()
    session = onnxruntime.InferenceSession(out)
    np.testing.assert_allclose(session.run(None, {"images": crops})[0], expected, atol=1e-4 * np.abs(expected).max())
    with pytest.raises(ModelError, match="lpn_50"):
        export_checkpoint(path, out, model="lpn_50")
    with pytest.raises(InputSizeError, match="height and width"):
        crop_size("128")


def test_an_export_that_differs_is_deleted_and_fails_the_command(
    tmp_path: Path, checkpoint: Callable[[Recipe], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that is off by a thousandth is enough; an export that stood there before stays."""
    path = checkpoint(RECIPE)
    written: list[Path] = []

    def write_wrong(net: AnsweringNet, input_hw: tuple[int, int], onnx_path: Path, _folded: bool) -> None:
        wrong = AnsweringNet(create_model(RECIPE.model, 14, **RECIPE.model_args), RECIPE)
        wrong.load_state_dict({name: tensor * 1.001 for name, tensor in net.state_dict().items()})
        write_onnx(wrong, input_hw, onnx_path)
        written.append(onnx_path)

    monkeypatch.setattr(exported, "write_onnx", write_wrong)
    out = tmp_path / "out" / "tiny.onnx"
    result = CliRunner().invoke(app, ["export", str(path), "--out", str(out)])
    assert result.exit_code == 2
    assert "tiny.onnx: at batch 1 heatmaps differ" in result.output
    assert "not exported" in result.output
    assert written
    assert not written[0].exists()
    assert not out.parent.exists()
    out.parent.mkdir()
    out.write_bytes(b"an older one")
    with pytest.raises(ExportError):
        export_checkpoint(path, out)
    assert [(file.name, file.read_bytes()) for file in out.parent.iterdir()] == [("tiny.onnx", b"an older one")]


def test_names_and_places_that_cannot_be_are_refused(
    tmp_path: Path, checkpoint: Callable[[Recipe], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match=r"NAME\.onnx"):
        export_checkpoint(tmp_path / "run.ckpt", tmp_path / "tiny.pt")
    with pytest.raises(ModelError, match="no such checkpoint"):
        export_checkpoint(tmp_path / "run.ckpt", tmp_path / "tiny.onnx")
    path = checkpoint(RECIPE)
    monkeypatch.setattr(exported, "check_parity", lambda *_: export.Parity(0, 0))
    monkeypatch.setattr(exported, "write_onnx", lambda _net, _hw, onnx_path, _folded: onnx_path.write_bytes(b"x"))
    with pytest.raises(ExportError, match="cannot write"):
        export_checkpoint(path, path / "inside" / "a_file.onnx")


# The gate alone, on a network that both sides can write by hand: each map is a channel of the crop, averaged over
# cells of 4x4 pixels.

CARD = ModelCard(
    name="pooled", architecture="none", skeleton=Skeleton("three", ("nose", "neck", "head_top"), (("nose", "neck"),)),
    input_hw=(72, 40), sigma=1.5, sha256="0" * 64, params=0, macs=0, recipe="none",
    data=(DataSource("none", "none"),), epochs=0, license="none",
)  # fmt: skip
POOL = helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[4, 4], strides=[4, 4])
RAMP = np.linspace(1, 1 + 1e-6, 180, dtype=np.float32).reshape(1, 1, 18, 10)


def _write(path: Path, nodes: Nodes, batch: str | int = "batch", **constants: np.ndarray) -> Path:
    graph = helper.make_graph(
        [POOL, *nodes],
        "pooled",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, *CARD.input_hw])],
        [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def _pooled(images: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(images, 4)


def _node(kind: str, *inputs: str, to: str = "heatmaps", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [to], **attributes)


def test_the_gate_lets_rounding_pass(tmp_path: Path) -> None:
    """Any input size goes, multiples of 16 or not."""
    parity = check_parity(_pooled, _write(tmp_path / "same.onnx", [_node("Identity", "cells")]), CARD)
    assert parity.heatmap < 1e-6
    nearly = _write(tmp_path / "nearly.onnx", [_node("Mul", "cells", "factor")], factor=np.array(1 + 5e-5))
    assert check_parity(_pooled, nearly, CARD).heatmap == pytest.approx(5e-5, rel=0.05)


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        ([_node("Mul", "cells", "c")], {"c": 1 + 3e-4}, "at batch 1 heatmaps differ by 3.0e-04"),
        ([_node("Mul", "cells", "c")], {"c": np.nan}, "at batch 1 heatmaps differ by nan"),
        ([_node("Transpose", "cells", perm=[0, 1, 3, 2])], {}, "heatmaps .* where the network gives"),
        # right for one crop, wrong where crops meet
        (
            [_node("ReduceMean", "cells", to="mean", axes=[0]), _node("Sub", "cells", "mean", to="apart"),
             _node("Mul", "apart", "c", to="part"), _node("Add", "cells", "part")],
            {"c": 0.01}, "at batch 2 heatmaps differ",
        ),
    ],
)  # fmt: skip
def test_the_gate_stops_what_differs(
    tmp_path: Path, nodes: Nodes, constants: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        check_parity(_pooled, _write(tmp_path / "wrong.onnx", nodes, **constants), CARD)


def test_the_gate_stops_joints_that_move_though_heatmaps_agree(tmp_path: Path) -> None:
    """Flat maps whose largest cells lie at opposite ends differ by a millionth."""
    nodes = [_node("Mul", "cells", "zero", to="nothing"), _node("Add", "nothing", "ramp")]
    wrong = _write(tmp_path / "wrong.onnx", nodes, zero=np.array(0), ramp=RAMP[..., ::-1, ::-1])
    with pytest.raises(ExportError, match=r"joints by \d\d\.\d+ px"):
        check_parity(lambda images: 0 * _pooled(images) + torch.from_numpy(RAMP), wrong, CARD)


def test_the_gate_wants_a_batch_of_any_size(tmp_path: Path) -> None:
    fixed = _write(tmp_path / "fixed.onnx", [_node("Identity", "cells")], batch=2)
    with pytest.raises(ExportError, match=r"takes \(2, 3, 72, 40\), not any number"):
        check_parity(_pooled, fixed, CARD)
