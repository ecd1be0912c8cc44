"""Inference engines behind one call: a batch of normalised crops in, heatmaps out.

An engine says in ``precision`` what it really computes in. OpenVINO rounds to bfloat16 on CPUs that have it in
hardware unless told otherwise; that is welcome in use and several times faster, but a comparison of numbers needs
``precision="f32"``.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from leanpose.errors import EngineError, ModelError

Precision = Literal["auto", "f32", "bf16"]
InputShape = tuple[int | None, ...]


class Engine(Protocol):
    """A loaded model.

    Attributes:
        name: as :func:`create_engine` takes it.
        precision: what it computes in, ``"f32"`` or ``"bf16"``.
        input_shape: batch, channels, height, width; ``None`` where any size goes.
    """

    name: str
    precision: str
    input_shape: InputShape

    def __call__(self, batch_NCHW: np.ndarray) -> np.ndarray:
        """Heatmaps (N, K, h, w) float32 of normalised crops (N, 3, H, W) float32."""
        ...


class Session(Protocol):
    """A loaded network of any inputs and outputs.

    Attributes:
        name, precision: as an :class:`Engine` has them.
        inputs, outputs: shapes by name, in the file's order; ``None`` for a side of any size.
    """

    name: str
    precision: str
    inputs: dict[str, InputShape]
    outputs: dict[str, InputShape]

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs by name, of all inputs by name.

        Raises:
            ModelError: when the network cannot compute on them.
        """
        ...


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU; computes in float32."""

    name = "onnxruntime"
    precision = "f32"

    def __init__(self, path: Path, threads: int | None, precision: Precision) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore[reportAttributeAccessIssue]

        if precision == "bf16":
            raise EngineError("onnxruntime computes in f32 on CPUs: take engine 'openvino' for bf16")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        options.intra_op_num_threads = threads or 0  # 0: one per physical core
        self._path, self._faults = path, (
            state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
            state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException,
        )  # fmt: skip
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except self._faults as error:
            raise _damaged(path, error) from error
        self.inputs, self.outputs = (
            {port.name: tuple(side if isinstance(side, int) else None for side in port.shape) for port in ports}
            for ports in (self._session.get_inputs(), self._session.get_outputs())
        )
        self.input_shape = next(iter(self.inputs.values()), ())
        self._input, self._output = next(iter(self.inputs), ""), next(iter(self.outputs))

    def __call__(self, batch_NCHW: np.ndarray) -> np.ndarray:
        return np.asarray(self._session.run([self._output], {self._input: batch_NCHW})[0])

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            answers = self._session.run(list(self.outputs), feeds)
        except self._faults as error:
            raise _cannot_compute(self._path, feeds, error) from error
        return dict(zip(self.outputs, map(np.asarray, answers), strict=True))


class OpenVinoEngine:
    """OpenVINO on the CPU; computes in bfloat16 where the CPU has it in hardware, else in float32."""

    name = "openvino"

    def __init__(self, path: Path, threads: int | None, precision: Precision) -> None:
        import openvino

        self._path = path
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineError("this CPU does not compute in bf16: leave the precision at 'auto' or take 'f32'")
        config: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY"}
        if precision != "auto":
            config["INFERENCE_PRECISION_HINT"] = precision
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(path)  # a compiled one has forgotten which of a port's names the file gives it
            self._model = core.compile_model(model, "CPU", config)
        except RuntimeError as error:
            raise _damaged(path, error) from error
        self.inputs, self.outputs = (
            {port.get_any_name(): _sides(port.get_partial_shape()) for port in ports}
            for ports in (model.inputs, model.outputs)
        )
        self.input_shape = next(iter(self.inputs.values()), ())
        self.precision = self._model.get_property("INFERENCE_PRECISION_HINT").to_string()

    def __call__(self, batch_NCHW: np.ndarray) -> np.ndarray:
        return self._model([np.ascontiguousarray(batch_NCHW)])[0]

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            answers = self._model([np.ascontiguousarray(feeds[name]) for name in self.inputs])
        except RuntimeError as error:
            raise _cannot_compute(self._path, feeds, error) from error
        return dict(zip(self.outputs, answers.values(), strict=True))


# in the order in which "auto" tries them
ENGINES: dict[str, Callable[[Path, int | None, Precision], "OnnxRuntimeEngine | OpenVinoEngine"]] = {
    "openvino": OpenVinoEngine,
    "onnxruntime": OnnxRuntimeEngine,
}
INSTALL = {"openvino": "pip install 'leanpose[openvino]'", "onnxruntime": "pip install onnxruntime"}


def installed_engines() -> list[str]:
    """Names of the engines that are installed, in the order in which ``"auto"`` takes them."""
    return [name for name in ENGINES if find_spec(name) is not None]


def create_engine(
    onnx_path: str | Path, engine: str = "auto", threads: int | None = None, precision: Precision = "auto"
) -> Engine:
    """Load an ONNX file into an inference engine.

    Args:
        onnx_path: a network with one input (N, 3, H, W) and one output (N, K, h, w).
        engine: ``"openvino"``, ``"onnxruntime"``, or ``"auto"``: the first of them that is installed.
        threads: CPU threads; ``None`` for one per core.
        precision: ``"f32"`` or ``"bf16"`` to insist; ``"auto"`` is the engine's choice. See ``Engine.precision``.

    Raises:
        EngineError: when the engine is unknown, not installed, or does not compute in that precision.
        ModelError: when the file is missing, damaged, or not of one input and one output.
    """
    loaded = _load(Path(onnx_path), engine, threads, precision)
    if (len(loaded.inputs), len(loaded.outputs)) != (1, 1):
        raise ModelError(
            f"{onnx_path} has {len(loaded.inputs)} inputs and {len(loaded.outputs)} outputs: "
            "a pose network here has one of each"
        )
    return loaded


def open_session(
    onnx_path: str | Path, engine: str = "auto", threads: int | None = None, precision: Precision = "auto"
) -> Session:
    """Load an ONNX file of any inputs and outputs; arguments and errors as :func:`create_engine` has them."""
    return _load(Path(onnx_path), engine, threads, precision)


def _load(path: Path, engine: str, threads: int | None, precision: Precision) -> "OnnxRuntimeEngine | OpenVinoEngine":
    if engine != "auto" and engine not in ENGINES:
        raise EngineError(f"unknown engine '{engine}': use auto, {' or '.join(ENGINES)}")
    if precision not in ("auto", "f32", "bf16"):
        raise EngineError(f"unknown precision '{precision}': use auto, f32 or bf16")
    if threads is not None and threads < 1:
        raise EngineError(f"threads must be 1 or more, not {threads}")
    installed = installed_engines()
    if engine == "auto":
        if not installed:
            raise EngineError(f"no inference engine is installed: {INSTALL['onnxruntime']}")
        engine = installed[0]
    elif engine not in installed:
        raise EngineError(f"engine '{engine}' is not installed: {INSTALL[engine]}")
    if path.suffix != ".onnx" or not path.is_file():
        raise ModelError(f"no .onnx file at {path}")
    return ENGINES[engine](path, threads, precision)


def _sides(shape: Any) -> InputShape:
    """Of OpenVINO's partial shape; nothing where not even the number of dimensions is known."""
    return () if shape.rank.is_dynamic else tuple(None if side.is_dynamic else side.get_length() for side in shape)


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path} is damaged or not an ONNX model: {_reason(error)}")


def _cannot_compute(path: Path, feeds: dict[str, np.ndarray], error: Exception) -> ModelError:
    given = ", ".join(f"{name} {value.shape} {value.dtype}" for name, value in feeds.items())
    return ModelError(f"{path} cannot compute on {given}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
