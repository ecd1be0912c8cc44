"""Networks as ONNX files, and the gate that compares every exported model with the network it came from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.core.errors import ExportError, MissingExtraError
from leanpose.core.quiet import quiet
from leanpose.engines import create_engine
from leanpose.engines.card import ModelCard

PARITY_BATCHES = (1, 2, 5)
MAX_HEATMAP_ERROR = 1e-4  # of the peak; f32 on both sides differs by rounding alone
MAX_PIXEL_ERROR = 0.05
REMEDY = "not exported; try the versions of torch, onnx and onnxscript in constraints.txt"


@dataclass(frozen=True)
class Parity:
    """How far an exported model is from its network.

    Attributes:
        heatmap: largest difference of any heatmap cell over the largest value.
        pixels: largest distance of any decoded joint, in crop pixels.
    """

    heatmap: float
    pixels: float


def write_onnx(
    net: nn.Module,
    input_hw: tuple[int, int],
    path: Path,
    folded: bool = True,
    output: str = "heatmaps",
    multiple: int | None = None,
) -> None:
    """Write a network as one ONNX file: ``images`` (batch, 3, H, W) f32 in, ``heatmaps`` (batch, J, h, w) out.

    Args:
        net: gives one tensor.
        input_hw: height and width of its input.
        path: the file to write.
        folded: whether :mod:`leanpose.export.folding` rewrites the graph for speed.
        output: name of what the network gives.
        multiple: of which height and width may be any; None fixes them.
    """
    try:
        import onnxscript  # noqa: F401  the exporter's back end
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnxscript", "train") from error
    from leanpose.export.folding import fold

    example = torch.zeros(2, 3, *input_hw)  # the exporter takes a batch of 1 for a constant
    sides: dict[int, Any] = {0: torch.export.Dim("batch")}
    if multiple:
        sides |= {axis: multiple * torch.export.Dim(name, min=2) for axis, name in ((2, "rows"), (3, "columns"))}
    with quiet():
        torch.onnx.export(
            net.eval(),
            (example,),
            path,
            input_names=["images"],
            output_names=[output],
            dynamic_shapes=(sides,),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    if folded:
        fold(path)
    _strip_metadata(path)


def _strip_metadata(path: Path) -> None:
    """Remove what the exporter notes of its origin: stack traces that name the files of this machine."""
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    for item in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]
    onnx.save(model, path)


def check_parity(net: Callable[[Tensor], Tensor], onnx: Path, card: ModelCard) -> Parity:
    """Compare heatmaps and decoded joints of a network and its export on smooth random crops, in f32.

    Raises:
        ExportError: when the input is another, heatmaps differ by more than 1e-4 of their peak, or a joint by more
            than 0.05 px.
    """
    engine = create_engine(onnx, engine="onnxruntime", precision="f32")
    if engine.input_shape != (None, 3, *card.input_hw):
        raise ExportError(f"{onnx.name}: takes {engine.input_shape}, not any number of {card.input_hw} crops: {REMEDY}")
    rng = np.random.default_rng(0)
    worst = Parity(0.0, 0.0)
    for batch in PARITY_BATCHES:
        images = smooth_noise(rng, batch, card.input_hw)
        with torch.inference_mode():
            expected = net(torch.from_numpy(images)).numpy()
        actual = engine(images)
        if actual.shape != expected.shape:
            raise ExportError(
                f"{onnx.name}: heatmaps {actual.shape} where the network gives {expected.shape}: {REMEDY}"
            )
        heatmap = float(np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-12))
        joints = [
            geometry.cells_to_crop(decode(maps, card.decode, sigma=card.sigma)[0], card.stride, card.cell_offset)
            for maps in (actual, expected)
        ]
        pixels = float(np.linalg.norm(joints[0] - joints[1], axis=-1).max())
        # of this batch and written so that NaN fails too: max() would drop it
        if not (heatmap <= MAX_HEATMAP_ERROR and pixels <= MAX_PIXEL_ERROR):
            raise ExportError(
                f"{onnx.name}: at batch {batch} heatmaps differ by {heatmap:.1e} of the peak (at most "
                f"{MAX_HEATMAP_ERROR:.0e}), joints by {pixels:.3f} px (at most {MAX_PIXEL_ERROR}): {REMEDY}"
            )
        worst = Parity(max(worst.heatmap, heatmap), max(worst.pixels, pixels))
    return worst


def smooth_noise(rng: np.random.Generator, batch: int, input_hw: tuple[int, int]) -> np.ndarray:
    """Random normalised crops (batch, 3, H, W) whose detail is coarse enough to excite a trained network."""
    height, width = input_hw
    coarse = rng.normal(size=(batch, 3, -(-height // 16), -(-width // 16))).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(16, axis=2).repeat(16, axis=3)[..., :height, :width])
