"""From a packaged or exported model in float32 to a smaller one with its own card."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from leanpose.core.errors import AccuracyError, ExportError
from leanpose.core.files import write_whole
from leanpose.engines.card import ModelCard
from leanpose.engines.card_file import read_card_file
from leanpose.engines.detector_card import DetectorCard
from leanpose.engines.zoo import find_detector, find_model, list_detectors
from leanpose.estimate.estimator import PoseEstimator
from leanpose.export.quantize.accuracy import Comparison, Judge, losses
from leanpose.export.quantize.calibration import calibration_crops
from leanpose.export.quantize.graph import find_layers, load, prepare
from leanpose.export.quantize.half import halve_weights, rounded
from leanpose.export.quantize.int8 import Method, OnnxRuntimeQuantizer, Ranges, quantize_by_nncf
from leanpose.export.quantize.parity import check_same

if TYPE_CHECKING:
    from onnx import ModelProto

Card = ModelCard | DetectorCard
CardT = TypeVar("CardT", bound=ModelCard | DetectorCard)
AUTO: tuple[tuple[str, ...], ...] = ((), ("heads",), ("heads", "stem"))  # tried in this order


@dataclass(frozen=True)
class Trial:
    """One choice of what stays float.

    Attributes:
        kept: as it was asked for; nothing, ``"heads"`` and so on.
        layers: how many convolutions that are.
        score: the main figure in percent, on the first engine.
    """

    kept: tuple[str, ...]
    layers: int
    score: float


@dataclass(frozen=True, eq=False)
class Quantized:
    """A smaller model that is not written yet.

    Attributes:
        source: the file that it was made from.
        onnx: what the new file will hold.
        card: that of the new file, without scores.
        bytes_before: size of the source.
        comparisons: with the source, engine by engine; none where nothing was measured.
        trials: of what stays float, where that was to be found out.
    """

    source: Path
    onnx: bytes
    card: Card
    bytes_before: int
    comparisons: tuple[Comparison, ...] = ()
    trials: tuple[Trial, ...] = ()

    def save(self, out: Path, max_drop: float = 1.0) -> Card:
        """Write the file and its card beside it.

        Args:
            max_drop: points of the main figure that may be lost on any engine.

        Raises:
            AccuracyError: when more was lost: nothing is written, and what stood at ``out`` still stands there.
            ExportError: when the name does not end in ``.onnx``, is that of the source, or cannot be written.
        """
        check_target(out, self.source)
        too_bad = losses(self.comparisons, max_drop)
        if too_bad:
            said = ", ".join(f"{-loss.change:.2f} points on {loss.engine}" for loss in too_bad)
            raise AccuracyError(
                f"{out.name}: loses {said}, and at most {max_drop:g} are allowed: not written; leave more in float "
                "with --keep-float, take the other --method or more --calibration people, or allow a larger --max-drop"
            )
        card = replace(self.card, name=out.stem)
        write_whole(out, self.onnx, ExportError)
        card.save(out.with_suffix(".json"))
        return card


def check_target(out: Path, source: Path) -> None:
    """Raises ExportError where :meth:`Quantized.save` would for its name; to ask before long work."""
    if out.suffix != ".onnx":
        raise ExportError(f"{out}: name the file NAME.onnx")
    if out.resolve() == source.resolve():
        raise ExportError(f"{out} is the model itself: choose another name for the smaller one")


def open_source(model: str | Path) -> tuple[Path, Card]:
    """The file and the card of a model in float32, a pose model or a detector.

    Raises:
        ModelError: when there is no such model or card.
        ExportError: when its weights are not in float32.
    """
    card_path = Path(model).with_suffix(".json")
    named = str(model) in list_detectors()
    beside = read_card_file(card_path) if Path(model).suffix == ".onnx" and card_path.is_file() else None
    if named or (isinstance(beside, dict) and beside.get("kind") == DetectorCard.kind):
        path, card = find_detector(str(model))
    else:
        path, card = find_model(model)
    if card is None or card.precision != "f32":
        raise ExportError(f"{model} is in {card.precision if card else 'an unknown precision'}: give the one in f32")
    return path, card


def quantize_model(
    model: str | Path,
    specs: Sequence[str],
    judge: Judge,
    method: Method = "nncf",
    keep: Sequence[str] = ("auto",),
    ranges: Ranges = "minmax",
    count: int = 300,
    said: Callable[[str], None] = lambda _: None,
) -> Quantized:
    """A pose model in int8, calibrated on training people and compared with the original.

    Args:
        model: a packaged model's name or an ``.onnx`` file with its card.
        specs: datasets whose part ``train`` has the people to calibrate on.
        judge: measures; on people who are not among them.
        method: ``"nncf"`` or ``"onnxruntime"``.
        keep: what stays float, as :func:`leanpose.export.quantize.graph.find_layers` takes it; ``("auto",)`` tries
            nothing, the heads, and heads and stem, and takes what measures best; ``("none",)`` or nothing keeps
            nothing.
        ranges: how ONNX Runtime finds the ranges of activations; NNCF has its own way.
        count: how many people to calibrate on.
        said: receives what is being done.

    Raises:
        ExportError: for a model that is not a pose model in float32, and layers that it does not have.
        ModelError, DatasetError, MissingExtraError: as the parts do.
    """
    path, card = open_source(model)
    if not isinstance(card, ModelCard):
        raise ExportError(f"{card.name} is a detector, which is stored in half precision at most: take --fp16")
    network = load(path)
    prepare(network)
    choices = AUTO if tuple(keep) == ("auto",) else (tuple(word for word in keep if word != "none"),)
    layers = [find_layers(network, choice) for choice in choices]
    said(f"drawing {count} people of the train part")
    crops = calibration_crops(PoseEstimator(path, "onnxruntime", detector=None), specs, count)
    said(f"calibrating on {len(crops)} people")
    by_layers = _method(network, crops, method, ranges)
    trials: list[Trial] = []
    best: tuple[Trial, bytes, ModelCard] | None = None
    with TemporaryDirectory() as folder:
        candidate = Path(folder) / f"{card.name}_int8.onnx"
        for choice, names in zip(choices, layers, strict=True):
            said(f"quantising, {' and '.join(choice) or 'nothing'} in float")
            onnx = by_layers(names).SerializeToString()
            words = _int8_in_words(method, ranges, len(crops), specs, choice)
            described = replace(card, precision="int8", quantization=words, scores=(), calibration=None)
            described = _place(candidate, onnx, described)
            score = judge.measure(candidate).mean if len(choices) > 1 else float("nan")
            trials.append(Trial(choice, len(names), score))
            if best is None or score > best[0].score:
                best = trials[-1], onnx, described
        assert best is not None
        _, onnx, described = best
        _place(candidate, onnx, described)
        said("comparing")
        compared = judge.compare(path, candidate)
    return Quantized(
        path, onnx, described, path.stat().st_size, tuple(compared), tuple(trials) if len(trials) > 1 else ()
    )


def halve_model(model: str | Path, judge: Judge | None = None) -> Quantized:
    """A pose model or a detector with its weights in half precision, once it computes what rounded weights should.

    Args:
        judge: also compares a pose model with the original; None measures nothing.

    Raises:
        ExportError: when the model is not in float32, a weight is too large, or an engine computes anything else.
        ModelError, MissingExtraError: as the parts do.
    """
    path, card = open_source(model)
    network = load(path)
    reference = rounded(network)
    count = halve_weights(network)
    words = f"{count} weight tensors of convolutions and matrix products in float16, cast to float32 in the graph"
    described = replace(card, precision="f16", quantization=words, scores=())
    onnx = network.SerializeToString()
    compared: list[Comparison] = []
    with TemporaryDirectory() as folder:
        candidate, expected = Path(folder) / f"{card.name}_f16.onnx", Path(folder) / "rounded.onnx"
        described = _place(candidate, onnx, described)
        expected.write_bytes(reference.SerializeToString())
        check_same(candidate, expected, card)
        if judge:
            if not isinstance(card, ModelCard):
                raise ExportError(f"{card.name} is a detector, whose accuracy is not measured here: leave --data out")
            compared = judge.compare(path, candidate)
    return Quantized(path, onnx, described, path.stat().st_size, tuple(compared))


def _method(
    network: "ModelProto", crops: np.ndarray, method: Method, ranges: Ranges
) -> "Callable[[Sequence[str]], ModelProto]":
    """Quantises the network, given the names of the nodes that stay float."""
    if method == "onnxruntime":
        return OnnxRuntimeQuantizer(network, crops, ranges).quantize
    return lambda keep: quantize_by_nncf(network, crops, keep)


def _place(path: Path, onnx: bytes, card: CardT) -> CardT:
    """Write a candidate with its card, and return the card."""
    path.write_bytes(onnx)
    card = replace(card, name=path.stem, sha256=hashlib.sha256(onnx).hexdigest())
    card.save(path.with_suffix(".json"))
    return card


def _int8_in_words(method: Method, ranges: Ranges, count: int, specs: Sequence[str], kept: Sequence[str]) -> str:
    names = " and ".join(spec.partition(":")[0] for spec in specs)
    how = f", ranges {ranges}" if method == "onnxruntime" else ""
    return (
        f"int8 by {method} {version(method)}{how}, calibrated on {count} people of {names} train; "
        f"in float: {', '.join(kept) or 'no convolution'}"
    )
