"""What a benchmark says: tables for a terminal, and the same as a Markdown page."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leanpose.benchmark.result import Benchmark
from leanpose.benchmark.subjects import END_TO_END
from leanpose.benchmark.summary import figures
from leanpose.benchmark.video_report import video_sections
from leanpose.core.files import write_whole
from leanpose.measure.timing.statistics import Ratio

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Section:
    """A table with a title and what is to be said of it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def sections(benchmark: Benchmark) -> list[Section]:
    """All tables of a run; those that have nothing to show are left out."""
    made = [
        _latency(benchmark), _shares(benchmark), _parts(benchmark), _ceilings(benchmark), _batches(benchmark),
        _processes(benchmark),
        *(Section(*section) for section in video_sections(benchmark.videos)),
        Section("Left out", ("what", "why"), list(benchmark.left_out.items())),
        Section("Notes", ("of", "what"), [(m.label, m.note) for m in benchmark.models if m.note]),
        Section("Machine", ("", ""), list(benchmark.machine.items())),
        Section("Settings", ("", ""), [*benchmark.settings.items(), ("started", benchmark.started)]),
    ]  # fmt: skip
    return [section for section in made if section.rows]


def tables(benchmark: Benchmark) -> "list[Table]":
    """For a terminal."""
    from rich.table import Table

    shown = []
    for section in sections(benchmark):
        table = Table(title=section.title, caption=section.note or None, title_justify="left", caption_justify="left")
        for i, column in enumerate(section.columns):
            table.add_column(column, justify="left" if i == 0 or section.columns[0] in ("", "what", "of") else "right")
        for row in section.rows:
            table.add_row(*row)
        shown.append(table)
    return shown


def markdown(benchmark: Benchmark) -> str:
    """The same as a page."""
    lines = ["# Benchmark", "", f"`{benchmark.command}`"]
    for section in sections(benchmark):
        lines += ["", f"## {section.title}", ""]
        for row in (section.columns, ["---"] * len(section.columns), *section.rows):
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |")
        if section.note:
            lines += ["", section.note]
    return "\n".join(lines) + "\n"


def write_report(benchmark: Benchmark, out: Path) -> None:
    """Write ``benchmark.json`` and ``benchmark.md`` into ``out``."""
    content = {**benchmark.to_dict(), "figures": [asdict(each) for each in figures(benchmark)]}
    write_whole(out / "benchmark.json", (json.dumps(content, indent=1) + "\n").encode())
    write_whole(out / "benchmark.md", markdown(benchmark).encode())


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: Ratio | None) -> str:
    return "" if value is None else f"{100 * value.value:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})"


def _latency(benchmark: Benchmark) -> Section:
    rows = []
    for model, found in zip(benchmark.models, figures(benchmark), strict=True):
        times = found.times_first
        rows.append(
            (
                found.label, "" if model.input_hw is None else f"{model.input_hw[1]}x{model.input_hw[0]}",
                _ms(found.median_ms), _ms(found.p95_ms), _ms(found.model_ms),
                f"{times.value:.2f} ({times.low:.2f} to {times.high:.2f})",
            )
        )  # fmt: skip
    return Section(
        "Latency, one person, ms",
        ("model", "input", "median", "p95", "network", "times the first"),
        rows,
        "Image in memory to joints (detectors: to boxes); the network alone, median. Brackets: 95 % bootstrap interval "
        "over rounds in which all took turns.",
    )


def _shares(benchmark: Benchmark) -> Section:
    rows = []
    for found in figures(benchmark):
        if found.outside:
            shares = (found.outside, found.of_products, found.of_copy)
            rows.append((found.label, *(_percent(share) for share in shares)))
    return Section(
        "Shares, %",
        ("model", "outside the network", "of the product rate", "of the copy rate"),
        rows,
        "Outside: of the time end to end. Product rate: the network's multiply-adds per second over the machine's in "
        "the same precision (int8: over bf16). Copy rate: weights and input, moved once, over the machine's copying.",
    )


def _parts(benchmark: Benchmark) -> Section:
    names = list(dict.fromkeys(part for model in benchmark.models for part in model.timings))
    rows = [
        (model.label, *(_ms(1000 * model.timings[p].median) if p in model.timings else "" for p in names))
        for model in benchmark.models
        if len(model.timings) > 1
    ]
    return Section("Parts, median ms", ("model", *names), rows, "Each by itself, one person.")


def _ceilings(benchmark: Benchmark) -> Section:
    fastest = [benchmark.ceiling(kind) for kind in ("bf16", "f32", "copy")]
    rows = [
        (
            c.kind + (" product" if c.kind != "copy" else ""), c.by,
            f"{c.rate:.1f} {'GB/s' if c.kind == 'copy' else 'GMAC/s'}", "ceiling" if c in fastest else "",
        )
        for c in sorted(benchmark.ceilings, key=lambda c: (c.kind, -c.rate))
    ]  # fmt: skip
    return Section("What the machine can do", ("work", "by", "rate", ""), rows)


def _batches(benchmark: Benchmark) -> Section:
    sizes = sorted({size for model in benchmark.models for size in (*model.batches, *model.streams)})
    rows = [
        (model.label, mode, *(f"{s / timings[s].median:.1f}" if s in timings else "" for s in sizes))
        for model in benchmark.models
        for mode, timings in (("latency", model.batches), ("throughput", model.streams))
        if timings
    ]
    return Section(
        "Throughput, people per second",
        ("model", "mode", *(f"batch {size}" for size in sizes)),
        rows,
        "The network alone.",
    )


def _processes(benchmark: Benchmark) -> Section:
    rows = []
    for model, found in zip(benchmark.models, figures(benchmark), strict=True):
        if model.starts:
            first = model.starts[0]
            memory = "not told by this machine" if found.grown_mib is None else f"{found.grown_mib:.0f}"
            energy = "not told by this machine" if found.millijoules is None else f"{found.millijoules:.1f}"
            rows.append((found.label, f"{found.start_s:.2f}", f"{first.total_s:.2f}", memory, energy))
    return Section(
        "Start-up, memory, energy",
        ("model", "start to first answer, s", "first time, s", "memory grown, MiB", "energy, mJ"),
        rows,
        "Each start is a process of its own. Memory: resident after ten answers over the bare interpreter. Energy: all "
        f"that the processor's packages took during an answer {END_TO_END}, idle draw included.",
    )
