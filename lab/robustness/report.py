"""What a measurement of robustness says: for a terminal, as a Markdown or HTML page, and as JSON."""

import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from lab.robustness.distortions import KINDS
from lab.robustness.robustness import Effect, Robustness
from leanpose.core.errors import BenchmarkError
from leanpose.core.files import write_whole
from leanpose.core.html_page import html_page

if TYPE_CHECKING:
    from rich.table import Table

FORMATS = (".json", ".md", ".html")
DIFFERENCE = "difference (95 %)"
NOTE = (
    "In percent. Differences are to the pictures as they are, over the same joints of the same people, with the 95 % "
    "interval of a bootstrap over people; where it holds 0, this measurement does not tell. The brackets of the first "
    "row are the 95 % interval of the figure itself."
)


def explained() -> list[tuple[str, str]]:
    """The kinds of distortions: their names and what they do."""
    rows = []
    for kind in KINDS:
        first, *rest = [made.name for made in kind.distortions()]
        names = ", ".join([f"`{first}`", *(f"`-{name.removeprefix(kind.name + '-')}`" for name in rest)])
        rows.append((names, kind.what.format(" / ".join(map(str, kind.levels)))))
    return rows


def rows(found: Robustness) -> list[list[str]]:
    """The table: a heading, the pictures as they are, and a line for each distortion; two columns a model."""
    lines = [["", "joints", *(cell for s in found.subjects for cell in (s.model, DIFFERENCE))]]
    clean = [cell for s in found.subjects for cell in (f"{s.clean:.1f}", f"({s.low:.1f} to {s.high:.1f})")]
    lines.append(["as they are", f"{found.joints:,}", *clean])
    for effects in zip(*(s.effects for s in found.subjects), strict=True):
        cells = [cell for effect in effects for cell in (_number(effect.score), _difference(effect))]
        lines.append([effects[0].name, f"{effects[0].joints:,}", *cells])
    return lines


def table(found: Robustness) -> "Table":
    """For a terminal."""
    from rich.table import Table

    heading, *lines = rows(found)
    shown = Table(title=f"{found.metric}; {found.people} people", caption=NOTE, caption_justify="left")
    for i, column in enumerate(heading):
        shown.add_column(column, justify="right" if i else "left")
    for line in lines:
        shown.add_row(*line)
    return shown


def write_robustness(found: Robustness, path: Path) -> None:
    """Write the report in the format that the suffix names.

    A Markdown page that is there, and has the lines ``<!-- begin: results -->`` and ``<!-- end: results -->`` (or the
    same of ``distortions``, what they are), keeps all but what stands between them.

    Raises:
        BenchmarkError: when the suffix is another, there is a page without such lines, or it cannot be written.
    """
    check_format(path)
    if path.suffix == ".json":
        text = found.to_json()
    elif path.suffix == ".html":
        text = _html(found)
    else:
        text = path.read_text(encoding="utf-8") if path.exists() else _NEW_PAGE
        blocks = {"distortions": _markdown([("distortion", "what it is"), *explained()]), "results": _results(found)}
        for name, block in blocks.items():
            span = rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)"
            text, filled = re.subn(span, lambda m, block=block: f"{m[1]}{block}\n{m[2]}", text, flags=re.DOTALL)
        if not filled:  # of the last, the results
            raise BenchmarkError(
                f"{path} has no line '<!-- begin: results -->': add it and its end, or name a new file"
            )
    write_whole(path, text.encode(), BenchmarkError)


def check_format(path: Path) -> None:
    """Raises what :func:`write_robustness` would for this suffix; to ask before long work."""
    if path.suffix not in FORMATS:
        raise BenchmarkError(f"{path}: a report ends in {', '.join(FORMATS)}")


def _setting(found: Robustness) -> list[tuple[str, str]]:
    about = [("data", found.data), ("figure", found.metric), ("people", str(found.people)), ("boxes", found.boxes)]
    about += [(subject.model, subject.protocol) for subject in found.subjects]
    about += [("left out", message) for message in found.left_out]
    return [(name, words) for name, words in about if words]


def _results(found: Robustness) -> str:
    heading, *lines = rows(found)
    parts = [f"`{found.command}`"] if found.command else []
    parts.append("\n".join(f"- {name}: {words}" for name, words in _setting(found)))
    return "\n\n".join([*parts, _markdown([heading, *lines]), NOTE])


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    heading, *rest = lines
    every = [heading, ["---"] * len(heading), *rest]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in every)


def _html(found: Robustness) -> str:
    heading, *lines = rows(found)
    title = f"Robustness of {', '.join(subject.model for subject in found.subjects)}"
    setting = "".join(f"<li>{escape(name)}: {escape(words)}</li>" for name, words in _setting(found))
    what = [(names.replace("`", ""), words) for names, words in explained()]
    return html_page(
        title,
        f'<p class="lead">{escape(found.metric)}; {found.people} people</p>',
        f"""<section>{_html_table(heading, lines)}<p>{escape(NOTE)}</p></section>
<section><h2>How it was measured</h2><p><code>{escape(found.command)}</code></p><ul>{setting}</ul></section>
<section><h2>The distortions</h2>{_html_table(("", "what it is"), what)}</section>""",
    )


def _html_table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)
    body = "".join(
        f'<tr><th scope="row">{escape(line[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in line[1:])}</tr>'
        for line in lines
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _difference(effect: Effect) -> str:
    if not math.isfinite(effect.difference):
        return "-"
    difference, low, high = (f"{round(value, 1) + 0.0:+.1f}" for value in (effect.difference, effect.low, effect.high))
    return f"{difference} ({low} to {high})"


_NEW_PAGE = """# Robustness

<!-- begin: results -->
<!-- end: results -->

## The distortions

<!-- begin: distortions -->
<!-- end: distortions -->
"""
