"""The packaged models: ``NAME.onnx`` beside its card ``NAME.json``, here in this folder."""

from pathlib import Path

from leanpose.card import ModelCard, file_sha256
from leanpose.errors import ModelError

FOLDER = Path(__file__).parent


def list_models() -> list[str]:
    """Names of the packaged models."""
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def find_model(name_or_path: str | Path) -> tuple[Path, ModelCard]:
    """The ONNX file and the card of a packaged model by name, or of an ``.onnx`` file with its card beside it.

    Raises:
        ModelError: when there is no such model or card, or when the file is not the one that the card describes.
    """
    path = Path(name_or_path)
    if str(name_or_path) in list_models():
        path = FOLDER / f"{name_or_path}.onnx"
    elif path.suffix != ".onnx":
        names = ", ".join(list_models()) or "none in this build"
        raise ModelError(f"unknown model '{name_or_path}': give a packaged one ({names}) or the path of an .onnx file")
    elif not path.is_file():
        raise ModelError(f"no model file at {path}")
    card = ModelCard.load(path.with_suffix(".json"))
    if file_sha256(path) != card.sha256:
        raise ModelError(f"{path} is not the file that its card describes (sha256 differs): damaged, or not its card")
    return path, card
