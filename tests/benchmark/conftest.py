"""Benchmarks whose timings are known."""

from collections.abc import Callable

import pytest

from leanpose.benchmark.fresh import Start
from leanpose.benchmark.result import Benchmark, Ceiling, Measured, Pass, VideoRun
from leanpose.engines.card_file import Score
from leanpose.measure.timing.statistics import Timing


def _steady(ms: float, rounds: int = 4) -> Timing:
    """A call that takes the same time always, on a machine that is twice as slow in every other round."""
    return Timing(tuple((ms / 1000 * (1 + i % 2),) * 3 for i in range(rounds)))


@pytest.fixture
def steady() -> Callable[..., Timing]:
    return _steady


@pytest.fixture
def known_benchmark() -> Benchmark:
    """A machine of 1000 GMAC/s in bf16, 100 in f32 and 10 GB/s; three models and a peer."""

    def model(name: str, whole: float, network: float, precision: str, pck: float, **fields: object) -> Measured:
        timings = {"end to end": _steady(whole), "model": _steady(network), "preprocess": _steady(0.5)}
        scores = (
            Score("PCK@0.2, lsp test", pck, "boxes hull", "leanpose evaluate"),
            Score("PCK@0.2, lsp test", pck + 5, "boxes centre", "leanpose evaluate"),
        )
        return Measured(
            name, "pose", timings, precision, (100, 50), 1_000_000, 2_000_000_000, scores, **fields  # type: ignore[arg-type]
        )  # fmt: skip

    return Benchmark(
        "leanpose benchmark first second third",
        "2026-01-01T00:00:00+00:00",
        {"model": "a CPU", "cores": "2 usable"},
        {"rounds": "4"},
        (
            model(
                "first, openvino bf16", 5, 4, "bf16", 80, batches={1: _steady(4), 8: _steady(32), 32: _steady(128)},
                streams={8: _steady(16)},
                starts=(Start(0.1, 0.2, 0.3, 1.0, 10.0, 110.0), Start(0.1, 0.2, 0.3, 2.0, 10.0, 120.0)), joules=0.25,
            ),
            model("second, onnxruntime f32", 30, 25, "f32", 85),
            model("third, openvino int8", 10, 2, "int8", 70, starts=(Start(0.1, 0.1, 0.1, 0.5, None, None),)),
            Measured("Peer 1.0 full", "peer", {"end to end": _steady(20)}, note="found in 90 % of the frames"),
        ),
        (
            Ceiling("bf16", "somebody", 10**9, _steady(1)),
            Ceiling("bf16", "somebody slower", 10**9, _steady(3)),
            Ceiling("f32", "somebody", 10**9, _steady(10)),
            Ceiling("copy", "somebody", 10**8, _steady(10)),
        ),
        (VideoRun("first", (Pass(300, 4.0, {"read": 1.2, "infer": 2.4}, 297, 30),)),),
        {"fourth": "no such engine"},
    )  # fmt: skip
