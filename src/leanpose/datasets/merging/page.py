"""The people of a merge whose labels the teachers contradict most, as one HTML page.

It needs no network and no script. All text from the data is escaped.
"""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np

from leanpose.core.html_page import html_page
from leanpose.datasets.inspection.charts import data_uri
from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.thumbnails import draw_people
from leanpose.datasets.merging.merge import of_face
from leanpose.datasets.merging.rules import VERDICTS, Merged, Outcome
from leanpose.datasets.merging.table import PEOPLE, joint_rows, people_rows
from leanpose.datasets.merging.word import Word
from leanpose.datasets.readers import Sample, map_sample

PICTURED = 12  # people of a section
UNSURE = 0.3  # confidence below which a teacher's joint is drawn faint

Section = tuple[str, str, str, np.ndarray]  # its anchor, title, meaning, and (N,) how far each person belongs there


def page(samples: Sequence[Sample], words: Sequence[Word], merged: Merged, title: str) -> str:
    """The page: counts, and of each kind of contradiction the people with most of it, four pictures of each.

    Args:
        samples: the people before the merge.
        words: on them.
    """
    names = [word.name for word in words]
    sections = [section for section in _sections(merged) if (section[3] > 0).any()]
    chosen = {anchor: _most(weight) for anchor, _, _, weight in sections}
    shown = sorted({i for members in chosen.values() for i in members})
    figures = dict(zip(shown, _figures(samples, words, merged, shown), strict=True))
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(heading)} <small>{_people(int((weight > 0).sum()))}</small></h2>'
        f'<p>{escape(meaning)}</p><div class="tiles">{"".join(figures[i] for i in chosen[anchor])}</div></section>'
        for anchor, heading, meaning, weight in sections
    )
    order = ", ".join(escape(name) for name in ("the labels", *names, "the consensus"))
    lead = (
        f"{_people(len(merged))}. Pictures of a person, row by row: {order}. Left joints are blue, right ones orange; "
        f"joints of which a teacher is not sure are fainter."
    )
    links = "".join(f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _, _ in sections)
    nothing = "<section><h2>Nothing was contradicted</h2><p>Nobody's labels are far from the teachers.</p></section>"
    footer = f"<p>At most {PICTURED} people of a section are shown, those with most of it first.</p>"
    header = f'<p class="lead">{lead}</p><nav aria-label="Sections">{links}</nav>'
    return html_page(title, header, _counts(merged, names) + (body or nothing), footer)


def _sections(merged: Merged) -> list[Section]:
    away = 1e-6 + np.nan_to_num(merged.away)  # what one teacher says nothing of is a contradiction as well

    def far(outcome: Outcome) -> np.ndarray:
        return np.where(merged.came_to(outcome), away, 0).sum(axis=1)

    body = np.where(of_face(merged.skeleton), 0.01, 1.0)  # that faces have no labels says little about a dataset
    return [
        ("swapped", "Sides exchanged", "The labels of the other side fit the teachers, their own do not.",
         np.where(merged.swapped, np.isfinite(merged.away).sum(axis=1), 0).astype(float)),
        ("overruled", "Labels overruled", "The teachers agree on another place: the joint is put there.",
         far("overruled")),
        ("dropped", "Labels dropped", "Label and teachers are apart, and nobody else knows: no longer labelled.",
         far("dropped")),
        ("unsure", "Labels that stay though no teacher is near", "The teachers are not sure themselves.",
         far("unsure")),
        ("added", "Joints added", "Not labelled, and the teachers agree on a place.",
         (merged.came_to("added") * body).sum(axis=1)),
        ("other", "Left alone: somebody else, or too few labels", "Most labels are far from the teachers.",
         np.where(merged.were("somebody else"), away.sum(axis=1), 0)),
    ]  # fmt: skip


def _most(weight: np.ndarray) -> list[int]:
    """The people with the most weight, who have some."""
    return [int(i) for i in np.argsort(-weight, kind="stable")[:PICTURED] if weight[i] > 0]


def _figures(samples: Sequence[Sample], words: Sequence[Word], merged: Merged, shown: Sequence[int]) -> list[str]:
    """A figure for each of the people shown."""
    if not shown:
        return []
    seen = [word.seen_as(merged.skeleton) for word in words]
    views = [_views(samples[i], seen, merged, i) for i in shown]
    pictures = draw_people(gather({"train": [s for pose in views for s in pose]}), _numbers(len(shown), len(words) + 2))
    names = ["labels", *(word.name for word in words), "consensus"]
    figures = []
    for row, i in enumerate(shown):
        tiles = "".join(
            f'<img loading="lazy" width="216" height="216" src="{data_uri("jpeg", jpeg)}" title="{escape(name)}" '
            f'alt="{escape(samples[i].name)}, {escape(name)}">'
            for column, name in enumerate(names)
            if (jpeg := pictures.get((row * len(names) + column,)))
        )
        figures.append(
            f'<figure class="pair"><div>{tiles}</div><figcaption><b>{escape(samples[i].name)}</b> '
            f"<span>{escape(_in_words(merged, i))}</span></figcaption></figure>"
        )
    return figures


def _numbers(people: int, views: int) -> list[tuple[int, ...]]:
    return [(n,) for n in range(people * views)]


def _views(sample: Sample, words: Sequence[Word], merged: Merged, i: int) -> list[Sample]:
    """One person as labelled, as each word has it, and as merged, all in one region."""
    before = map_sample(sample, merged.skeleton) or sample
    places = [np.where(before.labelled[:, None], before.keypoints, np.nan), *(word.keypoints[i] for word in words)]
    places.append(merged.keypoints[i])
    hidden = [np.zeros(len(merged.skeleton), dtype=bool)] * len(places)
    hidden[1:-1] = [word.confidence[i] < UNSURE for word in words]
    points = np.concatenate([sample.box.reshape(2, 2), *places])
    points = points[np.isfinite(points).all(axis=1)]
    region = np.concatenate((points.min(axis=0), points.max(axis=0)))
    return [
        replace(before, keypoints=place, labelled=np.isfinite(place[:, 0]), occluded=faint, box=region)
        for place, faint in zip(places, hidden, strict=True)
    ]


def _in_words(merged: Merged, i: int) -> str:
    """What became of a person's labels, with the distances from the teachers in torsos."""
    told = ["sides exchanged"] if merged.swapped[i] else []
    if not merged.were("merged")[i]:
        told.append(PEOPLE[VERDICTS[merged.verdicts[i]]])
    for outcome in ("overruled", "dropped", "unsure", "added"):
        joints = np.flatnonzero(merged.came_to(outcome)[i]).tolist()
        parts = [
            merged.skeleton.joints[k] + ("" if np.isnan(merged.away[i, k]) else f" {merged.away[i, k]:.1f}")
            for k in joints
        ]
        if parts:
            told.append(f"{'stays, unsure' if outcome == 'unsure' else outcome}: {', '.join(parts)}")
    return "; ".join(told)


def _counts(merged: Merged, names: Sequence[str]) -> str:
    tables = _table("people", people_rows(merged))
    tables += _table(f"joints of {merged.skeleton.name}", joint_rows(merged, names))
    return f'<section id="numbers"><h2>What became of them</h2><div class="side">{tables}</div></section>'


def _table(caption: str, rows: Sequence[tuple[str, int]]) -> str:
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{number:,}</td></tr>' for name, number in rows)
    return f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"
