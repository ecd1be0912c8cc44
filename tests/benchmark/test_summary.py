"""The figures of runs whose timings are known."""

import pytest

from leanpose.benchmark.result import Benchmark
from leanpose.benchmark.summary import accuracies, figures
from leanpose.core.errors import BenchmarkError


def test_figures_are_read_off_the_timings(known_benchmark: Benchmark) -> None:
    """Every other round is twice as slow: a median of 1.5 times, ratios untouched."""
    first, second, third, peer = figures(known_benchmark)
    assert first.median_ms == pytest.approx(7.5)
    assert first.p95_ms == pytest.approx(10)
    assert first.model_ms == pytest.approx(6)
    assert [f.times_first.value for f in (first, second, third, peer)] == pytest.approx([1, 6, 2, 4])
    assert [f.outside.value for f in (first, second, third) if f.outside] == pytest.approx([0.2, 1 / 6, 0.8])
    assert peer.outside is peer.of_products is peer.model_ms is peer.people is None
    assert (first.people_batch, first.people) == (8, pytest.approx(8 / 0.024))
    assert first.start_s == pytest.approx(1.5)
    assert first.grown_mib == pytest.approx(105)
    assert (third.start_s, third.grown_mib) == (pytest.approx(0.5), None)
    assert first.millijoules == pytest.approx(250)


def test_accuracy_comes_from_the_cards_and_from_who_knows_better(known_benchmark: Benchmark) -> None:
    labels = [model.label for model in known_benchmark.models]
    name, values = accuracies(known_benchmark)
    assert name == "PCK@0.2, lsp test"
    assert values == {labels[0]: 80, labels[1]: 85, labels[2]: 70}  # of two protocols the first
    _, values = accuracies(known_benchmark, "PCK", {"third": 60, "Peer 1.0 full": 90, labels[0]: 1})
    assert values == {labels[0]: 1, labels[1]: 85, labels[2]: 60, labels[3]: 90}


def test_scores_of_nobody_are_refused(known_benchmark: Benchmark) -> None:
    with pytest.raises(BenchmarkError, match="a score for 'fifth', which was not measured: first, openvino"):
        accuracies(known_benchmark, given={"fifth": 1})
    with pytest.raises(BenchmarkError, match="no model has a score AP"):
        accuracies(known_benchmark, "AP")
