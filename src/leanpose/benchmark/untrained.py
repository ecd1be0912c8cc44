"""Networks of the registry as model files without training, to be timed. Needs torch."""

from pathlib import Path

import torch

from leanpose.engines.card import DataSource, ModelCard, file_sha256
from leanpose.export.onnx_file import write_onnx
from leanpose.models import REGISTRY, create_model
from leanpose.models.complexity import complexity
from leanpose.models.registry import Published
from leanpose.pose.skeleton import SKELETONS
from leanpose.training.checkpoint import AnsweringNet
from leanpose.training.recipes import Recipe


def export_untrained(name: str, folder: Path, input_hw: tuple[int, int] | None = None) -> Path:
    """Export the network ``name`` as it is exported when trained, with random weights, and its card beside it.

    Args:
        folder: to write ``NAME.onnx`` into.
        input_hw: height and width of the crop; those of its first printed size if not given, or 256x256.

    Raises:
        ModelError: when there is no such network.
        InputSizeError: when it cannot take that size.
        ExportError, MissingExtraError: as the export does.
    """
    skeleton = SKELETONS["lsp14"]
    torch.manual_seed(0)
    network = create_model(name, len(skeleton))
    printed = REGISTRY[name].published
    hw = input_hw or (printed[0] if printed else Published("")).input_hw
    counted = complexity(network, hw)
    recipe = Recipe("untrained", name, input_hw=hw)
    path = folder / f"{name}.onnx"
    write_onnx(AnsweringNet(network, recipe), hw, path)
    ModelCard(
        name=name,
        architecture=name,
        skeleton=skeleton,
        input_hw=hw,
        color=recipe.color,
        mean=recipe.mean,
        std=recipe.std,
        padding=recipe.padding,
        stride=int(network.stride),  # type: ignore[arg-type]
        sigma=recipe.sigma,
        sha256=file_sha256(path),
        params=counted.params,
        macs=counted.macs,
        recipe="none: untrained, to be timed",
        data=(DataSource("none", "none"),),
        epochs=0,
        license="none",
    ).save(path.with_suffix(".json"))
    return path
