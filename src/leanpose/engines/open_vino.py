"""OpenVINO on the CPU: in bfloat16 where the hardware has it, else in float32, and in int8 what can be.

OpenVINO plans a network best for a shape that it knows: with the shape fixed the same network runs a fifth faster than
with any batch allowed. A pose network is therefore compiled for one person, and a batch is so many requests that
overlap, which is also faster than any larger batch, and makes what a person gets independent of who else is there.
"""

import io
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from leanpose.core.errors import EngineError, ModelError
from leanpose.core.forks import REMEDY, Home, not_freed_by_children
from leanpose.core.normalisation import Normalisation
from leanpose.core.untold import import_untold
from leanpose.engines.cache import read_cached, write_cached
from leanpose.engines.cpu import has_amx, may_use
from leanpose.engines.int8 import Int8Ranges, agrees, answer_of, beside, figure, refuse, round_to_int8
from leanpose.engines.interface import InputShape, Pending, Settings, cannot_compute, damaged, describe, is_quantized
from leanpose.engines.shared import shared

SHAPES = 2  # of the inputs that are compiled for, at a second each; all others share one network that takes any
WITH_BF16 = ("BF16", "FP16", "AMX", "AVX10")  # in the names of oneDNN's sets of instructions
FAULTS = (RuntimeError, UnicodeDecodeError)  # of OpenVINO; its messages may hold bytes of a broken file
FIGURE_SIDE = 320  # pixels of a drawing for networks that take any
Shapes = tuple[tuple[int, ...], ...]


class OpenVinoEngine:
    """OpenVINO; alike networks of one process share what is compiled, and any number of threads may use it.

    In a process forked from one that has used OpenVINO it raises ForkError, also a new one. It can be handed to a
    spawned one, which loads it anew.
    """

    name = "openvino"
    share: int | None = 1  # a request is one person: the first can start before the second is there

    def __init__(self, path: Path, provider: str, settings: Settings) -> None:
        """Load a network.

        Raises:
            EngineError: when the CPU does not compute as asked for, or a provider is named.
            ModelError: when the file is damaged.
        """
        if provider != "cpu":
            raise EngineError(f"engine 'openvino' runs on the CPU: take it without '{provider}'")
        has_bf16 = "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") and may_use(*WITH_BF16)
        if settings.precision == "bf16" and not has_bf16:
            raise EngineError("this CPU does not compute in bf16: leave the precision at 'auto' or take 'f32'")
        if settings.precision == "bf16" and settings.deterministic:
            raise EngineError("deterministic is in f32: leave the precision at 'auto' or take 'f32'")
        content = _content(path)
        floats = "bf16" if has_bf16 and settings.precision != "f32" and not settings.deterministic else "f32"
        quantized = is_quantized(content)
        ranges = None if quantized else _ranges(path, content, settings, has_bf16)
        self._path, self._settings = path, settings
        key = ("openvino", sha256(content).hexdigest(), settings, floats, ranges and ranges.key)
        self._network: _Network = shared(key, lambda: _Network(path, content, settings, floats, ranges))
        self.precision = "int8" if quantized or self._network.ranges else floats
        self.inputs, self.outputs = self._network.inputs, self._network.outputs
        self.input_types = self._network.input_types
        self.input_shape = next(iter(self.inputs.values()), ())
        self.takes_pixels = self._network.pixels is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path, "cpu", self._settings)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return self.submit(batch).result()

    def submit(self, batch: np.ndarray) -> Pending:
        alone = bool(self.input_shape) and self.input_shape[0] is None
        parts = [batch[i : i + 1] for i in range(len(batch))] if alone else [batch]
        return _Parts([self._start([part]) for part in parts])

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        answers = self._start([feeds[name] for name in self.inputs]).answers()
        return dict(zip(self.outputs, answers, strict=True))

    def describe(self) -> str:
        return describe(self.name, self.precision, self._settings)

    def _start(self, feeds: list[np.ndarray]) -> "_Request":
        _core()  # which refuses in a forked process
        named = dict(zip(self.inputs, feeds, strict=True))
        for name, shape in self.inputs.items() if not self.takes_pixels else ():
            given = named[name].shape
            if shape and (
                len(shape) != len(given) or any(s not in (None, g) for s, g in zip(shape, given, strict=True))
            ):
                raise cannot_compute(self._path, named, f"{name} must be {shape}, None being any number")
        try:
            return _Request(self._network, self._path, feeds, self.inputs)
        except FAULTS as error:
            raise cannot_compute(self._path, named, error) from error


class _Network:
    """A network read from its file, and what was compiled of it so far."""

    def __init__(
        self, path: Path, content: bytes, settings: Settings, floats: str, ranges: Int8Ranges | None = None
    ) -> None:
        self._path, self._settings, self._hash = path, settings, sha256(content).hexdigest()
        self.ranges = ranges
        self._config: dict[str, str | int | bool] = {
            "PERFORMANCE_HINT": settings.mode.upper(),
            "INFERENCE_PRECISION_HINT": floats,
        }
        threads = settings.threads or (1 if settings.deterministic else None)
        if threads is not None:
            self._config["INFERENCE_NUM_THREADS"] = threads
        if settings.deterministic:
            self._config |= {"EXECUTION_MODE_HINT": "ACCURACY", "NUM_STREAMS": "1"}
        self._lock = RLock()
        self._compiled: dict[Shapes | None, _Compiled] = {}
        try:
            self._model = _read(path, settings.outputs)
            self.inputs, self.outputs = (
                {port.get_any_name(): _sides(port.get_partial_shape()) for port in ports}
                for ports in (self._model.inputs, self._model.outputs)
            )
            self.input_types = {port.get_any_name(): _dtype(port.get_element_type()) for port in self._model.inputs}
            self.halves = [dtype == np.float16 for dtype in self.input_types.values()]
            first = tuple(shape and (shape[0] or 1, *shape[1:]) for shape in self.inputs.values())
            self._open = any(not shape or None in shape for shape in first)
            self.pixels = settings.pixels if [len(shape) for shape in first] == [4] else None
            if ranges:
                self._keep_int8_if_right(ranges)
            if not self._open:
                self._for(first)  # type: ignore[arg-type]  # so that a file that cannot be compiled is not loaded
        except FAULTS as error:
            raise damaged(path, error) from error

    def _keep_int8_if_right(self, ranges: Int8Ranges) -> None:
        """Go back to floating point, and say so, where the network in int8 does not know its own drawing."""
        names = list(self.inputs)
        height, width = (side or FIGURE_SIDE for side in self.inputs[names[0]][2:])
        pixels = figure(height, width)[None].copy()  # requests take no array that is read-only
        feed = pixels if self.pixels else Normalisation(ranges.mean, ranges.std)(pixels)
        try:
            found = answer_of(_Request(self, self._path, [feed], self.inputs).answers()[0])
            wrong = None if agrees(found, ranges.answer) else "it does not find the joints of its self-test"
        except (*FAULTS, ModelError) as error:
            wrong = str(error)
        if wrong:
            self.ranges = None
            self._compiled.clear()
            refuse(self._settings, f"{self._path}: int8 does not work on this CPU: {wrong}")

    def request_for(self, shapes: Shapes) -> "tuple[_Compiled, Any]":
        """An idle request for inputs of these shapes, and where to give it back."""
        if self.pixels is not None:
            shapes = tuple((n, c, h, w) for n, h, w, c in shapes)
        compiled = self._compiled.get(shapes) or self._for(shapes)
        return compiled, compiled.take()

    def _for(self, shapes: Shapes) -> "_Compiled":
        """Compiled for inputs of these shapes, or for any where that would be too many.

        What is found can then depend, in the last bits, on what was shown before. Where it is to be deterministic, the
        sides that the file leaves open stay open.
        """
        wanted: Shapes | None = shapes
        with self._lock:
            fixed = len(self._compiled.keys() - {None})
            if shapes not in self._compiled and (fixed >= SHAPES or (self._settings.deterministic and self._open)):
                wanted = None
            if wanted not in self._compiled:
                self._compiled[wanted] = _Compiled(self._compile(wanted))
            return self._compiled[wanted]

    def _compile(self, shapes: Shapes | None) -> Any:
        core = _core()
        key = (
            "openvino", core.get_versions("CPU")["CPU"].build_number, core.get_property("CPU", "FULL_DEVICE_NAME"),
            core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"), sorted(self._config.items()), self._hash,
            self.pixels, shapes, self._settings.outputs, self.ranges and self.ranges.key,
        )  # fmt: skip
        kept = read_cached(*key)
        if kept is not None:
            try:
                return not_freed_by_children(core.import_model(io.BytesIO(kept), "CPU", self._config))
            except RuntimeError:  # whole, and yet not to this OpenVINO's liking
                pass
        model = self._model.clone()
        if shapes is not None:
            model.reshape(dict(zip(self.inputs, map(list, shapes), strict=True)))
        if self.ranges:
            round_to_int8(model, self.ranges.ranges, str(beside(self._path)))
        compiled = not_freed_by_children(core.compile_model(self._with_pixels(model), "CPU", self._config))
        write_cached(compiled.export_model().getvalue(), *key)
        return compiled

    def _with_pixels(self, model: Any) -> Any:
        if self.pixels is None:
            return model
        from openvino import Layout, Type
        from openvino.preprocess import PrePostProcessor

        processor = PrePostProcessor(model)
        port = processor.input()
        port.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
        port.model().set_layout(Layout("NCHW"))
        steps = port.preprocess().convert_element_type(Type.f32)
        steps.mean(list(self.pixels.mean)).scale(list(self.pixels.std))
        return processor.build()


class _Compiled:
    """A compiled network and its requests that nobody uses."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._idle: list[Any] = []  # append and pop are safe among threads

    def take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return not_freed_by_children(self._model.create_infer_request())

    def give_back(self, request: Any) -> None:
        self._idle.append(request)


class _Request:
    """One call under way."""

    def __init__(self, network: _Network, path: Path, feeds: list[np.ndarray], names: dict[str, InputShape]) -> None:
        self._path, self._names = path, names
        self._feeds = [  # kept while the request reads them
            np.ascontiguousarray(feed, np.float16 if half else None)
            for feed, half in zip(feeds, network.halves, strict=True)
        ]
        self._compiled, self._request = network.request_for(tuple(feed.shape for feed in feeds))
        self._outputs = len(network.outputs)
        from openvino import Tensor

        for index, feed in enumerate(self._feeds):  # start_async would look into what it is given for a tenth of a ms
            self._request.set_input_tensor(index, Tensor(feed, shared_memory=True))
        self._request.start_async()

    def answers(self) -> list[np.ndarray]:
        _core()  # which refuses in a forked process
        try:
            self._request.wait()
        except FAULTS as error:
            raise cannot_compute(self._path, dict(zip(self._names, self._feeds, strict=True)), error) from error
        answers = [_single(self._request.get_output_tensor(index).data) for index in range(self._outputs)]
        self._compiled.give_back(self._request)
        return answers


class _Parts:
    """Calls for the parts of a batch."""

    def __init__(self, requests: list[_Request]) -> None:
        self._requests = requests

    def result(self) -> np.ndarray:
        answers = [request.answers()[0] for request in self._requests]
        return answers[0] if len(answers) == 1 else np.concatenate(answers)


def _core() -> Any:
    """OpenVINO of this process; raises ForkError where it was begun before a fork."""
    home, core = _begun()
    home.check("OpenVINO", f"{REMEDY}, or take engine 'onnxruntime', which loads its networks anew")
    return core


@lru_cache(maxsize=1)
def _begun() -> tuple[Home, Any]:
    return Home(), not_freed_by_children(import_untold("openvino").Core())


def _ranges(path: Path, content: bytes, settings: Settings, has_bf16: bool) -> Int8Ranges | None:
    """Those beside a model, if it is to run in int8: it is asked for, or faster on this CPU."""
    asked = settings.precision == "int8"
    wanted = asked or (settings.precision == "auto" and not settings.deterministic and not (has_bf16 and has_amx()))
    if not wanted or path.suffix != ".onnx" or settings.outputs:
        if asked:
            raise EngineError(f"{path}: only .onnx models run in int8: leave the precision at 'auto'")
        return None
    if asked and settings.deterministic:
        raise EngineError("deterministic is in f32: leave the precision at 'auto' or take 'f32'")
    try:
        ranges = Int8Ranges.load(path, sha256(content).hexdigest())
    except ModelError as error:
        refuse(settings, str(error))
        return None
    if ranges is None and asked:
        raise EngineError(f"{path} has no ranges for int8 beside it: make them with leanpose quantize --on-load")
    return ranges


def _content(path: Path) -> bytes:
    """All that makes a network what it is; OpenVINO's own files keep the weights in a second one."""
    weights = path.with_suffix(".bin")
    return path.read_bytes() + (weights.read_bytes() if path.suffix == ".xml" and weights.is_file() else b"")


def _dtype(element: Any) -> np.dtype | None:
    """NumPy's of OpenVINO's element type."""
    try:
        return np.dtype(element.to_dtype())
    except (RuntimeError, TypeError):  # bf16, or nothing that is known before it runs
        return None


def _read(path: Path, outputs: tuple[str, ...]) -> Any:
    """The model in a file, up to these tensors where any are named."""
    if not outputs:
        return _core().read_model(path)
    from openvino.frontend import (
        FrontEndManager,
        GeneralFailure,
        InitializationFailure,
        OpConversionFailure,
        OpValidationFailure,
    )

    frontend = FrontEndManager().load_by_model(str(path))
    if frontend is None or frontend.get_name() != "tf":
        raise RuntimeError("OpenVINO reaches the tensors inside frozen graphs of TensorFlow (.pb) alone")
    try:
        model = frontend.load(str(path))
        places = [model.get_place_by_tensor_name(name) for name in outputs]
        missing = [name for name, place in zip(outputs, places, strict=True) if place is None]
        if missing:
            raise RuntimeError(f"it has no tensor {', '.join(missing)}")
        model.override_all_outputs(places)
        return frontend.convert(model)
    except (GeneralFailure, InitializationFailure, OpConversionFailure, OpValidationFailure) as error:
        raise RuntimeError(str(error)) from error


def _single(values: np.ndarray) -> np.ndarray:
    """A copy that stays when the request is used again."""
    return values.astype(np.float32 if values.dtype == np.float16 else values.dtype)


def _sides(shape: Any) -> InputShape:
    """Of OpenVINO's partial shape; nothing where not even the number of dimensions is known."""
    return () if shape.rank.is_dynamic else tuple(None if side.is_dynamic else side.get_length() for side in shape)
