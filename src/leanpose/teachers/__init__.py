"""Other networks as teachers and as peers: their files, brought by the user, behind one interface."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leanpose.engines import Precision
    from leanpose.teachers.interface import Teacher

__all__ = ["open_teacher"]


def open_teacher(
    spec: str, threads: int | None = None, precision: "Precision" = "auto", engine: str = "auto"
) -> "Teacher":
    """Open a network that finds joints in boxes.

    Args:
        spec: ``LAYOUT:FILE``, as in ``movenet:thunder.pb``, see :mod:`leanpose.teachers.layouts`; a file alone, whose
            layout is recognised by its inputs and outputs; or a model of leanpose: a packaged one's name, an
            ``.onnx`` file with its card beside it, or a checkpoint.
        threads, precision, engine: as :func:`leanpose.engines.open_session` takes them.

    Raises:
        ModelError: when there is no such model or file, it is damaged, or its layout is unknown.
        EngineError: when the engine that reads the file is not installed, or does not compute in that precision.
    """
    from leanpose.teachers.layouts import LAYOUTS, as_teacher
    from leanpose.teachers.network import Network

    layout, _, file = spec.partition(":")
    if layout in LAYOUTS and file:
        return as_teacher(Network(Path(file), threads, precision, engine), layout)
    if _is_ours(spec):
        from leanpose.teachers.own import OwnModel

        return OwnModel(spec, threads, precision, engine)
    return as_teacher(Network(Path(spec), threads, precision, engine))


def _is_ours(spec: str) -> bool:
    """Whether a model without a layout's name is one of leanpose: known by its card."""
    from leanpose.engines import OF_OPENVINO
    from leanpose.zoo import is_detector

    path = Path(spec)
    if path.suffix in OF_OPENVINO or (path.suffix == ".onnx" and not path.with_suffix(".json").exists()):
        return False
    return not is_detector(spec)
