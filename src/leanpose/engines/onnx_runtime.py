"""ONNX Runtime: on the CPU in float32 or int8, and through the providers of its other builds."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import EngineError, ModelError
from leanpose.core.forks import Home, not_freed_by_children
from leanpose.core.untold import import_untold
from leanpose.engines.interface import Settings, cannot_compute, damaged, describe, is_quantized
from leanpose.engines.shared import shared

CPU = "CPUExecutionProvider"
SHORT_NAMES = {"directml": "dml"}  # of providers, where everybody says something else than onnxruntime
PACKAGES = {
    "cuda": "pip install onnxruntime-gpu", "tensorrt": "pip install onnxruntime-gpu",
    "directml": "on Windows, pip install onnxruntime-directml", "coreml": "on macOS, pip install onnxruntime",
    "openvino": "pip install onnxruntime-openvino", "qnn": "pip install onnxruntime-qnn",
    "migraphx": "pip install onnxruntime-migraphx",
}  # fmt: skip
IN_F32 = {"cpu", "cuda", "dml", "xnnpack"}  # others choose for themselves, as Core ML does by hardware
OPTIONS = {"CUDAExecutionProvider": {"use_tf32": "0"}}  # f32 is to mean it


class OnnxRuntimeEngine:
    """ONNX Runtime; alike networks of one process share one session, which any number of threads may use.

    In a forked process it loads its file anew, on the CPU; it can be handed to a spawned one.
    """

    takes_pixels = False
    share: int | None = None

    def __init__(self, path: Path, provider: str, settings: Settings) -> None:
        """Load a network; ``provider`` is ``"cpu"`` or another one's name, such as ``"cuda"``.

        Raises:
            EngineError: when there is no such provider here, it cannot start, or does not compute as asked for.
            ModelError: when the file is damaged.
        """
        state = import_untold("onnxruntime.capi.onnxruntime_pybind11_state")
        provider = provider.lower()
        self.name = "onnxruntime" if provider == "cpu" else f"onnxruntime:{provider}"
        official = _official_name(provider)
        if settings.precision == "bf16":
            raise EngineError(f"{self.name} computes in f32: take engine 'openvino' for bf16")
        if provider != "cpu" and settings.deterministic:
            raise EngineError(f"{self.name} does not promise the same bits twice: take the CPU to be deterministic")
        if settings.precision == "int8" and not is_quantized(path.read_bytes()):
            raise EngineError(f"{self.name} computes in int8 what 'leanpose quantize' wrote: take engine 'openvino'")
        own = SHORT_NAMES.get(provider, provider) not in IN_F32
        if own and settings.precision == "f32":
            raise EngineError(f"{self.name} chooses its precision itself: leave it at 'auto'")
        self._path, self._settings, self._faults = path, settings, (
            state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
            state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException,
            UnicodeDecodeError,  # of a message that holds bytes of a broken file
        )  # fmt: skip
        content = path.read_bytes()
        self.precision = "int8" if is_quantized(content) else "own" if own else "f32"
        threads = _threads(settings)
        self._provider, self._pool_of = official, None
        self._key = (sha256(content).digest(), official, threads, settings.deterministic)
        self._loaded = self._shared(Home())
        session = self._session
        try:
            self.inputs, self.outputs = (
                {port.name: tuple(side if isinstance(side, int) else None for side in port.shape) for port in ports}
                for ports in (session.get_inputs(), session.get_outputs())
            )
        except UnicodeDecodeError as error:
            raise damaged(path, error) from error
        self.input_types = {port.name: _dtype(port.type) for port in session.get_inputs()}
        self._halves = {name for name, dtype in self.input_types.items() if dtype == np.float16}
        self.input_shape = next(iter(self.inputs.values()), ())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path, self.name.partition(":")[2] or "cpu", self._settings)

    @property
    def _session(self) -> Any:
        """The session of this process."""
        home, session = self._loaded
        if home.left:
            home, session = self._loaded = self._anew(home)
        return session

    def _anew(self, home: Home) -> tuple[Home, Any]:
        if self._provider != CPU:
            home.check(self.name)  # what drives a device has more than threads
        try:
            changed = sha256(self._path.read_bytes()).digest() != self._key[0]
        except OSError as error:
            raise ModelError(f"{self._path}: cannot be read again in a forked process: {error.strerror}") from error
        if changed:
            raise ModelError(f"{self._path} is another file than before this process was forked: make the engine anew")
        return self._shared(Home())

    def _shared(self, home: Home) -> tuple[Home, Any]:
        return home, shared(self._key, lambda: not_freed_by_children(self._load(self._provider, self._key[2])))

    def _load(self, provider: str, threads: int) -> Any:
        onnxruntime = import_untold("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        options.intra_op_num_threads = threads
        options.use_deterministic_compute = self._settings.deterministic
        chosen = provider, OPTIONS.get(provider, {})
        try:
            # its own way back to the CPU prints what is wrong there, and does the same again
            own_way = {"enable_fallback": False} if provider == CPU else {}
            session = onnxruntime.InferenceSession(self._path, options, providers=[chosen], **own_way)
        except self._faults as error:
            if provider == CPU:
                raise damaged(self._path, error) from error
            raise EngineError(f"{self.name} cannot run {self._path}: {error}") from error
        if session.get_providers()[0] != provider:  # it has fallen back to the CPU
            raise EngineError(
                f"{self.name} cannot start here, for want of a device, a driver or its libraries: "
                "see what onnxruntime wrote above, or take engine 'onnxruntime'"
            )
        return session

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        (name, *_) = self.inputs
        return next(iter(self.run({name: batch}).values()))

    def submit(self, batch: np.ndarray) -> "_Answer":
        return _Answer(self._pool.submit(self, batch), Home())

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        halves = {name: feeds[name].astype(np.float16) for name in self._halves}
        try:
            answers = self._session.run(list(self.outputs), feeds | halves)
        except self._faults as error:
            raise cannot_compute(self._path, feeds, error) from error
        return dict(zip(self.outputs, map(_single, answers), strict=True))

    def describe(self) -> str:
        return describe(self.name, self.precision, self._settings)

    @property
    def _pool(self) -> ThreadPoolExecutor:
        """The threads of this process."""
        if self._pool_of is None or self._pool_of[0].left:
            workers = 1
            if self._settings.mode == "throughput":
                workers = self._settings.threads or os.cpu_count() or 1
            self._pool_of = Home(), ThreadPoolExecutor(workers, "leanpose-onnxruntime")
        return self._pool_of[1]


@dataclass(frozen=True, eq=False)
class _Answer:
    """A call under way in a thread of its home."""

    future: "Future[np.ndarray]"
    home: Home

    def result(self) -> np.ndarray:
        self.home.check("an answer of ONNX Runtime")
        return self.future.result()


def _threads(settings: Settings) -> int:
    """Threads within one call; 0 is one per physical core. For throughput there are more calls instead."""
    if settings.mode == "throughput":
        return 1
    return settings.threads or (1 if settings.deterministic else 0)


def _single(values: Any) -> np.ndarray:
    values = np.asarray(values)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _dtype(port_type: str) -> np.dtype | None:
    """NumPy's of a type as ONNX Runtime writes it, such as ``tensor(float)``."""
    name = port_type.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype({"float": "float32", "double": "float64"}.get(name, name))
    except TypeError:  # bfloat16, sequences
        return None


def _official_name(provider: str) -> str:
    """Of a provider in this build of onnxruntime."""
    onnxruntime = import_untold("onnxruntime")

    def named(official: list[str]) -> dict[str, str]:
        return {name.removesuffix("ExecutionProvider").lower(): name for name in official}

    here, wanted = named(onnxruntime.get_available_providers()), SHORT_NAMES.get(provider, provider)
    if wanted in here:
        return here[wanted]
    has = f"this onnxruntime has {', '.join(here)}"
    if wanted not in named(onnxruntime.get_all_providers()):
        raise EngineError(f"onnxruntime knows no provider '{provider}': {has}")
    remedy = PACKAGES.get(provider, "take a build of onnxruntime that has it")
    raise EngineError(f"onnxruntime has no provider '{provider}' in this build: {remedy}; {has}")
