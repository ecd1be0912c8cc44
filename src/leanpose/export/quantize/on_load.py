"""Ranges for int8 beside a model, so that it can run in int8 without another model file."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from leanpose.core.errors import AccuracyError, DatasetError, ExportError
from leanpose.core.untold import import_untold
from leanpose.datasets.readers.scenes import Scene, read_scenes
from leanpose.engines.card import ModelCard
from leanpose.engines.card_file import file_sha256, read_card_file
from leanpose.engines.detector_card import DetectorCard
from leanpose.engines.int8 import Int8Ranges, Ranges, answer_of, beside, convolutions, figure, fold_weights
from leanpose.engines.open_vino import FIGURE_SIDE
from leanpose.engines.zoo import find_detector, find_model, list_detectors
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.estimator import PoseEstimator
from leanpose.export.quantize.calibration import SEED, calibration_crops
from leanpose.measure import Options, evaluate
from leanpose.measure.datasets import read_data
from leanpose.measure.detection import LOWEST, Detection, evaluate_detector

ENGINE = "openvino"
CLIPPED = 1e-4  # share of a tensor's values, at either end, that its range leaves out in one input of a pose network


def add_ranges(
    model: str | Path,
    specs: Sequence[str],
    count: int = 300,
    max_drop: float = 0.3,
    said: Callable[[str], None] = lambda _: None,
) -> Int8Ranges:
    """Find the ranges of a packaged or exported model, and leave them beside it if int8 is as accurate.

    Args:
        model: a pose model or a detector with its card, in float32 or half precision.
        specs: datasets whose part ``train`` has what to find ranges on, and whose part ``val`` what to measure
            floating point and int8 on: people one at a time, without a flip test, or images for a detector.
        count: people, or images, to find ranges on.
        max_drop: points of the main figure (of a detector, of recall and AP50 each) that may be lost.
        said: receives what is being done.

    Raises:
        AccuracyError: when more was lost: the file of before, if any, stands again.
        ExportError: when the model is in int8 already.
        ModelError, DatasetError, EngineError: as the parts do.
    """
    path, card = _open(model)
    if card.precision == "int8":
        raise ExportError(f"{card.name} is in int8 already")
    mine = beside(path)
    before = mine.read_bytes() if mine.is_file() else None
    said(f"ranges of what flows through {card.name}")
    if isinstance(card, ModelCard):
        crops: Iterable[np.ndarray] = calibration_crops(
            PoseEstimator(path, ENGINE, "f32", detector=None), specs, count, skeleton=card.skeleton
        )[:, None]
    else:
        crops = _images(PersonDetector(path, ENGINE, "f32"), read_scenes(specs, "train"), count)
    ranges, found = find_ranges(path, crops, CLIPPED if isinstance(card, ModelCard) else 0.0)
    kinds = " and ".join(spec.partition(":")[0] for spec in specs)
    made = Int8Ranges(
        file_sha256(path),
        ranges,
        card.mean,
        card.std,
        _answer(path, card),
        f"on {found} inputs of the train part of {kinds}",
    )
    made.save(path)
    try:
        said("measuring in floating point and in int8")
        float_figures, int8_figures = (_figures(path, card, specs, how) for how in ("f32", "int8"))
    except BaseException:
        _put_back(mine, before)
        raise
    changes = {name: int8_figures[name] - value for name, value in float_figures.items()}
    words = ", ".join(f"{name} {value:.1f} -> {int8_figures[name]:.1f}" for name, value in float_figures.items())
    said(words)
    if not -min(changes.values()) <= max_drop:
        _put_back(mine, before)
        raise AccuracyError(f"{path.name} in int8: {words}: more than {max_drop:g} points are lost: not written")
    made = Int8Ranges(made.sha256, ranges, made.mean, made.std, made.answer, f"{made.made}; {words}")
    made.save(path)
    return made


def find_ranges(path: Path, inputs: Iterable[np.ndarray], clipped: float) -> tuple[Ranges, int]:
    """Smallest and largest value of what goes into each convolution, and how many inputs (1, 3, H, W) were shown.

    The share ``clipped`` of the values of one input is left out at either end: single values far outside would take the
    levels of all others. A detector needs all: few of its values are of people.
    """
    ov = import_untold("openvino")
    core = ov.Core()
    model = core.read_model(path)
    fold_weights(model)
    tensors = {min(port.get_names()): port for node in convolutions(model) if (port := node.input_value(0)).get_names()}
    results = [ov.opset13.result(port) for port in tensors.values()]
    observed = core.compile_model(ov.Model(results, model.get_parameters(), "observed"), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32"
    })  # fmt: skip
    limits = dict.fromkeys(tensors, (0.0, 0.0))
    shown = 0
    for image in inputs:
        answers = observed([image])
        shown += 1
        for index, (name, (low, high)) in enumerate(limits.items()):
            values = np.asarray(answers[index])
            least, most = np.quantile(values, (clipped, 1 - clipped))
            limits[name] = min(low, float(least)), max(high, float(most))
    if not shown:
        raise DatasetError(f"nothing to find ranges on for {path.name}")
    return {name: pair for name, pair in limits.items() if pair[0] < pair[1]}, shown


def _open(model: str | Path) -> tuple[Path, ModelCard | DetectorCard]:
    beside_it = Path(model).with_suffix(".json")
    data = read_card_file(beside_it) if Path(model).suffix == ".onnx" and beside_it.is_file() else None
    if str(model) in list_detectors() or (isinstance(data, dict) and data.get("kind") == DetectorCard.kind):
        path, card = find_detector(model)
        if card is None or card.layout != "leanpose":
            raise ExportError(f"{model} is another project's detector: only ours run in int8 by ranges beside them")
        return path, card
    return find_model(model)


def _images(detector: PersonDetector, scenes: Sequence[Scene], count: int) -> Iterable[np.ndarray]:
    for number in np.random.default_rng(SEED).permutation(len(scenes))[:count]:
        try:
            yield detector.preprocess(scenes[number].load_image())[0]
        except DatasetError:
            continue


def _answer(path: Path, card: ModelCard | DetectorCard) -> tuple[tuple[float, ...], ...]:
    """Of the network in floating point to the drawing that its self-test looks at."""
    from leanpose.core.normalisation import Normalisation

    compiled = import_untold("openvino").Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    sides = compiled.inputs[0].get_partial_shape()[2:]
    height, width = (FIGURE_SIDE if side.is_dynamic else side.get_length() for side in sides)
    pixels = Normalisation(card.mean, card.std)(figure(height, width)[None])
    return answer_of(np.asarray(compiled([pixels])[0]))


def _figures(path: Path, card: ModelCard | DetectorCard, specs: Sequence[str], precision: str) -> dict[str, float]:
    if isinstance(card, ModelCard):
        data = read_data(specs, "val", "pck", [], card.skeleton if len(specs) > 1 else None)
        estimator = PoseEstimator(path, ENGINE, precision, detector=None)  # type: ignore[arg-type]
        found = evaluate(estimator, data.samples, "labels", None, Options("pck"), data.ground_truth, data.people)
        return {found.metric: found.mean}
    detector = PersonDetector(path, ENGINE, precision, threshold=LOWEST)  # type: ignore[arg-type]
    figures: dict[str, float] = {}
    for each in evaluate_detector(detector, read_scenes(specs, "val"), card.threshold):
        if each.count:
            figures |= {f"recall {each.name}": each.recall(), **_ap50(each)}
    return figures


def _ap50(each: Detection) -> dict[str, float]:
    return {f"AP50 {each.name}": each.average_precision["AP50"]} if each.average_precision else {}


def _put_back(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(content)
