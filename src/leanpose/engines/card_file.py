"""What the cards of all models share: a JSON file beside the weights, ``NAME.json`` beside ``NAME.onnx``."""

import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from leanpose.core.bounded import SMALL, parse_json, read_text
from leanpose.core.errors import ModelError
from leanpose.core.files import write_whole
from leanpose.core.printable import printable

SCHEMA = 1
Rule = tuple[Callable[[Any], bool], str]  # whether a field holds what it should, and what that is


@dataclass(frozen=True)
class DataSource:
    """A dataset that a model was trained on, and the terms under which its images may be used."""

    name: str
    terms: str


@dataclass(frozen=True)
class Score:
    """A measured figure: the metric, its value, the protocol behind it and the command that prints it again.

    ``interval`` is the 95 % interval of the value, low and high, where one was measured.
    """

    metric: str
    value: float
    protocol: str
    command: str
    interval: tuple[float, float] | None = None


class Card:
    """Base of the dataclasses that are cards.

    Attributes:
        kind: ``"pose"`` or ``"detector"``. In JSON, a card that does not say is that of a pose model.
        rules: what each field holds.
    """

    kind: ClassVar[str]
    rules: ClassVar[dict[str, Rule]]
    name: str

    def __post_init__(self) -> None:
        for name, (holds, expected) in self.rules.items():
            value = getattr(self, name)
            if not holds(value):
                raise ModelError(f"model card '{self.name}': field '{name}' must be {expected}, not {value!r:.200}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        kind = {} if self.kind == "pose" else {"kind": self.kind}
        return {"schema": SCHEMA, **kind, **dataclasses.asdict(self)}  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`.

        Raises:
            ModelError: for another schema version, the card of another kind of model, and for fields that are missing,
                unknown or of the wrong kind.
        """
        if not isinstance(data, Mapping):
            raise ModelError(f"a model card is a JSON object, not {type(data).__name__}")
        values = dict(data)
        schema, kind = values.pop("schema", None), values.pop("kind", "pose")
        if schema != SCHEMA:
            raise ModelError(f"model card: field 'schema' is {schema!r}, this version of leanpose reads {SCHEMA}")
        if kind != cls.kind:
            raise ModelError(f"the card of a model of kind '{kind}', but a model of kind '{cls.kind}' is needed here")
        check_fields("", cls, values)
        for name, entry_kind in (("data", DataSource), ("scores", Score)):
            entries = values.get(name, [])
            if not isinstance(entries, list):
                raise ModelError(f"model card: field '{name}' must be a list, not {entries!r}")
            for at, entry in enumerate(entries):
                check_fields(f"{name}[{at}].", entry_kind, entry)
            values[name] = tuple(entry_kind(**_with_tuples(entry)) for entry in entries)
        return cls(**cls.parse(_with_tuples(values)))

    @classmethod
    def parse(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fields as the class holds them, of those that JSON holds in its own way."""
        return values

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
            ModelError: when the file is missing, is not JSON, or does not hold a valid card of this kind.
        """
        data = read_card_file(path)
        try:
            return cls.from_dict(data)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error


def read_card_file(path: str | Path) -> Any:
    """What a card file holds, of whatever kind.

    Raises:
        ModelError: when the file is missing or not JSON.
    """
    if not os.path.exists(path):  # which is False, too, for a name that no file can have
        raise ModelError(f"no model card at {path}: a model NAME.onnx needs its card NAME.json beside it")
    return parse_json(read_text(path, ModelError, SMALL), ModelError, str(path))


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_number(value: Any, kind: type | tuple[type, ...] = (int, float)) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, kind) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_positive(value: Any, kind: type | tuple[type, ...] = (int, float)) -> bool:
    """Whether a value is a finite number above 0."""
    return is_number(value, kind) and value > 0


def is_text(value: Any) -> bool:
    """Whether a value is text that says something, and nothing to a terminal."""
    return isinstance(value, str) and bool(value.strip()) and value == printable(value)


def sized(length: int, holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether a value is a tuple of that length, of such values."""
    return lambda value: isinstance(value, tuple) and len(value) == length and all(map(holds, value))


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Fields of a JSON object, whose lists become tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _entries(kind: type) -> Callable[[Any], bool]:
    """A tuple of ``kind``: field ``value`` is a number, ``interval`` None or two numbers that rise, others are text."""
    pair = sized(2, is_number)
    rules = {"value": is_number, "interval": lambda held: held is None or (pair(held) and held[0] <= held[1])}

    def holds(entry: Any) -> bool:
        return isinstance(entry, kind) and all(rules.get(name, is_text)(held) for name, held in vars(entry).items())

    return lambda value: isinstance(value, tuple) and all(map(holds, value))


SHARED_RULES: dict[str, Rule] = {
    "name": (is_text, "text"),
    "architecture": (is_text, "text"),
    "sha256": (lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)), "64 hex digits"),
    "params": (lambda value: is_number(value, int) and value >= 0, "a whole number"),
    "macs": (lambda value: is_number(value, int) and value >= 0, "a whole number"),
    "recipe": (is_text, "text"),
    "data": (_entries(DataSource), "a list of datasets, each with name and terms"),
    "epochs": (lambda value: is_number(value) and value >= 0, "a number"),
    "hours": (lambda value: value is None or (is_number(value) and value >= 0), "a number, or null"),
    "license": (is_text, "text"),
    "color": (lambda value: value in ("bgr", "rgb"), "'bgr' or 'rgb'"),
    "mean": (sized(3, is_number), "three numbers"),
    "std": (sized(3, is_positive), "three positive numbers"),
    "precision": (lambda value: value in ("f32", "f16", "int8"), "'f32', 'f16' or 'int8'"),
    "quantization": (lambda value: value is None or is_text(value), "text, or null"),
    "scores": (_entries(Score), "a list of scores, each a number with metric, protocol and command"),
}


def check_fields(where: str, kind: type, values: Any) -> None:
    """Refuse a JSON object whose keys are not the fields of a dataclass.

    Raises:
        ModelError: that names the fields, with ``where`` before each.
    """
    if not isinstance(values, Mapping):
        raise ModelError(f"model card: '{where.rstrip('.')}' must be an object, not {values!r}")
    known = {field.name: field for field in dataclasses.fields(kind)}
    given = {name for name, f in known.items() if {f.default, f.default_factory} != {dataclasses.MISSING}}
    missing = [name for name in known if name not in given and name not in values]
    if missing:
        raise ModelError(f"model card: missing field {', '.join(repr(where + name) for name in missing)}")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ModelError(f"model card: unknown field {', '.join(repr(where + name) for name in unknown)}")
