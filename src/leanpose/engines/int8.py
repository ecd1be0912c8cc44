"""Int8 in OpenVINO without another model file: what flows between layers is rounded by ranges that stand beside it.

``NAME.int8.json`` beside ``NAME.onnx`` says, for the input of every convolution, between which values it lies
(:mod:`leanpose.export.quantize.on_load` writes it). While OpenVINO loads the network, a FakeQuantize is put before each
convolution and on its weights, which OpenVINO makes integer kernels of. Sums, concatenations and enlargements stay in
floating point.

Weights take half of the eight bits, -63 to 63: kernels without VNNI add two products of 8 bits in 16, which overflow
with all of them. Per output channel that is as good in use, and every CPU computes the same.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from leanpose.core.bounded import SMALL, parse_json, read_text
from leanpose.core.errors import EngineError, ModelError
from leanpose.core.files import write_whole
from leanpose.core.json_file import are_numbers
from leanpose.engines.interface import Settings

SUFFIX = ".int8.json"
CONVOLUTIONS = ("Convolution", "ConvolutionBackpropData", "GroupConvolution")
UNSIGNED = 256  # levels of what is never negative, and of what is
WEIGHTS = 255  # levels, of which the weights fill the middle
HALF_RANGE = 127 / 63
SAME_CELLS = 2.0  # that a peak of the self-test may be away from where it is in floating point
SAME_SHARE = 0.75  # of the sure peaks that must be there
SURE = 0.2  # score of a sure peak
SAME_BOX = 0.7  # IoU of the best box

LOG = logging.getLogger(__name__)
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Int8Ranges:
    """What is beside a model so that it can run in int8.

    Attributes:
        sha256: of the model file that this is about, in hexadecimal.
        ranges: smallest and largest value of each tensor that goes into a convolution, by its name in the file.
        mean, std: of the network's input, per channel.
        answer: of the network in floating point to :func:`figure`: peaks of the heatmaps as (x, y, score) in cells, or
            the best box as (x1, y1, x2, y2, score).
        made: on what the ranges were found and what int8 loses, in words.
    """

    sha256: str
    ranges: Ranges
    mean: tuple[float, ...]
    std: tuple[float, ...]
    answer: tuple[tuple[float, ...], ...]
    made: str

    @property
    def key(self) -> str:
        """What tells compiled networks of other ranges apart."""
        return hashlib.sha256(repr(sorted(self.ranges.items())).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it beside the model ``path``.

        Raises:
            ModelError: when it cannot be written.
        """
        write_whole(beside(path), (json.dumps(asdict(self), indent=1) + "\n").encode(), ModelError)

    @classmethod
    def load(cls, path: Path, sha256: str) -> Self | None:
        """What is beside the model ``path``, whose file has that SHA-256; None where nothing is.

        Raises:
            ModelError: when the file is damaged or about another model.
        """
        file = beside(path)
        if not file.is_file():
            return None
        data = parse_json(read_text(file, ModelError, SMALL), ModelError, str(file))
        rules = {
            "sha256": lambda value: isinstance(value, str),
            "ranges": lambda value: isinstance(value, dict) and all(map(_is_range, value.values())),
            "mean": lambda value: are_numbers(value, 3),
            "std": lambda value: are_numbers(value, 3) and min(value) > 0,
            "answer": lambda value: isinstance(value, list) and all(are_numbers(row, len(row)) for row in value),
            "made": lambda value: isinstance(value, str),
        }
        if not isinstance(data, dict) or set(data) != set(rules):
            raise ModelError(f"{file}: ranges for int8 are an object of {', '.join(rules)}")
        for name, holds in rules.items():
            if not holds(data[name]):
                raise ModelError(f"{file}: field '{name}' is not what it should be: make the file anew")
        if data["sha256"] != sha256:
            raise ModelError(f"{file} is about another file than {path.name}: make it anew, or delete it")
        ranges = {name: (float(low), float(high)) for name, (low, high) in data["ranges"].items()}
        mean, std, answer = tuple(data["mean"]), tuple(data["std"]), tuple(map(tuple, data["answer"]))
        return cls(sha256, ranges, mean, std, answer, data["made"])


def refuse(settings: Settings, why: str) -> None:
    """Say why a network runs in floating point after all.

    Raises:
        EngineError: where int8 was asked for.
    """
    if settings.precision == "int8":
        raise EngineError(f"{why}: leave the precision at 'auto'")
    LOG.warning("%s: computing in floating point", why)


def beside(path: Path) -> Path:
    """Where the ranges of a model file stand."""
    return path.with_suffix(SUFFIX)


def round_to_int8(model: Any, ranges: Ranges, where: str) -> None:
    """Change an OpenVINO model: rounding before each convolution whose input's range is known, and of its weights.

    Raises:
        ModelError: when a range is of no tensor in the model, or its convolutions have none.
    """
    from openvino import opset13 as opset

    def four(value: Any) -> Any:
        return opset.constant(np.asarray(value, np.float32).reshape(-1, 1, 1, 1))

    fold_weights(model)
    rounded: dict[str, Any] = {}
    for node in convolutions(model):
        names = node.input_value(0).get_names()
        name = next((name for name in sorted(names) if name in ranges), None)
        weights = node.input_value(1).get_node()
        if name is None or weights.get_type_name() != "Constant":
            continue
        if name not in rounded:
            low, high = ranges[name]
            if low < 0:
                high = max(-low, high)
                low, high = -high, high * 127 / 128
            limits = [four(low), four(high)] * 2
            rounded[name] = opset.fake_quantize(node.input_value(0), *limits, UNSIGNED)
        node.input(0).replace_source_output(rounded[name].output(0))
        values = weights.get_data().astype(np.float32)
        across = 1 if node.get_type_name() == "ConvolutionBackpropData" else 0
        others = tuple(axis for axis in range(values.ndim) if axis != across)
        largest = np.abs(values).max(axis=others, keepdims=True) * HALF_RANGE + np.float32(1e-12)
        limits = [opset.constant(-largest), opset.constant(largest)] * 2
        node.input(1).replace_source_output(opset.fake_quantize(opset.constant(values), *limits, WEIGHTS).output(0))
    if missing := sorted(set(ranges) - set(rounded)):
        raise ModelError(f"{where}: no convolution of the model takes {', '.join(missing[:3])}: make the ranges anew")
    if not rounded:
        raise ModelError(f"{where}: has no ranges")
    model.validate_nodes_and_infer_types()


def fold_weights(model: Any) -> None:
    """Compute what is constant in an OpenVINO model, weights stored in half precision too."""
    from openvino import passes

    for node in model.get_ops():
        about = node.get_rt_info()
        for key in [key for key in about if "decompression" in key or "keep_const" in key]:
            del about[key]
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)


def convolutions(model: Any) -> list[Any]:
    """Those of an OpenVINO model, in the order of computation."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() in CONVOLUTIONS]


@cache
def figure(height: int, width: int) -> np.ndarray:
    """A drawn person, BGR uint8 (H, W, 3), upright in the middle: what a network's self-test looks at."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (170, 190, 180)
    image[int(0.8 * height) :] = (90, 110, 120)
    side = min(height, 1.5 * width)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(width / 2 + (x - 0.5) * side), round(height / 2 + (y - 0.5) * side)

    def limb(colour: tuple[int, int, int], thick: float, *points: tuple[float, float]) -> None:
        line = np.array([at(*point) for point in points], np.int32)
        cv2.polylines(image, [line], False, colour, max(1, round(thick * side)), cv2.LINE_AA)

    skin, shirt, trousers = (140, 170, 220), (60, 60, 160), (90, 60, 40)
    for mirrored in (-1, 1):
        limb(trousers, 0.07, (0.5 + mirrored * 0.04, 0.5), (0.5 + mirrored * 0.06, 0.7), (0.5 + mirrored * 0.06, 0.88))
        limb(skin, 0.045, (0.5 + mirrored * 0.1, 0.26), (0.5 + mirrored * 0.16, 0.39), (0.5 + mirrored * 0.15, 0.52))
        limb(shirt, 0.055, (0.5 + mirrored * 0.1, 0.26), (0.5 + mirrored * 0.14, 0.34))
    body = np.array([at(0.39, 0.23), at(0.61, 0.23), at(0.57, 0.52), at(0.43, 0.52)], np.int32)
    cv2.fillConvexPoly(image, body, shirt, cv2.LINE_AA)
    limb(skin, 0.06, (0.5, 0.16), (0.5, 0.24))
    cv2.ellipse(image, (at(0.5, 0.13), (0.11 * side, 0.15 * side), 0), skin, -1, cv2.LINE_AA)
    cv2.ellipse(image, (at(0.5, 0.085), (0.12 * side, 0.08 * side), 0), (30, 40, 50), -1, cv2.LINE_AA)
    for x in (0.48, 0.52):
        cv2.circle(image, at(x, 0.125), max(1, round(0.008 * side)), (40, 40, 40), -1, cv2.LINE_AA)
    image.flags.writeable = False
    return image


def answer_of(outputs: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """What is compared of a network's answer to one input: peaks of heatmaps (1, K, h, w), or the first of rows."""
    if outputs.ndim == 4:
        flat = outputs[0].reshape(outputs.shape[1], -1)
        best = flat.argmax(axis=1)
        rows = np.stack((best % outputs.shape[3], best // outputs.shape[3], flat.max(axis=1)), axis=1)
    else:
        rows = outputs.reshape(-1, outputs.shape[-1])[:1]
    return tuple(tuple(round(float(value), 4) for value in row) for row in rows)


def agrees(answer: tuple[tuple[float, ...], ...], expected: tuple[tuple[float, ...], ...]) -> bool:
    """Whether an answer to :func:`figure` is that of the network in floating point, but for rounding."""
    mine, theirs = np.array(answer), np.array(expected)
    if mine.shape != theirs.shape or not np.isfinite(mine).all():
        return False
    sure = theirs[:, -1] >= SURE
    if not sure.any():
        return True  # the network does not take a drawing for a person
    if mine.shape[1] == 3:
        away = np.abs(mine[:, :2] - theirs[:, :2]).max(axis=1)
        return bool((away[sure] <= SAME_CELLS).mean() >= SAME_SHARE)
    low, high = np.maximum(mine[0, :2], theirs[0, :2]), np.minimum(mine[0, 2:4], theirs[0, 2:4])
    shared = np.prod(np.maximum(high - low, 0))
    areas = [np.prod(box[0, 2:4] - box[0, :2]) for box in (mine, theirs)]
    return bool(shared >= SAME_BOX * (sum(areas) - shared))


def _is_range(value: Any) -> bool:
    return are_numbers(value, 2) and value[0] <= 0 <= value[1] and value[0] < value[1]
