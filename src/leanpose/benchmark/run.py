"""A whole run: who is opened, who takes turns with whom, and what becomes of it."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from leanpose.benchmark import fresh
from leanpose.benchmark.ceilings import attempts
from leanpose.benchmark.isa import BF16, Isa, check_kernels, hold_below
from leanpose.benchmark.peers import Peer, PeerProcess, find_interpreter
from leanpose.benchmark.result import Benchmark, Ceiling, Measured
from leanpose.benchmark.scene import PERIOD, Scene
from leanpose.benchmark.selection import open_subjects
from leanpose.benchmark.subjects import END_TO_END, Subject, label
from leanpose.core.errors import BenchmarkError
from leanpose.engines import Mode, Precision
from leanpose.engines.info import report
from leanpose.engines.zoo import find_detector, find_model
from leanpose.measure.timing.energy import EnergyMeter
from leanpose.measure.timing.statistics import Timing
from leanpose.measure.timing.turns import Call, take_turns

Progress = Callable[[Iterable[int], str], Iterable[int]]
BATCHES = (1, 2, 4, 8, 16, 32)
BUSY = 0.3  # of the cores wanted by others, from which timings mean little
BATCH_CALLS = 1  # a turn; those of many people take long enough to be timed alone


@dataclass(frozen=True)
class Settings:
    """What is asked for.

    Attributes:
        models, engines, precisions, threads, flip_test, input_hw: as :func:`open_subjects` takes them.
        rounds, calls: turns of each, and timed calls in a turn.
        batches: people per call in the measurement of throughput; none leaves it out.
        starts: in processes of their own; 0 leaves start-up time and memory out.
        mediapipe: interpreter that has MediaPipe.
        copied: bytes of the memory that is copied for the ceiling.
        isa: instructions that OpenVINO is held to (:mod:`leanpose.benchmark.isa`); None for those of this CPU.
    """

    models: Sequence[str]
    engines: Sequence[str] = ("auto",)
    precisions: Sequence[Precision] = ("auto",)
    threads: int | None = None
    flip_test: bool = False
    input_hw: tuple[int, int] | None = None
    rounds: int = 30
    calls: int = 5
    batches: Sequence[int] = BATCHES
    starts: int = 5
    mediapipe: Path | None = None
    copied: int = 256 * 2**20
    isa: Isa | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.calls < 1 or self.starts < 0 or any(size < 1 for size in self.batches):
            raise BenchmarkError("rounds, calls and batches must be 1 or more, starts 0 or more")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def describe_machine() -> dict[str, str]:
    """CPU, cores, features, versions, and the mean number of processes that wanted a core in the last minute."""
    known = report()
    machine = {**known["cpu"], **known["versions"]}
    if hasattr(os, "getloadavg"):
        load, cores = os.getloadavg()[0], usable_cores()
        busy = "; other work was running: do not rely on these figures" if load > BUSY * cores else ""
        machine["load at the start"] = f"{load:.1f} on {cores} core{'s' * (cores > 1)}{busy}"
    return machine


def run(settings: Settings, scene: Scene, command: str, progress: Progress = lambda steps, _: steps) -> Benchmark:
    """Measure models, ceilings and peers in turn.

    Args:
        scene: what they look at.
        command: to be kept with the figures.
        progress: wraps steps, with their name, for a bar.

    Raises:
        ModelError, BenchmarkError: as :func:`open_subjects` does. What fails later is in ``left_out``.
    """
    if settings.mediapipe:
        find_interpreter(settings.mediapipe)  # before long work
    engines, precisions = settings.engines, settings.precisions
    if settings.isa:
        engines, precisions = hold_below(settings.isa, engines, precisions)
    started, machine = datetime.now(UTC).isoformat(timespec="seconds"), describe_machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        subjects, left_out = open_subjects(
            settings.models, engines, precisions, folder,  # type: ignore[arg-type]
            settings.threads, settings.flip_test, settings.input_hw,
        )  # fmt: skip
        if settings.isa:
            used = check_kernels(settings.isa, {(_file(subject), subject.precision) for subject in subjects})
            machine["held below"] = f"{settings.isa}; convolutions by {used}"
        peers: list[Peer] = []
        if settings.mediapipe:
            frames, _ = scene.frames(PERIOD)
            process = stack.enter_context(PeerProcess(settings.mediapipe, frames))
            peers = [Peer(process, way) for way in process.ready]
            left_out |= {f"{process.name} {way}": why for way, why in process.failed.items()}
        models, ceilings = _latency(settings, scene, subjects, peers, left_out, progress)
        models = _throughput(settings, scene, subjects, models, left_out, progress)
        models = _starts(settings, subjects, models, left_out, progress)
    return Benchmark(command, started, machine, _described(settings, scene), models, ceilings, (), left_out)


def _file(subject: Subject) -> Path:
    """What OpenVINO reads of a model."""
    model = subject.wanted.model
    if subject.wanted.kind == "peer":
        return Path(model.partition(":")[2])
    return (find_detector(model) if subject.wanted.kind == "detector" else find_model(model))[0]


def _latency(
    settings: Settings, scene: Scene, subjects: list[Subject], peers: list[Peer], left_out: dict[str, str],
    progress: Progress,
) -> tuple[tuple[Measured, ...], tuple[Ceiling, ...]]:  # fmt: skip
    parts = {
        label(subject): [Call(f"{label(subject)}: {part}", call) for part, call in subject.parts(scene).items()]
        for subject in subjects
    }
    ways = attempts(settings.threads, usable_cores(), settings.copied, settings.isa in (None, *BF16))
    outcome = take_turns(
        [*chain.from_iterable(parts.values()), *peers, *(way.call for way in ways)],
        settings.rounds, settings.calls, meter=EnergyMeter(), progress=lambda steps: progress(steps, "latency"),
    )  # fmt: skip
    left_out |= outcome.failed
    models = []
    for subject in subjects:
        name = label(subject)
        timings = {
            call.name.removeprefix(f"{name}: "): outcome.timings[call.name]
            for call in parts[name]
            if call.name in outcome.timings
        }
        if END_TO_END in timings:
            models.append(
                Measured(
                    name, subject.wanted.kind, timings, subject.precision, subject.input_hw, subject.params,
                    subject.macs, subject.scores, joules=outcome.joules.get(f"{name}: {END_TO_END}"),
                    note=subject.note,
                )
            )  # fmt: skip
    for peer in peers:
        if peer.name in outcome.timings:
            note = f"a person found in {100 * peer.found / peer.calls:.0f} % of the frames"
            timing = {END_TO_END: outcome.timings[peer.name]}
            models.append(Measured(peer.name, "peer", timing, joules=outcome.joules.get(peer.name), note=note))
    ceilings = tuple(
        Ceiling(way.kind, way.by, way.work, outcome.timings[way.call.name])
        for way in ways
        if way.call.name in outcome.timings
    )
    return tuple(models), ceilings


def _throughput(
    settings: Settings, scene: Scene, subjects: list[Subject], models: tuple[Measured, ...], left_out: dict[str, str],
    progress: Progress,
) -> tuple[Measured, ...]:  # fmt: skip
    calls: dict[tuple[str, str], dict[int, Call]] = {}  # by label and mode
    for subject in subjects:
        for mode in get_args(Mode):
            for size in sorted(set(settings.batches)):
                function = subject.batch(scene, size, mode)
                if function:
                    name = label(subject)
                    calls.setdefault((name, mode), {})[size] = Call(f"{name}: batch of {size}, {mode} mode", function)
    everybody = [call for by_size in calls.values() for call in by_size.values()]
    if not everybody:
        return models
    rounds = max(1, settings.rounds // 3)
    outcome = take_turns(
        everybody, rounds, BATCH_CALLS, warm_up=1, progress=lambda steps: progress(steps, "throughput")
    )
    left_out |= outcome.failed

    def timed(name: str, mode: Mode) -> dict[int, Timing]:
        by_size = calls.get((name, mode), {})
        return {size: outcome.timings[call.name] for size, call in by_size.items() if call.name in outcome.timings}

    return tuple(
        replace(model, batches=timed(model.label, "latency"), streams=timed(model.label, "throughput"))
        for model in models
    )


def _starts(
    settings: Settings, subjects: list[Subject], models: tuple[Measured, ...], left_out: dict[str, str],
    progress: Progress,
) -> tuple[Measured, ...]:  # fmt: skip
    if not settings.starts:
        return models
    starts: dict[str, list[fresh.Start]] = {label(subject): [] for subject in subjects}
    for _ in progress(range(settings.starts), "start-up"):
        for subject in subjects:
            name = label(subject)
            if f"{name}: start" in left_out:
                continue
            try:
                starts[name].append(fresh.start(subject.wanted))
            except BenchmarkError as error:
                left_out[f"{name}: start"] = str(error)
    return tuple(replace(model, starts=tuple(starts.get(model.label, ()))) for model in models)


def _described(settings: Settings, scene: Scene) -> dict[str, str]:
    height, width = scene.image.shape[:2]
    return {
        "scene": f"{scene.name}, one person, {width}x{height}",
        "rounds": str(settings.rounds),
        "calls in a turn": str(settings.calls),
        "threads": str(settings.threads or f"one per core, {usable_cores()}"),
        "flip test": "on" if settings.flip_test else "off",
    }
