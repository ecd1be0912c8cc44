"""Checkpoints of pose networks as ONNX files with their cards."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from leanpose.core.errors import ExportError
from leanpose.core.files import write_whole
from leanpose.engines.card import ModelCard, file_sha256
from leanpose.export.onnx_file import Parity, check_parity, write_onnx
from leanpose.training.checkpoint import Checkpoint, load_checkpoint
from leanpose.training.trained import Trained, open_trained


def export_checkpoint(
    checkpoint: Path,
    onnx: Path,
    folded: bool = True,
    model: str | None = None,
    input_hw: tuple[int, int] | None = None,
) -> tuple[ModelCard, Parity]:
    """Export a checkpoint to ``onnx`` with its card ``.json`` beside it, once both agree on the same crops.

    Args:
        checkpoint: a ``.ckpt`` file of a training, or ``.safetensors`` with their card beside them.
        onnx: the file to write.
        folded: whether :mod:`leanpose.export.folding` rewrites the graph for speed.
        model, input_hw: see :func:`leanpose.training.checkpoint.load_checkpoint`; not for ``.safetensors``.

    Raises:
        ModelError: when the checkpoint cannot be loaded.
        ExportError: when the name does not end in ``.onnx``, the file cannot be written, or the exported model
            disagrees with the network: it is then deleted, and what stood at ``onnx`` before still stands there.
    """
    if onnx.suffix != ".onnx":
        raise ExportError(f"{onnx}: name the file NAME.onnx, or NAME.safetensors for weights to train on from")
    loaded: Checkpoint | Trained
    if checkpoint.suffix == ".safetensors":
        if model or input_hw:
            raise ExportError(f"{checkpoint}: only a checkpoint is exported as another model or for other crops")
        if onnx.with_suffix("").resolve() == checkpoint.with_suffix("").resolve():
            raise ExportError(f"{onnx}: its card would take the place of that of {checkpoint.name}: name it otherwise")
        loaded = open_trained(str(checkpoint))
    else:
        loaded = load_checkpoint(checkpoint, model, input_hw)
    with TemporaryDirectory() as folder:
        unproven = Path(folder) / onnx.name
        write_onnx(loaded.net, loaded.card.input_hw, unproven, folded)
        parity = check_parity(loaded.net, unproven, loaded.card)
        sha256 = file_sha256(unproven)
        card = replace(loaded.card, name=onnx.stem, sha256=sha256, precision="f32", quantization=None)
        write_whole(onnx, unproven.read_bytes(), ExportError)
    card.save(onnx.with_suffix(".json"))
    return card, parity
