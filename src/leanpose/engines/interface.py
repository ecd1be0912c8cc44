"""What engines have in common: how they are asked for, and what they answer to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from leanpose.core.errors import ModelError
from leanpose.core.normalisation import Normalisation

Precision = Literal["auto", "f32", "bf16", "int8"]
Mode = Literal["latency", "throughput"]
InputShape = tuple[int | None, ...]
OF_OPENVINO = (".tflite", ".pb", ".xml")  # files of TensorFlow Lite, TensorFlow's frozen graphs, and OpenVINO's own


@dataclass(frozen=True)
class Settings:
    """How a network is to run; see :func:`leanpose.engines.create_engine`."""

    threads: int | None = None
    precision: Precision = "auto"
    mode: Mode = "latency"
    deterministic: bool = False
    pixels: Normalisation | None = None
    outputs: tuple[str, ...] = ()


class Pending(Protocol):
    """An answer that is being computed."""

    def result(self) -> np.ndarray:
        """Waits for it.

        Raises:
            ModelError: when the network cannot compute on what it was given.
        """
        ...


@dataclass(frozen=True, eq=False)
class Ready:
    """An answer that has been computed."""

    answer: np.ndarray

    def result(self) -> np.ndarray:
        return self.answer


class Engine(Protocol):
    """A loaded network of one input and one output.

    Attributes:
        name: as :func:`create_engine` takes it.
        precision: what it computes in: ``"f32"``, ``"bf16"``, ``"int8"`` (with the layers that are not quantized in
            f32 or bf16), or ``"own"``, a provider's choice.
        input_shape: batch, channels, height, width of the file's input; ``None`` where any size goes.
        takes_pixels: whether it was loaded with ``pixels`` and normalises in the network: it then takes uint8
            (N, H, W, 3), and else normalised float32 (N, 3, H, W).
        share: how many inputs are best handed over at a time; ``None`` for as many as there are.
    """

    name: str
    precision: str
    input_shape: InputShape
    takes_pixels: bool
    share: int | None

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Heatmaps (N, K, h, w) float32 of the batch, which is not empty."""
        ...

    def submit(self, batch: np.ndarray) -> Pending:
        """The same, while the caller does something else; the batch must stay as it is until then."""
        ...

    def describe(self) -> str:
        """Name, precision, and what else was asked for, in words."""
        ...


class Session(Protocol):
    """A loaded network of any inputs and outputs.

    Attributes:
        name, precision: as an :class:`Engine` has them.
        inputs, outputs: shapes by name, in the file's order; ``None`` for a side of any size.
        input_types: of the numbers that go in, by name; ``None`` for what NumPy does not have.
        share: as an :class:`Engine` has it.
    """

    name: str
    precision: str
    inputs: dict[str, InputShape]
    outputs: dict[str, InputShape]
    input_types: dict[str, np.dtype | None]
    share: int | None

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs by name, of all inputs by name; halves are floats here whatever the file says.

        Raises:
            ModelError: when the network cannot compute on them.
        """
        ...

    def describe(self) -> str:
        """As an :class:`Engine` does."""
        ...


def describe(name: str, precision: str, settings: Settings) -> str:
    """An engine in words: what goes without saying is left out."""
    words = [f"{name} {precision}"]
    if settings.threads is not None:
        words.append(f"{settings.threads} thread{'s' * (settings.threads > 1)}")
    if settings.mode != "latency":
        words.append(settings.mode)
    if settings.deterministic:
        words.append("deterministic")
    return ", ".join(words)


def is_quantized(content: bytes) -> bool:
    """Whether an ONNX file computes in int8: it rounds what flows between its layers."""
    return b"QuantizeLinear" in content


def damaged(path: Path, error: Exception) -> ModelError:
    kind = f"a {path.suffix} model" if path.suffix in OF_OPENVINO else "an ONNX model"
    return ModelError(f"{path} is damaged or not {kind}: {_reason(error)}")


def cannot_compute(path: Path, feeds: dict[str, Any], error: Exception | str) -> ModelError:
    given = ", ".join(f"{name} {value.shape} {value.dtype}" for name, value in feeds.items())
    return ModelError(f"{path} cannot compute on {given}: {_reason(error)}")


def _reason(error: Exception | str) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
