"""A model that is to be written for another program: its ONNX file, its card and its name there."""

import re
from dataclasses import dataclass
from pathlib import Path

from leanpose.core.errors import ExportError
from leanpose.engines.card import ModelCard
from leanpose.engines.detector_card import DetectorCard
from leanpose.engines.zoo import find_detector, find_model, is_detector

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # what servers take in addresses, and every system as a file


@dataclass(frozen=True)
class Source:
    """An ONNX file with its card.

    Attributes:
        path: of the file.
        card: its card.
        name: the card's, fit for files and addresses.
    """

    path: Path
    card: ModelCard | DetectorCard
    name: str


def find_source(model: str | Path) -> Source:
    """A packaged model or detector by name, or an ``.onnx`` file with its card beside it.

    Raises:
        ExportError: for a checkpoint, a file without a card, or a card whose name cannot be that of a file.
        ModelError: when there is no such model, or it is damaged.
    """
    if Path(model).suffix in (".ckpt", ".safetensors"):
        raise ExportError(f"{model}: export it to .onnx first, which is compared with it, and then that file")
    path, card = find_detector(model) if is_detector(str(model)) else find_model(model)
    if card is None:
        raise ExportError(f"{path} has no card {path.with_suffix('.json').name} beside it, which says what it takes")
    if not NAME.fullmatch(card.name):
        raise ExportError(f"{path}: its card's name {card.name!r} cannot be that of a file: letters, digits, . _ - can")
    return Source(path, card, card.name)
