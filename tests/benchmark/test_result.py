"""Benchmarks as JSON, and the shares of the ceilings in closed form."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leanpose.benchmark.report import write_report
from leanpose.benchmark.result import Benchmark
from leanpose.core.errors import BenchmarkError


def test_what_is_written_is_read_again(known_benchmark: Benchmark, tmp_path: Path) -> None:
    write_report(known_benchmark, tmp_path)
    assert Benchmark.load(tmp_path / "benchmark.json") == known_benchmark
    content = json.loads((tmp_path / "benchmark.json").read_text())
    assert content["schema"] == 1
    assert [each["median_ms"] for each in content["figures"]] == pytest.approx([7.5, 45, 15, 30])


def _set(*path: str | int, to: object = None) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        if to is None:
            del content[path[-1]]
        else:
            content[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", to=2), "schema 2"),
        (_set("title", to="an evaluation"), "not the report of a benchmark"),
        (_set("models"), None),  # what has a default may be left out
        (_set("command"), "'report.command' is missing"),
        (_set("machine", to=3), "'report.machine' cannot be '3'"),
        (_set("extra", to=1), "'report.extra' is unknown"),
        (_set("models", 0, "kind", to="cat"), r"'report.models\[0\].kind' cannot be 'cat'"),
        (_set("models", 0, "params", to=1.5), r"models\[0\].params' cannot be '1.5'"),
        (_set("models", 0, "input_hw", to=[1, 2, 3]), r"models\[0\].input_hw' cannot be"),
        (_set("models", 0, "batches", "x", to={"seconds": [[1.0]]}), r"models\[0\].batches' cannot be"),
        (_set("models", 1, "timings", "end to end", "seconds", 0, to=[1.0]), "each needs as many"),
        (_set("models", 1, "timings", "end to end", "seconds", 0, 0, to="fast"), r"\[0\]' cannot be 'fast'"),
        (_set("ceilings", 0, to="high"), r"'report.ceilings\[0\]' must be an object"),
        (_set("ceilings", 0, "work", to=True), r"ceilings\[0\].work' cannot be 'True'"),
    ],
)  # fmt: skip
def test_what_is_no_benchmark_is_refused(
    known_benchmark: Benchmark, tmp_path: Path, change: Callable[[Any], None], message: str | None
) -> None:
    write_report(known_benchmark, tmp_path)
    file = tmp_path / "benchmark.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    if message is None:
        assert Benchmark.load(file) == replace(known_benchmark, models=())
        return
    with pytest.raises(BenchmarkError, match=message):
        Benchmark.load(file)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="cannot be read"):
        Benchmark.load(tmp_path / "nowhere.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BenchmarkError, match="not JSON"):
        Benchmark.load(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(BenchmarkError, match="not the report"):
        Benchmark.load(tmp_path / "x.json")


def test_shares_are_rates_over_the_fastest_way(known_benchmark: Benchmark) -> None:
    """2 GMAC in 4 ms are 500 GMAC/s, half of 1000; in 25 ms 80 of 100; int8 is held against bf16."""
    first, second, third, peer = known_benchmark.models
    for model, share in ((first, 0.5), (second, 0.8), (third, 1.0)):
        found = known_benchmark.share(model, "model")
        assert found
        assert (found.value, found.low, found.high) == pytest.approx((share,) * 3)
    assert known_benchmark.share(peer, "end to end") is None
    assert known_benchmark.share(first, "nothing") is None
    assert known_benchmark.ceiling("copy") == known_benchmark.ceilings[-1]


def test_the_least_that_is_moved_is_the_weights_and_the_input(known_benchmark: Benchmark) -> None:
    """A million weights and 100x50 pixels of three bytes, over 4, 25 and 2 ms, of 10 GB/s."""
    for model, size, seconds in zip(known_benchmark.models, (2, 4, 1), (0.004, 0.025, 0.002), strict=False):
        found = known_benchmark.share_of_copy(model, "model")
        assert found
        assert found.value == pytest.approx((size * 1_000_000 + 3 * 5000) / seconds / 1e10)
