"""Checkpoints of person detectors, and their export to ONNX with a gate that compares both."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from leanpose.core.errors import ExportError, ModelError
from leanpose.core.files import write_whole
from leanpose.engines import create_engine
from leanpose.engines.card_file import file_sha256
from leanpose.engines.detector_card import DetectorCard
from leanpose.export.onnx_file import smooth_noise, write_onnx
from leanpose.models.complexity import complexity
from leanpose.models.person import PersonAnswer, create_detector
from leanpose.training.checkpoint import LICENSE, read_checkpoint, save_half, sources_of

MAX_SCORE_ERROR = 1e-4
MAX_PIXEL_ERROR = 0.05
SURE = 1e-3  # candidates of lower scores are noise
MAX_UNPAIRED = 0.03  # share of the candidates; where neighbours score alike, rounding decides which of them is the peak
PARITY_SHAPES = ((1, 256, 320), (2, 320, 192))  # batch, height, width


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """A trained detector and what is known about it; the card's hash is that of the checkpoint file."""

    net: PersonAnswer
    card: DetectorCard


def load_detector(path: Path) -> TrainedDetector:
    """Load a checkpoint that ``leanpose train person_detector`` wrote, with averaged weights where it averages.

    Raises:
        ModelError: when the file is missing, is no checkpoint of a detector, or its weights do not fit its recipe.
    """
    stored = read_checkpoint(path)
    recipe = stored.recipe
    if recipe.task != "person":
        raise ModelError(f"{path}: the checkpoint of a pose network, where one of a person detector is needed")
    network = create_detector(recipe.model, **recipe.model_args)
    try:
        network.load_state_dict(stored.network_weights)
    except RuntimeError as error:
        raise ModelError(f"{path}: the weights do not fit {recipe.model}: {error}") from error
    card = DetectorCard(
        name=path.stem,
        architecture=recipe.model,
        layout="leanpose",
        input_side=max(recipe.input_hw),
        input_multiple=network.input_multiple,
        sha256=file_sha256(path),
        color=recipe.color,
        mean=recipe.mean,
        std=recipe.std,
        params=sum(p.numel() for p in network.parameters()),
        macs=complexity(network, recipe.input_hw).macs,
        recipe=recipe.name,
        data=sources_of(stored),
        epochs=stored.epochs,
        hours=stored.progress.hours,
        license=LICENSE,
    )
    return TrainedDetector(PersonAnswer(network).eval(), card)


def save_detector_weights(checkpoint: Path, weights: Path) -> DetectorCard:
    """Write a detector's weights as half-precision safetensors with their card beside them, to train on from.

    Raises:
        ModelError: when the checkpoint cannot be loaded, or a value is beyond half precision.
    """
    loaded = load_detector(checkpoint)
    return save_half(loaded.net.network, loaded.card, weights, checkpoint)


def export_detector(checkpoint: Path, onnx: Path) -> DetectorCard:
    """Export a detector's checkpoint to ``onnx`` with its card ``.json`` beside it, once both agree on the same images.

    Raises:
        ModelError: when the checkpoint cannot be loaded.
        ExportError: when the name does not end in ``.onnx``, the file cannot be written, or the exported detector
            disagrees with the network; what stood at ``onnx`` before then still stands there.
    """
    if onnx.suffix != ".onnx":
        raise ExportError(f"{onnx}: name the file NAME.onnx, or NAME.safetensors for weights to train on from")
    loaded = load_detector(checkpoint)
    with TemporaryDirectory() as folder:
        unproven = Path(folder) / onnx.name
        side = loaded.card.input_side
        write_onnx(loaded.net, (side, side), unproven, output="boxes", multiple=loaded.card.input_multiple)
        check_detector(loaded.net, unproven)
        card = replace(loaded.card, name=onnx.stem, sha256=file_sha256(unproven))
        write_whole(onnx, unproven.read_bytes(), ExportError)
    card.save(onnx.with_suffix(".json"))
    return card


def check_detector(
    net: PersonAnswer, onnx: Path, max_score: float = MAX_SCORE_ERROR, max_pixels: float = MAX_PIXEL_ERROR
) -> None:
    """Compare the candidates of a detector and of its export on smooth random images of several sizes, in f32.

    Raises:
        ExportError: when more than a stray few candidates have no counterpart on the other side, whose score differs
            by ``max_score`` and whose box by ``max_pixels`` at most.
    """
    engine = create_engine(onnx, engine="onnxruntime", precision="f32")
    rng = np.random.default_rng(0)
    for batch, *hw in PARITY_SHAPES:
        images = smooth_noise(rng, batch, (hw[0], hw[1]))
        with torch.inference_mode():
            expected = net(torch.from_numpy(images)).numpy()
        actual = engine(images)
        if actual.shape != expected.shape:
            raise ExportError(f"{onnx.name}: answers {actual.shape} where the network gives {expected.shape}")
        apart = np.abs(actual[:, None] - expected[:, :, None])  # image, expected, actual, (box, score)
        alike = (apart[..., :4].max(axis=-1) <= max_pixels) & (apart[..., 4] <= max_score)
        likely = [answer[..., 4] > SURE for answer in (expected, actual)]
        unpaired = sum((seen & ~alike.any(axis=axis)).sum() for seen, axis in zip(likely, (2, 1), strict=True))
        if not unpaired <= MAX_UNPAIRED * sum(seen.sum() for seen in likely):
            raise ExportError(
                f"{onnx.name}: on {batch} images of {hw[0]}x{hw[1]} network and export differ: {unpaired} candidates "
                f"of one are not among the other's (scores within {max_score:.0e}, boxes within {max_pixels} px): not "
                "exported; try the versions of torch, onnx and onnxscript in constraints.txt"
            )
