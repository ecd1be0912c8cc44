"""Folders of models with their configuration, for Triton Inference Server and OpenVINO Model Server.

These servers run the networks alone: crops in, heatmaps out. Who wants people out of pictures takes ``leanpose serve``.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leanpose.core.errors import ExportError
from leanpose.core.files import whole_folder
from leanpose.engines import InputShape, Session, installed_engines, open_session
from leanpose.export.check_again import check_again
from leanpose.export.source import Source

MAX_BATCH = 16
QUEUE_MICROSECONDS = 2000  # that Triton lets a request wait for others
VERSION = "1"
OVMS_FOLDER = "/models"  # where OpenVINO Model Server's documentation mounts them in its container


@dataclass(frozen=True)
class Served:
    """A model in a server's folder.

    Attributes:
        name: as the server knows it.
        difference: of its answers from those of the file it came from, over their largest value.
        engine: on which that was measured.
    """

    name: str
    difference: float
    engine: str


def export_triton(sources: Sequence[Source], folder: Path, overwrite: bool = False) -> list[Served]:
    """Writes a model repository: ``NAME/config.pbtxt``, ``NAME/1/model.onnx``, and the card ``NAME/card.json``.

    The files are read again by ONNX Runtime, which is what Triton runs them on.

    Raises:
        ExportError: when the folder is taken or cannot be written, or two models have one name.
    """
    _check_names(sources)
    with whole_folder(folder, f"{sources[0].name}/config.pbtxt", overwrite, ExportError) as place:
        served = []
        for source in sources:
            written = _put(source, place)
            session = open_session(written, "onnxruntime", precision="f32")
            (place / source.name / "config.pbtxt").write_text(triton_config(source.name, session))
            difference = check_again(written, source.path, source.card, "onnxruntime")
            served.append(Served(source.name, difference, "onnxruntime"))
    return served


def export_ovms(sources: Sequence[Source], folder: Path, overwrite: bool = False) -> list[Served]:
    """Writes ``config.json``, and ``NAME/1/model.onnx`` with the card ``NAME/card.json`` for each model.

    The files are read again by OpenVINO, which is what the server runs them on, or else by ONNX Runtime.

    Raises:
        ExportError: when the folder is taken or cannot be written, or two models have one name.
    """
    _check_names(sources)
    engine = installed_engines()[0]
    with whole_folder(folder, "config.json", overwrite, ExportError) as place:
        served = []
        for source in sources:
            difference = check_again(_put(source, place), source.path, source.card, engine)
            served.append(Served(source.name, difference, engine))
        models = [{"config": {"name": s.name, "base_path": f"{OVMS_FOLDER}/{s.name}"}} for s in sources]
        (place / "config.json").write_text(json.dumps({"model_config_list": models}, indent=2) + "\n")
    return served


def triton_config(name: str, session: Session) -> str:
    """Triton's ``config.pbtxt`` of an ONNX file: ports without their batch, or whole where the batch is fixed."""
    batched = all(len(shape) > 1 and shape[0] is None for shape in session.inputs.values())

    def ports(word: str, listed: dict[str, InputShape]) -> str:
        entries = [
            f"  {{\n    name: {json.dumps(port)}\n    data_type: TYPE_FP32\n    dims: {_dims(shape, batched)}\n  }}"
            for port, shape in listed.items()
        ]
        return f"{word} [\n" + ",\n".join(entries) + "\n]\n"

    head = f'name: {json.dumps(name)}\nbackend: "onnxruntime"\nmax_batch_size: {MAX_BATCH if batched else 0}\n'
    waiting = f"dynamic_batching {{ max_queue_delay_microseconds: {QUEUE_MICROSECONDS} }}\n" if batched else ""
    return head + ports("input", dict(session.inputs)) + ports("output", dict(session.outputs)) + waiting


def _dims(shape: InputShape, batched: bool) -> str:
    return "[ " + ", ".join("-1" if side is None else str(side) for side in shape[1 if batched else 0 :]) + " ]"


def _put(source: Source, place: Path) -> Path:
    written = place / source.name / VERSION / "model.onnx"
    written.parent.mkdir(parents=True)
    shutil.copyfile(source.path, written)
    shutil.copyfile(source.path.with_suffix(".json"), place / source.name / "card.json")
    return written


def _check_names(sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]
    if not names:
        raise ExportError("name the models that are to be served, such as: leanpose export nano person --to triton")
    if len(set(names)) < len(names):
        raise ExportError(f"models {', '.join(names)}: each needs a name of its own in its card")
