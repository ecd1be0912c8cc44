"""Models as OpenVINO's own files, for programs of OpenVINO without ONNX: ``leanpose export MODEL --to openvino``."""

from dataclasses import replace
from pathlib import Path

from leanpose.core.errors import ExportError, MissingExtraError
from leanpose.core.files import whole_folder
from leanpose.engines.card_file import file_sha256
from leanpose.export.check_again import check_again
from leanpose.export.source import Source


def export_openvino(source: Source, folder: Path, overwrite: bool = False) -> float:
    """Writes ``NAME.xml`` and ``NAME.bin``, and the card ``NAME.json`` beside them, whole or not at all.

    Weights stay in the precision that the file has them in.

    Returns:
        by how much the answers of both differ at most, over their largest value.

    Raises:
        ExportError: when the folder is taken or cannot be written, or what was written answers otherwise.
        MissingExtraError: without openvino.
    """
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise MissingExtraError("openvino", "openvino") from error
    name = source.name
    with whole_folder(folder, f"{name}.xml", overwrite, ExportError) as place:
        xml = place / f"{name}.xml"
        network = openvino.Core().read_model(source.path)
        openvino.save_model(network, xml, compress_to_fp16=False)  # biases would lose by it
        difference = check_again(xml, source.path, source.card, "openvino")
        replace(source.card, sha256=file_sha256(xml)).save(place / f"{name}.json")
    return difference
