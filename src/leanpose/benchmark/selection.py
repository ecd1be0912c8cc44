"""What is to be measured: every model with every engine and precision, once."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from leanpose.benchmark.subjects import Kind, Subject, Wanted, label, open_subject
from leanpose.core.errors import BenchmarkError, EngineError, ModelError
from leanpose.engines import ENGINES, Precision
from leanpose.engines.zoo import is_detector, list_detectors, list_models
from leanpose.estimate.teachers import is_teacher, teacher_name

# networks that the papers compare themselves with
BASELINES = ("simplebaseline_r50", "hrnet_w32", "litehrnet_18")


def open_subjects(
    models: Sequence[str],
    engines: Sequence[str],
    precisions: Sequence[Precision],
    folder: Path,
    threads: int | None = None,
    flip_test: bool = False,
    input_hw: tuple[int, int] | None = None,
) -> tuple[list[Subject], dict[str, str]]:
    """Every model in every engine and precision that there is, each combination once, in the order given.

    Args:
        models: packaged ones, ``.onnx`` files with their cards, checkpoints, other projects' pose networks as
            :func:`leanpose.estimate.teachers.open_teacher` takes them, or networks of the registry, which are exported
            untrained: their speed is that of trained ones, their answers are worth nothing.
        engines, precisions: as the estimator takes them; checkpoints run on torch in f32 whatever is asked for.
        folder: for what is exported.
        threads, flip_test: for all of them.
        input_hw: crop of the registry's networks; that of their papers if not given.

    Returns:
        The opened models, and why others are left out, such as an engine that does not compute in a precision.

    Raises:
        ModelError: when a model is unknown or damaged.
        BenchmarkError: when an engine or precision is unknown, two models have one name, or nothing at all is left.
    """
    for what, asked, known in (
        ("engine", engines, ("auto", *ENGINES)),
        ("precision", precisions, get_args(Precision)),
    ):
        for name in asked:
            if name.partition(":")[0] not in known:  # engine:provider
                raise BenchmarkError(f"unknown {what} '{name}': use one of {', '.join(known)}")
    opened: dict[str, Subject] = {}
    left_out: dict[str, str] = {}
    for model in dict.fromkeys(models):
        path, kind = _locate(model, folder, input_hw)
        name = _name(model, kind)
        for engine in ("torch",) if Path(path).suffix == ".ckpt" else engines:
            for precision in ("f32",) if engine == "torch" else precisions:
                wanted = Wanted(path, name, kind, engine, precision, threads, flip_test)
                try:
                    subject = open_subject(wanted)
                except EngineError as error:
                    left_out[f"{name}, {engine} {precision}"] = str(error)
                    continue
                before = opened.setdefault(label(subject), subject)
                if before.wanted.model != path:
                    raise BenchmarkError(
                        f"{before.wanted.model} and {path} would both be called '{name}': give one another file name"
                    )
    if not opened:
        reasons = "; ".join(f"{what}: {why}" for what, why in left_out.items()) or "no model is given"
        raise BenchmarkError(f"nothing to measure: {reasons}")
    return list(opened.values()), left_out


def _name(model: str, kind: Kind) -> str:
    """What to show for a model."""
    if kind == "peer":
        return teacher_name(model)
    return Path(model).stem if Path(model).suffix in (".onnx", ".ckpt") else model


def _locate(model: str, folder: Path, input_hw: tuple[int, int] | None) -> tuple[str, Kind]:
    """What to open for a model, and its kind."""
    if Path(model).suffix == ".ckpt" or model in list_models():
        return model, "pose"
    if is_teacher(model):
        return model, "peer"
    if is_detector(model):
        return model, "detector"
    if Path(model).suffix == ".onnx":
        if not Path(model).is_file():
            raise ModelError(f"no model file at {model}")
        return model, "pose"
    try:
        from leanpose.benchmark.untrained import export_untrained
    except ModuleNotFoundError as error:
        raise ModelError(
            f"unknown model '{model}': give a packaged one ({', '.join((*list_models(), *list_detectors()))}) or the "
            f"path of an .onnx file; networks of the papers need {error.name}: pip install 'leanpose[train]'"
        ) from error
    return str(export_untrained(model, folder, input_hw)), "pose"
