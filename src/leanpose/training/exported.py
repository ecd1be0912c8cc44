"""Checkpoints of pose networks as ONNX files with their cards."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from leanpose.core.errors import ExportError
from leanpose.core.files import write_whole
from leanpose.engines.card import ModelCard, file_sha256
from leanpose.export.onnx_file import Parity, check_parity, write_onnx
from leanpose.training.checkpoint import load_checkpoint


def export_checkpoint(
    checkpoint: Path,
    onnx: Path,
    folded: bool = True,
    model: str | None = None,
    input_hw: tuple[int, int] | None = None,
) -> tuple[ModelCard, Parity]:
    """Export a checkpoint to ``onnx`` with its card ``.json`` beside it, once both agree on the same crops.

    Args:
        checkpoint: a ``.ckpt`` file of a training.
        onnx: the file to write.
        folded: whether :mod:`leanpose.export.folding` rewrites the graph for speed.
        model, input_hw: see :func:`leanpose.training.checkpoint.load_checkpoint`.

    Raises:
        ModelError: when the checkpoint cannot be loaded.
        ExportError: when the name does not end in ``.onnx``, the file cannot be written, or the exported model
            disagrees with the network: it is then deleted, and what stood at ``onnx`` before still stands there.
    """
    if onnx.suffix != ".onnx":
        raise ExportError(f"{onnx}: name the file NAME.onnx, or NAME.safetensors for weights to train on from")
    loaded = load_checkpoint(checkpoint, model, input_hw)
    with TemporaryDirectory() as folder:
        unproven = Path(folder) / onnx.name
        write_onnx(loaded.net, loaded.card.input_hw, unproven, folded)
        parity = check_parity(loaded.net, unproven, loaded.card)
        card = replace(loaded.card, name=onnx.stem, sha256=file_sha256(unproven))
        write_whole(onnx, unproven.read_bytes(), ExportError)
    card.save(onnx.with_suffix(".json"))
    return card, parity
