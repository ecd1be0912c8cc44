"""The packaged models: ``NAME.onnx`` beside its card ``NAME.json``, in the folder ``zoo`` of the package."""

import os
from pathlib import Path

from leanpose.core.errors import ModelError
from leanpose.engines.card import ModelCard
from leanpose.engines.card_file import file_sha256, read_card_file
from leanpose.engines.detector_card import LAYOUTS, DetectorCard

FOLDER = Path(__file__).parents[1] / "zoo"


def list_models() -> list[str]:
    """Names of the packaged pose models."""
    return [name for name in _packaged() if not _is_detector(name)]


def list_detectors() -> list[str]:
    """Names of the packaged person detectors."""
    return [name for name in _packaged() if _is_detector(name)]


def find_model(name_or_path: str | Path) -> tuple[Path, ModelCard]:
    """The ONNX file and the card of a packaged pose model by name, or of an ``.onnx`` file with its card beside it.

    Raises:
        ModelError: when there is no such model or card, when it is a detector, or when the file is not the one that
            the card describes.
    """
    if str(name_or_path) in list_detectors():
        names = ", ".join(list_models()) or "none in this build"
        raise ModelError(f"'{name_or_path}' is a person detector: give a pose model here ({names})")
    path = _find(name_or_path, "model", list_models())
    card = ModelCard.load(path.with_suffix(".json"))
    _check_sha256(path, card.sha256)
    return path, card


def find_detector(name_or_path: str | os.PathLike[str]) -> tuple[Path, DetectorCard | None]:
    """The ONNX file and the card of a packaged detector by name, or of an ``.onnx`` file.

    The card is ``None`` for a file that has none beside it, such as another project's network.

    Raises:
        ModelError: when there is no such model, when it is a pose model, or when the file is not the one that the card
            describes.
    """
    if str(name_or_path) in list_models():
        names = ", ".join(list_detectors()) or "none in this build"
        raise ModelError(f"'{name_or_path}' is a pose model: give a person detector here ({names})")
    path = _find(name_or_path, "detector", list_detectors())
    if not path.with_suffix(".json").exists():
        return path, None
    card = DetectorCard.load(path.with_suffix(".json"))
    _check_sha256(path, card.sha256)
    return path, card


def is_detector(model: str) -> bool:
    """Whether what is meant is a person detector: by packaged name, by its card, by ``LAYOUT:FILE``, or for a
    checkpoint by its recipe.

    An ``.onnx`` file without a card is one, since pose models have cards. What is not there is none.

    Raises:
        ModelError: when the card is damaged or a checkpoint is none.
    """
    path = Path(model)
    if model in list_detectors() or model.partition(":")[0] in LAYOUTS:
        return True
    if model in list_models() or not path.is_file():
        return False
    if path.suffix == ".ckpt":
        from leanpose.training.checkpoint import read_checkpoint

        return read_checkpoint(path).recipe.task == "person"
    if path.suffix != ".onnx":
        return False
    card = path.with_suffix(".json")
    content = read_card_file(card) if card.exists() else {"kind": DetectorCard.kind}  # another project's
    return isinstance(content, dict) and content.get("kind") == DetectorCard.kind


def _packaged() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def _is_detector(name: str) -> bool:
    try:
        card = read_card_file(FOLDER / f"{name}.json")
    except ModelError:  # said when the model is asked for
        return False
    return isinstance(card, dict) and card.get("kind") == DetectorCard.kind


def _find(name_or_path: str | os.PathLike[str], what: str, names: list[str]) -> Path:
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise ModelError(f"unknown {what} {name_or_path!r}: give a name or a path")
    path = Path(name_or_path)
    if str(name_or_path) in names:
        return FOLDER / f"{name_or_path}.onnx"
    if path.suffix != ".onnx":
        listed = ", ".join(names) or "none in this build"
        raise ModelError(
            f"unknown {what} '{name_or_path}': give a packaged one ({listed}) or the path of an .onnx file"
        )
    if not os.path.isfile(path):
        raise ModelError(f"no {what} file at {path!s:.200}")
    return path


def _check_sha256(path: Path, sha256: str) -> None:
    if file_sha256(path) != sha256:
        raise ModelError(f"{path} is not the file that its card describes (sha256 differs): damaged, or not its card")
