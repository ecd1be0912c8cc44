"""What was found in labels as one HTML page: people as they are labelled, and as they would be.

It needs no network and no script. All text from the data is escaped.
"""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from leanpose.html_page import html_page
from leanpose.inspection.charts import data_uri
from leanpose.inspection.people import gather
from leanpose.inspection.thumbnails import draw_people
from leanpose.readers import Sample
from leanpose.readers.corrections import ACTIONS, Action, Correction, correct

PICTURED = 40  # people of an action
MEANING: dict[Action, str] = {
    "swap": "Labels of the left and the right side exchanged.",
    "move": "Labels that lie elsewhere than where the networks are sure of the joint: moved there.",
    "mask": "Labels that lie elsewhere than where the networks believe the joint: no longer labelled.",
    "add": "Joints without a label of which the networks are sure.",
}


def page(samples: Sequence[Sample], corrections: Sequence[Sequence[Correction]], title: str) -> str:
    """The page: for each action the people with the most evidence for it, before and after all their corrections."""
    people = [i for i, found in enumerate(corrections) if found]
    counts = {action: [sum(c.action == action for c in corrections[i]) for i in people] for action in ACTIONS}
    chosen = {
        action: sorted(
            (i for i, n in zip(people, counts[action], strict=True) if n), key=lambda i: _order(corrections[i], action)
        )[:PICTURED]
        for action in ACTIONS
    }
    shown = sorted({i for members in chosen.values() for i in members})
    pictures = _pictures([samples[i] for i in shown], [corrections[i] for i in shown])
    figures = {
        i: f'<figure class="pair"><div>{picture}</div><figcaption><b>{escape(samples[i].name)}</b> '
        f"<span>{escape(_in_words(corrections[i]))}</span></figcaption></figure>"
        for i, picture in zip(shown, pictures, strict=True)
    }
    sections = "".join(
        f'<section id="{action}"><h2>{action} <small>{sum(counts[action]):,} joints of '
        f"{sum(n > 0 for n in counts[action]):,} people</small></h2><p>{escape(MEANING[action])}</p>"
        f'<div class="tiles">{"".join(figures[i] for i in chosen[action])}</div></section>'
        for action in ACTIONS
        if chosen[action]
    )
    lead = (
        f"{len(people):,} of {len(samples):,} people have corrections. On the left as labelled, on the right as "
        "corrected; left joints are blue, right ones orange. Numbers are the support of the old label and of the new "
        "place."
    )
    nothing = "<section><h2>Nothing was found</h2><p>No label is worth a correction.</p></section>"
    footer = f"<p>At most {PICTURED} people of an action are shown, those with the most evidence first.</p>"
    return html_page(title, f'<p class="lead">{lead}</p>', sections or nothing, footer)


def _order(corrections: Sequence[Correction], action: Action) -> float:
    """Smaller with more evidence."""
    return sum((c.before or 0) - (c.after or 0) for c in corrections if c.action == action)


def _in_words(corrections: Sequence[Correction]) -> str:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return "; ".join(f"{c.action} {c.joint} {number(c.before)} to {number(c.after)}" for c in corrections)


def _pictures(samples: Sequence[Sample], corrections: Sequence[Sequence[Correction]]) -> list[str]:
    """Two pictures of each person of the same region, before and after; an empty text where the image is unreadable."""
    if not samples:
        return []
    after = [replace(correct(s, c), box=s.box) for s, c in zip(samples, corrections, strict=True)]
    everyone = gather({"train": [*samples, *after]})
    drawn = draw_people(everyone, [(i,) for i in range(len(everyone))])
    texts = []
    for i, sample in enumerate(samples):
        pair = [drawn.get((k,)) for k in (i, i + len(samples))]
        texts.append(
            "".join(
                f'<img loading="lazy" width="216" height="216" src="{data_uri("jpeg", jpeg)}" '
                f'alt="{escape(sample.name)} {which}">'
                for jpeg, which in zip(pair, ("as labelled", "as corrected"), strict=True)
                if jpeg
            )
        )
    return texts
