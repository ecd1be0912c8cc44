"""Inference engines behind one call: a batch of crops in, heatmaps out.

An engine says in ``precision`` what it really computes in. OpenVINO rounds to bfloat16 on CPUs that have it in
hardware unless told otherwise; that is welcome in use and several times faster, but a comparison of numbers needs
``precision="f32"``, and one bit for bit ``deterministic=True``.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from leanpose.core.errors import EngineError, ModelError
from leanpose.core.normalisation import Normalisation
from leanpose.engines.interface import (
    OF_OPENVINO,
    Engine,
    InputShape,
    Mode,
    Pending,
    Precision,
    Ready,
    Session,
    Settings,
)
from leanpose.engines.onnx_runtime import OnnxRuntimeEngine
from leanpose.engines.open_vino import OpenVinoEngine

__all__ = [
    "ENGINES", "INSTALL", "OF_OPENVINO", "Engine", "InputShape", "Mode", "OnnxRuntimeEngine", "OpenVinoEngine",
    "Pending", "Precision", "Ready", "Session", "Settings", "create_engine", "installed_engines", "open_session",
]  # fmt: skip

# in the order in which "auto" tries them
ENGINES: dict[str, Callable[[Path, str, Settings], OnnxRuntimeEngine | OpenVinoEngine]] = {
    "openvino": OpenVinoEngine,
    "onnxruntime": OnnxRuntimeEngine,
}
INSTALL = {"openvino": "pip install 'leanpose[openvino]'", "onnxruntime": "pip install onnxruntime"}


def installed_engines() -> list[str]:
    """Names of the engines that are installed, in the order in which ``"auto"`` takes them."""
    return [name for name in ENGINES if find_spec(name) is not None]


def create_engine(
    onnx_path: str | Path,
    engine: str = "auto",
    threads: int | None = None,
    precision: Precision = "auto",
    mode: Mode = "latency",
    deterministic: bool = False,
    pixels: Normalisation | None = None,
) -> Engine:
    """Load an ONNX file into an inference engine.

    Args:
        onnx_path: a network with one input (N, 3, H, W) and one output (N, K, h, w); its weights in f32, f16 or int8.
        engine: ``"openvino"``, ``"onnxruntime"``, or ``"auto"``: the first of them that is installed.
            ``"onnxruntime:cuda"``, ``":coreml"``, ``":directml"`` and so on are ONNX Runtime's other providers, where
            its build has them.
        threads: CPU threads; ``None`` for one per core.
        precision: ``"f32"``, ``"bf16"`` or ``"int8"`` to insist; ``"auto"`` is the fastest that the CPU has: in
            OpenVINO bf16 with AMX; else int8 where the model has ranges for it beside it
            (:mod:`leanpose.engines.int8`), else bf16 with AVX512_BF16, else f32. An int8 file runs in int8, and this
            is about the rest of it. See ``Engine.precision``.
        mode: ``"latency"`` answers each call soonest; ``"throughput"`` gives the threads to several calls at a time,
            which takes :meth:`Engine.submit` or batches to fill them.
        deterministic: the same bits for the same batch, in every process on this machine: in f32, and on one thread
            unless ``threads`` says otherwise. Another CPU, or another version of the engine, may still round
            differently.
        pixels: let the engine take uint8 pixels (N, H, W, 3) and normalise them in the network, where it can: see
            ``Engine.takes_pixels``.

    Raises:
        EngineError: when the engine is unknown, not installed, or does not compute in that precision.
        ModelError: when the file is missing, damaged, or not of one input and one output.
    """
    loaded = _load(Path(onnx_path), engine, Settings(threads, precision, mode, deterministic, pixels))
    if (len(loaded.inputs), len(loaded.outputs)) != (1, 1):
        raise ModelError(
            f"{onnx_path} has {len(loaded.inputs)} inputs and {len(loaded.outputs)} outputs: "
            "a pose network here has one of each"
        )
    return loaded


def open_session(
    onnx_path: str | Path,
    engine: str = "auto",
    threads: int | None = None,
    precision: Precision = "auto",
    mode: Mode = "latency",
    deterministic: bool = False,
    outputs: tuple[str, ...] = (),
) -> Session:
    """Load a network of any inputs and outputs; arguments and errors as :func:`create_engine` has them.

    It may also be a ``.tflite``, a frozen graph ``.pb`` or OpenVINO's own ``.xml``, which OpenVINO alone reads.

    Args:
        outputs: tensors inside the network to answer with in place of the file's outputs, by name and in that order;
            what only its own outputs need is then not computed. Of ``.pb`` alone, and by OpenVINO.
    """
    return _load(Path(onnx_path), engine, Settings(threads, precision, mode, deterministic, outputs=outputs))


def _load(path: Path, engine: str, settings: Settings) -> OnnxRuntimeEngine | OpenVinoEngine:
    if not isinstance(engine, str):
        raise EngineError(f"unknown engine {engine!r}: use auto, {' or '.join(ENGINES)}")
    name, _, provider = engine.partition(":")
    if name not in ("auto", *ENGINES) or engine.endswith(":") or engine.startswith("auto:"):
        raise EngineError(f"unknown engine '{engine}': use auto, {' or '.join(ENGINES)}")
    if settings.precision not in get_args(Precision):
        raise EngineError(f"unknown precision '{settings.precision}': use auto, f32, bf16 or int8")
    if settings.mode not in ("latency", "throughput"):
        raise EngineError(f"unknown mode '{settings.mode}': use latency or throughput")
    if settings.threads is not None and settings.threads < 1:
        raise EngineError(f"threads must be 1 or more, not {settings.threads}")
    installed = installed_engines()
    if name == "auto":
        if not installed:
            raise EngineError(f"no inference engine is installed: {INSTALL['onnxruntime']}")
        name = installed[0]
    elif name not in installed:
        raise EngineError(f"engine '{name}' is not installed: {INSTALL[name]}")
    if path.suffix not in (".onnx", *OF_OPENVINO) or not path.is_file():
        raise ModelError(f"no {path.suffix if path.suffix in OF_OPENVINO else '.onnx'} file at {path}")
    if path.suffix in OF_OPENVINO and name != "openvino":
        raise EngineError(f"only OpenVINO reads {path}, not {name}: {INSTALL['openvino']}, and take engine 'openvino'")
    if settings.outputs and name != "openvino":
        raise EngineError(
            f"{path}: only OpenVINO stops at {', '.join(settings.outputs)} inside a network, not {name}: "
            f"{INSTALL['openvino']}, and take engine 'openvino'"
        )
    return ENGINES[name](path, provider or "cpu", settings)
