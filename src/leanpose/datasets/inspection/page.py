"""An inspection as one HTML page: pictures of what was found, and charts.

It needs no network and no script. All text from the data is escaped.
"""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from leanpose.core.html_page import html_page
from leanpose.datasets.inspection.charts import count_bars, data_uri, histogram, pose_picture
from leanpose.datasets.inspection.findings import GRADES, KINDS, Finding, by_kind
from leanpose.datasets.inspection.inspection import Inspection
from leanpose.datasets.inspection.terminal import percent, read_images, size_rows
from leanpose.datasets.inspection.thumbnails import describe, draw_people, together

PICTURED = 12  # findings of a kind shown with pictures
LISTED = 50  # findings of a kind without pictures
AT_RANDOM = 24  # people
PEOPLE = 4  # of one finding shown


def page(inspection: Inspection, title: str) -> str:
    """The page, of some megabytes at most however large the dataset is."""
    people = inspection.people
    groups = by_kind(inspection.findings)
    chosen = np.random.default_rng(0).permutation(len(people))[:AT_RANDOM]
    at_random = [(int(i),) for i in chosen]
    wanted = [
        group
        for findings in groups.values()
        for finding in findings[:PICTURED]
        for group in together(people, finding.people[:PEOPLE])
    ]
    tiles = {
        numbers: f'<img loading="lazy" width="216" height="216" src="{data_uri("jpeg", jpeg)}" '
        f'alt="{escape(describe(people, numbers))}">'
        for numbers, jpeg in draw_people(people, [*wanted, *at_random]).items()
    }
    sections = "".join(_section(inspection, kind, findings, tiles) for kind, findings in groups.items())
    random_tiles = "".join(
        f"<figure>{tiles[group]}<figcaption><b>{escape(people.samples[group[0]].name)}</b></figcaption></figure>"
        for group in at_random
        if group in tiles
    )
    nothing = "<section><h2>Nothing was found</h2><p>No check had anything to say.</p></section>"
    return html_page(
        title,
        f'{_summary(inspection)}\n<nav aria-label="Sections">{"".join(_links(groups))}</nav>',
        f"""<section id="numbers"><h2>What is in it</h2>{_numbers(inspection)}</section>
{sections or nothing}
<section id="random"><h2>{len(chosen)} people at random</h2>
<p>Left is blue, right orange, hidden joints are fainter; the frame is the person's box.</p>
<div class="tiles">{random_tiles}</div></section>""",
        f"""<p>At most {PICTURED} findings of a kind are shown in pictures and {LISTED} in words, and {AT_RANDOM} people
at random, so that the page stays small; inspection.json lists all findings.</p>""",
    )


def _summary(inspection: Inspection) -> str:
    numbers = inspection.statistics
    grades = [finding.grade for finding in inspection.findings]
    counts = "".join(
        f'<li class="{grade}"><b>{grades.count(grade):,}</b> {grade}{"" if grades.count(grade) == 1 else "s"}</li>'
        for grade in GRADES
    )
    text = f"{numbers['people']:,} people in {numbers['images']:,} images; {read_images(numbers)}."
    return f'<p class="lead">{escape(text)}</p><ul class="grades">{counts}</ul>'


def _links(groups: dict[str, list[Finding]]) -> Iterator[str]:
    yield '<a href="#numbers">numbers</a>'
    for kind, findings in groups.items():
        described = KINDS[kind]
        yield f'<a class="{described.grade}" href="#{kind}">{escape(described.title)} <b>{len(findings):,}</b></a>'
    yield '<a href="#random">at random</a>'


def _numbers(inspection: Inspection) -> str:
    numbers = inspection.statistics
    counts = _table(
        "People by dataset and part",
        ("dataset", "part", "images", "people", "joints a person", "median box, px"),
        [
            (
                row["dataset"], row["part"], f"{row['images']:,}", f"{row['people']:,}",
                f"{row['joints_per_person']:.1f}", f"{row['median_box_side']:.0f}",
            )
            for row in numbers["counts"]
        ],
    )  # fmt: skip
    joints = "".join(
        f'<tr><th scope="row">{escape(row["name"])}</th><td>{percent(row["labelled_share"])}</td>'
        f"<td>{percent(row['occluded_share'])}</td><td>{_meter(row['labelled_share'], row['occluded_share'])}</td></tr>"
        for row in numbers["joints"]
    )
    charts = [("Joints of a person", count_bars(numbers["joints_per_person"], "People by number of labelled joints"))]
    sizes = size_rows(numbers)
    charts += [(name, histogram(d, name)) for name, d in sizes if d["percentiles"]["0"] < d["percentiles"]["100"]]
    figures = "".join(f"<figure>{svg}<figcaption>{escape(name)}</figcaption></figure>" for name, svg in charts)
    percentiles = _table(
        "Percentiles",
        ("", "least", "5", "25", "50", "75", "95", "most"),
        [(name, *(f"{value:.4g}" for value in d["percentiles"].values())) for name, d in sizes],
    )
    return (
        f'<div class="numbers">{counts}<div class="side"><table class="joints"><caption>Joints, % of people that have '
        "them labelled; % of those hidden</caption><thead><tr><th>joint</th><th>labelled</th><th>hidden</th><td></td>"
        f"</tr></thead><tbody>{joints}</tbody></table><figure>{pose_picture(inspection.people)}<figcaption>Joints "
        "about the middle of their person: all as a cloud, the means, and half a standard deviation around these"
        f'</figcaption></figure></div><div class="charts">{figures}</div>{percentiles}</div>'
    )


def _meter(labelled: float, hidden: float | None) -> str:
    """A bar of the people that have a joint labelled, with the hidden ones at its end."""
    long, short = 100 * labelled, 100 * labelled * (hidden or 0)
    return (
        '<svg class="meter" aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none">'
        f'<rect class="track" width="100" height="8"/><rect width="{long:.1f}" height="8"/>'
        f'<rect class="hidden" x="{long - short:.1f}" width="{short:.1f}" height="8"/></svg>'
    )


def _section(inspection: Inspection, kind: str, findings: Sequence[Finding], tiles: dict[tuple[int, ...], str]) -> str:
    described = KINDS[kind]
    pictured, listed = [], []
    for finding in findings[:PICTURED]:
        pictures = [tiles[g] for g in together(inspection.people, finding.people[:PEOPLE]) if g in tiles]
        (pictured if pictures else listed).append((finding, "".join(pictures)))
    if not pictured:
        listed = [(finding, "") for finding in findings[:LISTED]]
    shown = len(pictured) + len(listed)
    count = f"{len(findings):,}" if shown == len(findings) else f"the worst {shown} of {len(findings):,}"
    figures = "".join(
        f'<figure class="{"pair" if pictures.count("<img") > 1 else "one"}"><div>{pictures}</div>'
        f"<figcaption>{_caption(finding)}</figcaption></figure>"
        for finding, pictures in pictured
    )
    lines = "".join(f"<li>{_caption(finding)}</li>" for finding, _ in listed)
    return (
        f'<section id="{kind}"><h2><span class="grade {described.grade}">{described.grade}</span> '
        f"{escape(described.title)} <small>{count}</small></h2><p>{escape(described.meaning)}</p>"
        + (f'<div class="tiles">{figures}</div>' if figures else "")
        + (f"<ul>{lines}</ul>" if lines else "")
        + "</section>"
    )


def _caption(finding: Finding) -> str:
    more = f" and {len(finding.names) - PEOPLE} more" if len(finding.names) > PEOPLE else ""
    # long names of people break before the number of the person
    names = "<wbr>#".join(escape(piece) for piece in (", ".join(finding.names[:PEOPLE]) + more).split("#"))
    return (f"<b>{names}</b> " if names else "") + f"<span>{escape(finding.message)}</span>"


def _table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
