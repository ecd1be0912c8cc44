"""Model cards: what a network expects, what it returns, where it comes from and how well it does.

A card is a JSON file beside the weights, ``NAME.json`` beside ``NAME.onnx``. Nothing about a model is guessed: the
estimator reads crop, colours, normalisation, heatmap grid and joints from the card.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from leanpose.decode import METHODS
from leanpose.errors import ModelError, SkeletonError
from leanpose.files import write_whole
from leanpose.skeleton import Skeleton

SCHEMA = 1


@dataclass(frozen=True)
class DataSource:
    """A dataset that a model was trained on, and the terms under which its images may be used."""

    name: str
    terms: str


@dataclass(frozen=True)
class Score:
    """A measured figure: the metric, its value, the protocol behind it and the command that prints it again."""

    metric: str
    value: float
    protocol: str
    command: str


@dataclass(frozen=True)
class ModelCard:
    """Everything that is to be known about a model file.

    Attributes:
        name: of the model.
        architecture: the network's name in the registry.
        skeleton: joints in the order of the heatmaps, limbs, torso; written out, so that own skeletons travel.
        input_hw: height and width of the crop in pixels.
        sigma: of the training targets, in heatmap cells.
        sha256: of the model file, in hexadecimal.
        params: number of parameters.
        macs: multiply-adds for one crop.
        recipe: name of the training recipe, or where an imported model comes from.
        data: datasets it was trained on.
        epochs: passes over the data.
        license: terms of the weights.
        color: channel order that the network was trained on.
        mean, std: per channel in that order, in units of 0 to 255: the network sees ``(crop - mean) / std``.
        padding: side of the crop over the side of the person's box grown to the crop's aspect.
        stride: crop pixels per heatmap cell.
        cell_offset: see :mod:`leanpose.geometry`; 0.5 is ours, networks of the HRNet line use 0.
        flip_shift: cells by which mirrored-back heatmaps move to the right before they are averaged.
        decode: method of :func:`leanpose.decode.decode` behind the scores.
        precision: of the stored weights.
        scores: measured figures.

    Raises:
        ModelError: when a field does not hold what it should; the message names it.
    """

    name: str
    architecture: str
    skeleton: Skeleton
    input_hw: tuple[int, int]
    sigma: float
    sha256: str
    params: int
    macs: int
    recipe: str
    data: tuple[DataSource, ...]
    epochs: float
    license: str
    color: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    padding: float = 1.25
    stride: int = 4
    cell_offset: float = 0.5
    flip_shift: int = 0
    decode: str = "taylor"
    precision: Literal["f32", "f16", "int8"] = "f32"
    scores: tuple[Score, ...] = ()

    def __post_init__(self) -> None:
        for name, (holds, expected) in _RULES.items():
            value = getattr(self, name)
            if not holds(value):
                raise ModelError(f"model card '{self.name}': field '{name}' must be {expected}, not {value!r}")
        if any(side % self.stride for side in self.input_hw):
            raise ModelError(
                f"model card '{self.name}': field 'input_hw' must be multiples of the stride {self.stride}, "
                f"not {self.input_hw}"
            )

    @property
    def heatmap_hw(self) -> tuple[int, int]:
        """Height and width of the heatmaps in cells."""
        return self.input_hw[0] // self.stride, self.input_hw[1] // self.stride

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`.

        Raises:
            ModelError: for another schema version, and for fields that are missing, unknown or of the wrong kind.
        """
        if not isinstance(data, Mapping):
            raise ModelError(f"a model card is a JSON object, not {type(data).__name__}")
        values = dict(data)
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise ModelError(f"model card: field 'schema' is {schema!r}, this version of leanpose reads {SCHEMA}")
        _check_fields("", cls, values)
        values["skeleton"] = _skeleton_from(values["skeleton"])
        for name, kind in (("data", DataSource), ("scores", Score)):
            entries = values.get(name, [])
            if not isinstance(entries, list):
                raise ModelError(f"model card: field '{name}' must be a list, not {entries!r}")
            for at, entry in enumerate(entries):
                _check_fields(f"{name}[{at}].", kind, entry)
            values[name] = tuple(kind(**entry) for entry in entries)
        for name in ("input_hw", "mean", "std"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        return cls(**values)

    def save(self, path: str | Path) -> None:
        """Write the card as JSON.

        Raises:
            ModelError: when the file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        write_whole(path, text.encode(), ModelError)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a card from a JSON file.

        Raises:
            ModelError: when the file is missing, is not JSON, or does not hold a valid card.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ModelError(f"no model card at {path}: a model NAME.onnx needs its card NAME.json beside it") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"cannot read the model card {path}: {error}") from error
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise ModelError(f"{path} is not JSON: {error}") from error
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _number(value: Any, kind: type | tuple[type, ...] = (int, float)) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)


def _positive(value: Any, kind: type | tuple[type, ...] = (int, float)) -> bool:
    return _number(value, kind) and value > 0


def _sized(length: int, holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and len(value) == length and all(map(holds, value))


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _entries(kind: type) -> Callable[[Any], bool]:
    """A tuple of ``kind``, whose field ``value`` is a number and whose other fields are text."""

    def holds(entry: Any) -> bool:
        if not isinstance(entry, kind):
            return False
        return all((_number if name == "value" else _text)(held) for name, held in vars(entry).items())

    return lambda value: isinstance(value, tuple) and all(map(holds, value))


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_text, "text"),
    "architecture": (_text, "text"),
    "skeleton": (lambda value: isinstance(value, Skeleton), "a skeleton"),
    "input_hw": (_sized(2, lambda side: _positive(side, int)), "height and width in whole pixels"),
    "sigma": (_positive, "a positive number"),
    "sha256": (lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)), "64 hex digits"),
    "params": (lambda value: _number(value, int) and value >= 0, "a whole number"),
    "macs": (lambda value: _number(value, int) and value >= 0, "a whole number"),
    "recipe": (_text, "text"),
    "data": (_entries(DataSource), "a list of datasets, each with name and terms"),
    "epochs": (lambda value: _number(value) and value >= 0, "a number"),
    "license": (_text, "text"),
    "color": (lambda value: value in ("bgr", "rgb"), "'bgr' or 'rgb'"),
    "mean": (_sized(3, _number), "three numbers"),
    "std": (_sized(3, _positive), "three positive numbers"),
    "padding": (_positive, "a positive number"),
    "stride": (lambda value: _positive(value, int), "a positive whole number"),
    "cell_offset": (lambda value: value in (0, 0.5), "0 or 0.5"),
    "flip_shift": (lambda value: _number(value, int) and value >= 0, "a whole number of cells"),
    "decode": (lambda value: value in METHODS, f"one of {', '.join(METHODS)}"),
    "precision": (lambda value: value in ("f32", "f16", "int8"), "'f32', 'f16' or 'int8'"),
    "scores": (_entries(Score), "a list of scores, each a number with metric, protocol and command"),
}


def _check_fields(where: str, kind: type, values: Any) -> None:
    """Refuse a JSON object whose keys are not the fields of a dataclass."""
    if not isinstance(values, Mapping):
        raise ModelError(f"model card: '{where.rstrip('.')}' must be an object, not {values!r}")
    known = {field.name: field for field in dataclasses.fields(kind)}
    missing = [name for name, f in known.items() if f.default is dataclasses.MISSING and name not in values]
    if missing:
        raise ModelError(f"model card: missing field {', '.join(repr(where + name) for name in missing)}")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ModelError(f"model card: unknown field {', '.join(repr(where + name) for name in unknown)}")


def _skeleton_from(values: Any) -> Skeleton:
    _check_fields("skeleton.", Skeleton, values)
    try:
        return Skeleton.from_dict(values)
    except SkeletonError as error:
        raise ModelError(f"model card: field 'skeleton': {error}") from error
