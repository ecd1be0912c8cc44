"""What a benchmark measured, as plain data that goes into JSON and comes back."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from leanpose.benchmark.fresh import Start
from leanpose.core.bounded import parse_json, read_text
from leanpose.core.errors import BenchmarkError
from leanpose.engines.card_file import Score
from leanpose.measure.timing.statistics import Ratio, Timing, ratio

SCHEMA = 1
TITLE = "leanpose benchmark"
BYTES = {"f32": 4, "bf16": 2, "int8": 1}  # per weight


@dataclass(frozen=True)
class Ceiling:
    """What the machine reached in one kind of work.

    Attributes:
        kind: products of matrices in bf16 or f32, or copying memory.
        by: what did the work.
        work: of one call: multiply-adds, or bytes read and written.
        timing: of the calls.
    """

    kind: Literal["bf16", "f32", "copy"]
    by: str
    work: int
    timing: Timing

    @property
    def rate(self) -> float:
        """Giga multiply-adds, or gigabytes, per second."""
        return self.work / self.timing.median / 1e9


@dataclass(frozen=True)
class Measured:
    """One model in one engine and precision, or a peer in one mode.

    Attributes:
        label: that no other of the run has.
        kind: ``"pose"``, ``"detector"`` or ``"peer"``.
        precision: that it computes in; empty where nobody says.
        input_hw: height and width of what the network sees; ``None`` where nobody says, as the next two.
        params, macs: of the network, and of one answer.
        scores: accuracy as the card has it.
        timings: by part; every one has ``"end to end"``.
        batches: timing of the network by the number of people in a call, in the engine's latency mode.
        streams: the same in its throughput mode, which gives the threads to several people at a time.
        starts: in processes of their own.
        joules: of one answer, end to end; ``None`` where the machine does not tell.
        note: what is to be known of it.
    """

    label: str
    kind: Literal["pose", "detector", "peer"]
    timings: dict[str, Timing]
    precision: str = ""
    input_hw: tuple[int, int] | None = None
    params: int | None = None
    macs: int | None = None
    scores: tuple[Score, ...] = ()
    batches: dict[int, Timing] = field(default_factory=dict)
    streams: dict[int, Timing] = field(default_factory=dict)
    starts: tuple[Start, ...] = ()
    joules: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Pass:
    """One pass over a video.

    Attributes:
        frames: that were read.
        seconds: for all of them, with everything that overlaps overlapping.
        split: seconds by stage, in a pass where one stage follows the other.
        found: frames in which there was somebody.
        detections: frames on which the detector ran.
    """

    frames: int
    seconds: float
    split: dict[str, float]
    found: int
    detections: int


@dataclass(frozen=True)
class VideoRun:
    """A model on a video: one pass a round.

    Attributes:
        label: of the model.
        passes: in order.
    """

    label: str
    passes: tuple[Pass, ...]


@dataclass(frozen=True)
class Benchmark:
    """A run.

    Attributes:
        command: that ran it.
        started: time and date, ISO 8601, in UTC.
        machine: CPU, cores, features, versions, and how busy it was at the start.
        settings: rounds, calls, threads, picture.
        models: in the order in which they were asked for; ratios are to the first.
        ceilings: of the machine; several ways for a kind.
        videos: of ``--video``.
        left_out: what could not be measured, and why.
    """

    command: str
    started: str
    machine: dict[str, str]
    settings: dict[str, str]
    models: tuple[Measured, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    videos: tuple[VideoRun, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    def ceiling(self, kind: str) -> Ceiling | None:
        """The fastest of a kind."""
        return max((c for c in self.ceilings if c.kind == kind), key=lambda c: c.rate, default=None)

    def ceiling_of(self, model: Measured) -> Ceiling | None:
        """The one that the model's work is held against: products in its precision, for int8 those in bf16."""
        kind = {"f32": "f32", "bf16": "bf16", "int8": "bf16"}.get(model.precision)
        return self.ceiling(kind) if kind else None

    def share(self, model: Measured, part: str) -> Ratio | None:
        """Multiply-adds per second of a part over those of :meth:`ceiling_of`; ``None`` where one is not known."""
        ceiling = self.ceiling_of(model)
        if not (ceiling and model.macs and model.precision and part in model.timings):
            return None
        return ratio(ceiling.timing, model.timings[part]) * (model.macs / ceiling.work)

    def share_of_copy(self, model: Measured, part: str) -> Ratio | None:
        """Bytes per second over those of the copy ceiling, if a part moved no more than it must.

        That is the weights, once, in the precision of the work, and the input as bytes: a lower bound.
        """
        ceiling = self.ceiling("copy")
        if not (ceiling and model.params and model.input_hw and model.precision and part in model.timings):
            return None
        least = model.params * BYTES.get(model.precision, 4) + 3 * model.input_hw[0] * model.input_hw[1]
        return ratio(ceiling.timing, model.timings[part]) * (least / ceiling.work)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"schema": SCHEMA, "title": TITLE, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Inverse of :meth:`to_dict`.

        Raises:
            BenchmarkError: for another schema version, and for fields that are missing, unknown or of another kind.
        """
        if not isinstance(data, Mapping) or data.get("title") != TITLE:
            raise BenchmarkError(f'not the report of a benchmark: no "title": "{TITLE}"')
        if data.get("schema") != SCHEMA:
            raise BenchmarkError(f"a report of schema {data.get('schema')!r}: this version of leanpose reads {SCHEMA}")
        return _read(cls, {k: v for k, v in data.items() if k not in ("schema", "title", "figures")}, "report")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a report's JSON; the figures in it are computed again from the timings.

        Raises:
            BenchmarkError: when it is not there or is something else.
        """
        content = parse_json(read_text(path, BenchmarkError), BenchmarkError, str(path))
        try:
            return cls.from_dict(content)
        except BenchmarkError as error:
            raise BenchmarkError(f"{path}: {error}") from error


def _read(kind: Any, value: Any, where: str) -> Any:
    """A value of a type that is built of dataclasses, tuples, dicts, literals, optionals and plain types."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _read_fields(kind, value, where)
    if origin is types.UnionType:  # X | None
        return None if value is None else _read(inner[0], value, where)
    if origin is Literal:
        right = value in inner
    elif origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[-1] is ... else inner
        if len(kinds) == len(value):
            return tuple(_read(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
        right = False
    elif origin is dict and isinstance(value, Mapping):
        try:
            return {inner[0](key): _read(inner[1], v, f"{where}.{key}") for key, v in value.items()}
        except ValueError:  # a key that is not a number
            right = False
    elif kind is float:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        right = origin is None and isinstance(value, kind) and not isinstance(value, bool)
    if not right:
        raise BenchmarkError(f"field '{where}' cannot be {str(value)[:60]!r}")
    return value


def _read_fields(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise BenchmarkError(f"field '{where}' must be an object, not {str(value)[:60]!r}")
    known = {f.name: f for f in dataclasses.fields(kind)}
    absent = [name for name, f in known.items() if name not in value and _needed(f)]
    wrong = [*absent, *(name for name in value if name not in known)]
    if wrong:
        raise BenchmarkError(f"field '{where}.{wrong[0]}' is {'missing' if absent else 'unknown'}")
    hints = get_type_hints(kind)
    return kind(**{name: _read(hints[name], v, f"{where}.{name}") for name, v in value.items()})


def _needed(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
