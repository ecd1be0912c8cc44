"""Other networks as teachers and as peers: their files, brought by the user, behind one interface."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leanpose.engines import Precision
    from leanpose.estimate.teachers.interface import OpenedTeacher

__all__ = ["both_specs", "is_teacher", "open_teacher", "teacher_name"]

JOINED = "+"  # between the specs of two teachers


def open_teacher(
    spec: str, threads: int | None = None, precision: "Precision" = "auto", engine: str = "auto"
) -> "OpenedTeacher":
    """Open a network that finds joints in boxes.

    Args:
        spec: ``LAYOUT:FILE[,OPTION=VALUE]``, as in ``movenet:thunder.pb``, see
            :mod:`leanpose.estimate.teachers.layouts`; a file alone, whose layout is recognised by its inputs and
            outputs; a model of leanpose, which is a packaged one's name, an ``.onnx`` file with its card beside it, or
            a checkpoint; or two of these with ``+`` between them, which are joined as
            :class:`leanpose.estimate.teachers.agreement.Agreement` says.
        threads, precision, engine: as :func:`leanpose.engines.open_session` takes them.

    Raises:
        ModelError: when there is no such model or file, it is damaged, or its layout is unknown.
        EngineError: when the engine that reads the file is not installed, or does not compute in that precision.
    """
    from leanpose.estimate.teachers.layouts import as_teacher, parse_layout
    from leanpose.estimate.teachers.network import Network

    both = both_specs(spec)
    if both:
        from leanpose.estimate.teachers.agreement import Agreement

        first, second = (open_teacher(one, threads, precision, engine) for one in both)
        return Agreement(first, second)
    layout, file, options = parse_layout(spec)
    if layout is None and not _is_foreign(file):
        from leanpose.estimate.teachers.own import OwnModel

        return OwnModel(spec, threads, precision, engine)
    return as_teacher(Network(file, threads, precision, engine), layout, options)


def is_teacher(spec: str) -> bool:
    """Whether what is meant is another project's pose network, or two teachers joined, as :func:`open_teacher` takes
    them: by the layout's name, by the kind of file, or by the inputs and outputs of an ``.onnx`` file without a card.

    Raises:
        ModelError, EngineError: when such a file is damaged or cannot be read here.
    """
    from leanpose.engines.detector_card import LAYOUTS as DETECTOR_LAYOUTS
    from leanpose.estimate.teachers.layouts import parse_layout, recognise
    from leanpose.estimate.teachers.network import Network

    if both_specs(spec):
        return True
    if spec.partition(":")[0] in DETECTOR_LAYOUTS:
        return False
    layout, file, _ = parse_layout(spec)
    if layout is not None or not _is_foreign(file):
        return layout is not None
    if file.suffix != ".onnx":
        return True
    from leanpose.engines import open_session

    return len(open_session(file).inputs) == 1 and recognise(Network(file)) is not None


def teacher_name(spec: str) -> str:
    """A short name of what a spec means: the file's, with the options that are given."""
    from leanpose.estimate.teachers.layouts import parse_layout

    both = both_specs(spec)
    if both:
        return JOINED.join(map(teacher_name, both))
    _, file, options = parse_layout(spec)
    return " ".join((file.stem, *(f"{option}={value}" for option, value in options.items())))


def both_specs(spec: str) -> tuple[str, str] | None:
    """The specs of two teachers; ``None`` for one, whose file's name may have a plus too."""
    from leanpose.estimate.teachers.layouts import parse_layout

    parts = spec.split(JOINED)
    file = parse_layout(spec)[1]
    if len(parts) != 2 or not all(parts) or (JOINED in str(file) and file.exists()):
        return None
    return parts[0], parts[1]


def _is_foreign(path: Path) -> bool:
    """Whether a file is of no kind that leanpose writes: its own have cards."""
    from leanpose.engines import OF_OPENVINO

    if path.suffix in OF_OPENVINO:
        return True
    return path.suffix == ".onnx" and path.is_file() and not path.with_suffix(".json").exists()
