"""What a benchmark says, and its plot."""

from io import StringIO
from pathlib import Path

import cv2
import pytest
from rich.console import Console

from leanpose.benchmark.chart import draw_accuracy
from leanpose.benchmark.report import markdown, tables
from leanpose.benchmark.result import Benchmark
from leanpose.benchmark.summary import accuracies


def _rows(page: str, title: str) -> dict[str, list[str]]:
    """The cells of a table of the page by the first one."""
    lines = page.partition(f"## {title}\n\n")[2].splitlines()
    table = [line.strip("| ").split(" | ") for line in lines[: lines.index("") if "" in lines else None]]
    assert all(len(row) == len(table[0]) or row[-1] != "" for row in table)
    return {row[0]: row[1:] for row in table}


def test_the_page_says_what_was_measured(known_benchmark: Benchmark) -> None:
    page = markdown(known_benchmark)
    assert "`leanpose benchmark first second third`" in page
    latency = _rows(page, "Latency, one person, ms")
    assert latency["first, openvino bf16"] == ["50x100", "7.50", "10.00", "6.00", "1.00 (1.00 to 1.00)"]
    assert latency["Peer 1.0 full"][-1] == "4.00 (4.00 to 4.00)"
    assert _rows(page, "Shares, %")["second, onnxruntime f32"][1] == "80.0 (80.0 to 80.0)"
    assert "| first, openvino bf16 | latency | 166.7 | 166.7 | 166.7 |" in page
    assert "| first, openvino bf16 | throughput |  | 333.3 |  |" in page
    processes = _rows(page, "Start-up, memory, energy")
    assert processes["first, openvino bf16"] == ["1.50", "1.00", "105", "250.0"]
    assert processes["third, openvino int8"][-1] == "not told by this machine"
    assert _rows(page, "Left out")["fourth"] == ["no such engine"]
    assert _rows(page, "Video, end to end")["first"] == ["75.0", "75.0 to 75.0", "1", "99.0", "10.0"]
    stages = _rows(page, "Video, ms per frame by stage")
    assert stages == {
        "stage": ["first"], "---": ["---"], "read": ["4.00 (33 %)"], "infer": ["8.00 (67 %)"], "sum": ["12.00"]
    }  # fmt: skip
    ceilings = [line for line in page.splitlines() if line.endswith("| ceiling |")]
    assert [line.split(" | ")[2] for line in ceilings] == ["666.7 GMAC/s", "6.7 GB/s", "66.7 GMAC/s"]


def test_the_terminal_shows_the_same(known_benchmark: Benchmark) -> None:
    console = Console(file=StringIO(), width=200)
    for table in tables(known_benchmark):
        console.print(table)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("first, openvino bf16", "333.3", "no such engine", "found in 90 %"):
        assert text in shown


def test_an_empty_run_has_no_empty_tables() -> None:
    page = markdown(Benchmark("leanpose benchmark", "now", {"cores": "1"}, {}))
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Machine", "## Settings"]


def test_the_plot_names_whom_nobody_beats(known_benchmark: Benchmark, tmp_path: Path) -> None:
    """The third is slower and worse than the first; the peer is faster than the second and as good."""
    pytest.importorskip("matplotlib")
    front = draw_accuracy(
        known_benchmark, *accuracies(known_benchmark, given={"Peer 1.0 full": 85}), tmp_path / "plot.png"
    )
    assert front == ["first, openvino bf16", "Peer 1.0 full"]
    assert cv2.imread(str(tmp_path / "plot.png")) is not None
