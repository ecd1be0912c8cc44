"""The sizes that papers print beside those we count: the tables of ``leanpose models`` and ``leanpose complexity``.

``python -m leanpose.models.comparison > docs/complexity.md`` writes that page.
"""

from dataclasses import dataclass

import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import nn

from leanpose.core.errors import ModelError
from leanpose.models import REGISTRY
from leanpose.models.complexity import Complexity, complexity
from leanpose.models.registry import PUBLISHED_ONLY, Counting, Published, Variant

TOLERANCE = 3.0  # percent of a printed number; what deviates more has its reason in Published.note
UNITS: dict[Counting, str] = {
    "macs": "G MACs",
    "hrnet": "2^30 MACs, transposed convolutions by output area",
    "pthflops": "G operations with biases, BatchNorm and ReLU",
    "torchstat": "2^30 operations with biases, BatchNorm and ReLU",
}


def _percent(counted: float, printed: float | None) -> float | None:
    return None if printed is None else 100 * (counted / printed - 1)


@dataclass(frozen=True)
class Comparison:
    """One printed size and what we count for the same input and number of joints."""

    name: str
    published: Published
    counted: Complexity

    @property
    def operations(self) -> float:
        """Our count by the rule of the printed one, in its unit."""
        return self.counted.operations(self.published.counting)

    @property
    def params_deviation(self) -> float | None:
        """Percent that we count above the printed parameters; ``None`` where none are printed."""
        return _percent(self.counted.params / 1e6, self.published.params_m)

    @property
    def operations_deviation(self) -> float | None:
        """Percent that we count above the printed operations; ``None`` where none are printed."""
        return _percent(self.operations, self.published.macs_g)

    @property
    def fits(self) -> bool:
        """Whether both deviations, rounded to the tenth that tables show, are within ``TOLERANCE``."""
        return all(round(abs(d or 0.0), 1) <= TOLERANCE for d in (self.params_deviation, self.operations_deviation))


@dataclass(frozen=True)
class Listed:
    """A line of ``leanpose models``: a variant at the input of its first printed size, or one that is only printed.

    Attributes:
        name: of the variant, or as papers print it.
        published: what papers print, in the registry's order.
        counted: size; ``None`` for networks that are printed only.
    """

    name: str
    published: tuple[Published, ...]
    counted: Complexity | None


@dataclass(frozen=True)
class Report:
    """What ``leanpose complexity MODEL`` shows: one count, and the printed sizes at the same input."""

    name: str
    num_joints: int
    counted: Complexity
    comparisons: tuple[Comparison, ...]


def _build(variant: Variant, num_joints: int) -> nn.Module:
    with torch.device("meta"):  # shapes without numbers: nothing is drawn or computed
        return variant.build(num_joints)


def compare(variant: Variant) -> list[Comparison]:
    """Every printed size of ``variant`` beside our count."""
    return [
        Comparison(variant.name, printed, complexity(_build(variant, printed.num_joints), printed.input_hw))
        for printed in variant.published
    ]


def models_table() -> list[Listed]:
    """All variants in the registry's order, then the networks that are printed only."""
    listed = []
    for name, variant in REGISTRY.items():
        shown = variant.published[0] if variant.published else Published("")
        counted = complexity(_build(variant, shown.num_joints), shown.input_hw)
        listed.append(Listed(name, variant.published, counted))
    return listed + [Listed(name, (printed,), None) for name, printed in PUBLISHED_ONLY.items()]


def complexity_report(name: str, input_hw: tuple[int, int] | None = None, num_joints: int | None = None) -> Report:
    """Count the variant ``name``; input and joints default to those of its first printed size, or 256x256 and 16.

    Raises:
        ModelError: when no variant has that name.
        InputSizeError: when the network cannot take ``input_hw``.
    """
    if name not in REGISTRY:
        raise ModelError(f"unknown network '{name}': 'leanpose models' lists them")
    variant = REGISTRY[name]
    first = variant.published[0] if variant.published else Published("")
    input_hw, num_joints = input_hw or first.input_hw, num_joints or first.num_joints
    counted = complexity(_build(variant, num_joints), input_hw)
    same = [p for p in variant.published if (p.input_hw, p.num_joints) == (input_hw, num_joints)]
    return Report(name, num_joints, counted, tuple(Comparison(name, printed, counted) for printed in same))


def _input(input_hw: tuple[int, int]) -> str:
    return f"{input_hw[0]}x{input_hw[1]}"


def _printed(value: float | None) -> str:
    return "" if value is None else str(round(value, 4))


def _deviation(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %"


def render_models(rows: list[Listed]) -> Table:
    """The table of ``leanpose models``; the papers are named by ``leanpose complexity NAME``."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("network", no_wrap=True)
    table.add_column("params", justify="right", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("HxW", no_wrap=True)
    table.add_column("scores that are printed of it")
    for row in rows:
        first = row.published[0] if row.published else None
        if row.counted is not None:
            params, macs = f"{row.counted.params / 1e6:.2f} M", f"{row.counted.macs / 1e9:.2f} G"
        else:
            params, macs = f"({first.params_m} M)" if first else "", f"({first.macs_g} G)" if first else ""
        shape = row.counted.input_hw if row.counted else first.input_hw if first else None
        scores = {metric: score for printed in row.published for metric, score in printed.scores.items()}
        table.add_row(
            row.name if row.counted else f"{row.name}\n(printed only)",
            params,
            macs,
            _input(shape) if shape else "",
            ", ".join(f"{metric}\u00a0{score:g}" for metric, score in scores.items()),
        )
    return table


def render_complexity(report: Report) -> list[Table]:
    """The tables of ``leanpose complexity MODEL``: the counts, the parts, and what is printed."""
    counted = report.counted
    counts = Table(
        f"{report.name}, {report.num_joints} joints, {_input(counted.input_hw)}", "", show_header=True, box=None
    )
    counts.add_row("parameters", f"{counted.params / 1e6:.3f} M")
    counts.add_row("MACs", f"{counted.macs / 1e9:.3f} G")
    counts.add_row("2 x MACs", f"{counted.doubled / 1e9:.3f} G")
    for counting in ("hrnet", "pthflops", "torchstat"):
        counts.add_row(f"{counting}: {UNITS[counting]}", f"{counted.operations(counting):.3f}")
    counts.add_row("activations, most at once, float32", f"{counted.peak_bytes / 2**20:.1f} MiB")
    parts = Table("part", "params", "MACs", "share of MACs")
    for block in counted.blocks:
        if not (block.params or block.macs):
            continue
        share = f"{100 * block.macs / counted.macs:.1f} %"
        parts.add_row(block.name, f"{block.params / 1e6:.3f} M", f"{block.macs / 1e9:.3f} G", share)
    printed = Table("printed in", "params, M", "deviation", "operations", "deviation", "note")
    for row in report.comparisons:
        paper = row.published
        printed.add_row(
            paper.source,
            _printed(paper.params_m),
            _deviation(row.params_deviation),
            f"{_printed(paper.macs_g)} ({paper.counting})",
            _deviation(row.operations_deviation),
            paper.note,
        )
    return [counts, parts, *([printed] if report.comparisons else [])]


PAGE_HEAD = """# Sizes: printed and counted

This page is written by `python -m leanpose.models.comparison > docs/complexity.md`; a test holds it against the code.

MACs are multiply-adds in decimal giga. Papers count differently, so each row compares by the rule that its source used:

| rule | what it counts |
|---|---|
| macs | multiply-adds of convolutions and linear layers, in 10^9 |
| hrnet | the same in 2^30; a transposed convolution by its output area, four times its multiply-adds at stride 2 |
| pthflops | in 10^9; multiply-adds, and biases, additions, products, BatchNorm (2 per element), ReLU (2), pooling |
| torchstat | in 2^30; multiply-adds of layers, biases, BatchNorm (2 per element), ReLU (1), nearest upsampling (1) |

Our own figures (`leanpose complexity`) add the matrix products of attention, and equal half of what PyTorch's
`torch.utils.flop_counter` says. Deviations are (counted - printed) / printed. Bold ones are over 3 %; their notes say
why. Agreement of counts is evidence for an inferred structure, not proof.
"""


def page(comparisons: list[Comparison]) -> str:
    """docs/complexity.md: every printed (parameters, operations) pair of ``comparisons`` beside our count."""
    lines = [
        PAGE_HEAD,
        "| network | input | params M: printed | counted | deviation | operations: printed | counted | deviation "
        "| rule | printed in | note |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]

    def bold(deviation: float | None) -> str:
        text = _deviation(deviation)
        return f"**{text}**" if round(abs(deviation or 0.0), 1) > TOLERANCE else text

    for row in comparisons:
        paper = row.published
        if paper.params_m is None and paper.macs_g is None:
            continue
        cells = [
            row.name,
            _input(paper.input_hw),
            _printed(paper.params_m),
            f"{row.counted.params / 1e6:.3f}",
            bold(row.params_deviation),
            _printed(paper.macs_g),
            f"{row.operations:.3f}",
            bold(row.operations_deviation),
            paper.counting,
            paper.source,
            paper.note,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Printed only, without a network here:", "", "| network | params M | operations | why |"]
    lines.append("|---|---|---|---|")
    for name, paper in PUBLISHED_ONLY.items():
        lines.append(f"| {name} | {paper.params_m} | {paper.macs_g} | {paper.note} |")
    unprinted = [name for name, variant in REGISTRY.items() if not any(p.params_m for p in variant.published)]
    lines += ["", f"Without a printed size: {', '.join(unprinted)}."]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page([row for variant in REGISTRY.values() for row in compare(variant)]))
