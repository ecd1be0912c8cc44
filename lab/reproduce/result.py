"""What a reproduction found: published beside measured, and a verdict on every claim; as Markdown and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from leanpose.core.files import write_whole

Verdict = Literal["agrees", "disagrees", "cannot tell", "helps", "hurts"]


@dataclass(frozen=True)
class Row:
    """A row of a paper's table.

    Attributes:
        label: what the paper calls it.
        published: printed figure by column.
        measured: ours by column, one a seed.
        missing: why a printed figure has no measured one beside it.
    """

    label: str
    published: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, Sequence[float]] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Claim:
    """A statement of a paper, what was measured of it, and what follows."""

    statement: str
    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Result:
    """All that a reproduction has to say.

    Attributes:
        name: of the reproduction, ``leanpose reproduce NAME``.
        title: what it is about.
        source: paper, and table, figure or section.
        rows: the table.
        claims: with their verdicts.
        setting: data, budget, recipe and command, by name.
        figures: picture files, relative to the page.
        notes: what a reader has to know to judge the figures.
    """

    name: str
    title: str
    source: str
    rows: Sequence[Row] = ()
    claims: Sequence[Claim] = ()
    setting: Mapping[str, str] = field(default_factory=dict)
    figures: Sequence[str] = ()
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def markdown(self) -> str:
        """The page: the setting, the claims, the table, the figures and the notes."""
        parts = [f"# {self.title}", f"{self.source}."]
        if self.setting:
            parts.append("\n".join(f"- {name}: {text}" for name, text in self.setting.items()))
        if self.claims:
            lines = [f"- **{claim.verdict}**: {claim.statement} ({claim.evidence})" for claim in self.claims]
            parts.append("## Claims\n\n" + "\n".join(lines))
        if self.rows:
            published = any(row.published for row in self.rows)
            parts.append(f"## {'Published and measured' if published else 'Measured'}\n\n" + self._table())
        parts += [f"![{Path(figure).stem}]({figure})" for figure in self.figures]
        if self.notes:
            parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> Path:
        """Write ``NAME.md`` and ``NAME.json`` into ``folder``; returns the page's path."""
        page = folder / f"{self.name}.md"
        write_whole(folder / f"{self.name}.json", json.dumps(self.to_dict(), indent=2).encode() + b"\n")
        write_whole(page, self.markdown().encode())
        return page

    def _table(self) -> str:
        published = list(dict.fromkeys(column for row in self.rows for column in row.published))
        measured = list(dict.fromkeys(column for row in self.rows for column in row.measured))
        heads = ["", *(f"{column}, published" for column in published), *(f"{column}, measured" for column in measured)]
        why = any(row.missing for row in self.rows)
        lines = [heads + ["not measured because"] * why, ["---"] * (len(heads) + why)]
        for row in self.rows:
            cells = [row.label]
            cells += [f"{row.published[column]:.4g}" if column in row.published else "" for column in published]
            cells += [spread(row.measured[column]) if column in row.measured else "" for column in measured]
            lines.append(cells + [row.missing] * why)
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def spread(values: Sequence[float]) -> str:
    """A mean with the standard deviation over seeds, where there are several."""
    if len(values) < 2:
        return f"{values[0]:.4g}"
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f} ({len(values)} seeds)"
