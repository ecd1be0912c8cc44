"""The frame and the looks, in light and in dark, of every page that is written."""

from html import escape

STYLE = """
:root { --ink: #1c2230; --soft: #5a6275; --paper: #f6f7f9; --card: #fff; --line: #d9dde5; --bar: #5b7db1;
  --left: #0072b2; --right: #b35c00; --error: #b3261e; --warning: #8a5a00; --note: #46587a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaf0; --soft: #a5adbd; --paper: #14171d; --card: #1d2129;
  --line: #343a46; --bar: #7fa3d8; --left: #56b4e9; --right: #e69f00; --error: #ff8a80; --warning: #ffc55c;
  --note: #a9bde0; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 3vw, 3rem); max-width: 96rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
h2 { margin: 0 0 .3rem; font-size: 1.2rem; }
h2 small { margin-left: .4rem; color: var(--soft); font-weight: 400; }
.lead { margin: .2rem 0 .8rem; color: var(--soft); }
section { margin: 1.2rem 0; padding: 1.2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
section > p { margin: 0 0 1rem; max-width: 46rem; color: var(--soft); }
.grades { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.grades li { padding: .3rem .9rem; border: 1px solid var(--line); border-left-width: 5px; border-radius: 8px;
  background: var(--card); }
.grades b { font-size: 1.2rem; }
.grades .error { border-left-color: var(--error); } .grades .warning { border-left-color: var(--warning); }
.grades .note { border-left-color: var(--note); }
nav { display: flex; flex-wrap: wrap; gap: .4rem .5rem; }
nav a { padding: .15rem .7rem; border: 1px solid var(--line); border-radius: 99px; color: var(--ink);
  background: var(--card); text-decoration: none; font-size: .9rem; }
nav a:hover, nav a:focus-visible { border-color: var(--ink); }
nav .error b, .grade.error { color: var(--error); } nav .warning b, .grade.warning { color: var(--warning); }
nav .note b, .grade.note { color: var(--note); }
.grade { display: inline-block; margin-right: .3rem; padding: 0 .5rem; border: 1px solid; border-radius: 6px;
  font-size: .8rem; font-weight: 600; vertical-align: 2px; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem .9rem; }
.tiles figure { margin: 0; width: 216px; }
.tiles figure.pair { width: 436px; max-width: 100%; }
.tiles figure div { display: flex; flex-wrap: wrap; gap: 4px; }
.tiles img { display: block; border-radius: 6px; background: #888; }
.tiles figcaption { margin-top: .3rem; font-size: .82rem; line-height: 1.35; overflow-wrap: anywhere; }
.tiles figcaption b { display: block; font-weight: 600; }
.tiles figcaption span, li span { color: var(--soft); }
section ul { margin: 1rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
table { width: max-content; max-width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .4rem; text-align: left; font-weight: 600; }
th, td { padding: .12rem 0 .12rem 1.6rem; text-align: right; font-weight: 400; }
th[scope="row"], th:first-child { padding-left: 0; text-align: left; }
thead th { color: var(--soft); font-size: .85rem; border-bottom: 1px solid var(--line); }
.numbers { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.8rem; }
.side { display: flex; flex-wrap: wrap; gap: 1rem 3rem; align-items: start; }
.side figure { margin: 0; width: min(24rem, 100%); }
.joints td:last-child { width: 11rem; }
figcaption { color: var(--soft); font-size: .85rem; }
.tiles figcaption { color: var(--ink); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1.2rem 2rem; }
.charts figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
svg.meter { height: .6rem; border-radius: 3px; }
svg.bars rect, svg.meter rect { fill: var(--bar); }
svg.meter .track { fill: var(--line); } svg.meter .hidden { fill: var(--right); }
svg.bars line { stroke: var(--soft); }
svg text { fill: var(--soft); font-size: 11px; }
svg.pose { border: 1px solid var(--line); border-radius: 8px; }
svg.pose line { stroke-width: 2.5; stroke-linecap: round; stroke: var(--soft); }
svg.pose ellipse { fill: none; stroke: var(--soft); stroke-width: 1; stroke-opacity: .5; }
svg.pose circle { fill: var(--soft); stroke: var(--card); }
svg.pose .left { stroke: var(--left); } svg.pose .right { stroke: var(--right); }
svg.pose circle.left { fill: var(--left); stroke: var(--card); }
svg.pose circle.right { fill: var(--right); stroke: var(--card); }
footer { color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { table { display: block; overflow-x: auto; } .joints td:last-child { width: 5rem; }
  th, td { padding-left: .8rem; } section { padding: .8rem; } }
@media print { section { break-inside: avoid; } nav { display: none; } }
"""


def html_page(title: str, header: str, main: str, footer: str = "") -> str:
    """A page of its own, without scripts or anything to fetch.

    Args:
        title: plain text, also its first heading.
        header, main, footer: HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{header}
</header>
<main>
{main}
</main>
{f"<footer>{footer}</footer>" if footer else ""}
</body>
</html>
"""
